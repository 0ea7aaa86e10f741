"""Documents written to cost: each is read in one pass, in bounded time and memory, and its links are found."""

from __future__ import annotations

import time

import pytest

from crawler.links import Document, extract, registry
from crawler.links.references import MAX_REFERENCES, References
from crawler.links.roles import A_HREF
from crawler.links.tags import is_costly, start_tags
from tests.support.sources import source_package

LINK = b"<a href=/link>"
LIMIT = 6.0
"""Seconds of CPU for the slowest, with room for a slow machine. A tree takes minutes, or gigabytes, for most."""


def formatting(count: int, rest: bytes) -> bytes:
    return b"".join(b"<b class=%d>" % number for number in range(count)) + rest


COSTLY = {
    "nested divs": b"<div>" * 100_000,
    "nested and closed divs": b"<div>" * 100_000 + b"</div>" * 100_000,
    "nested lists": b"<ul><li>" * 60_000,
    "end tags without start": b"<div>" * 50_000 + b"</p>" * 60_000,
    "formatting repeated in each paragraph": formatting(4_000, b"<p>x" * 4_000),
    "formatting in mixed case": formatting(4_000, b"<p>x" * 4_000).replace(b"<b ", b"<Font "),
    "formatting among other tags": formatting(2_000, b"<img alt=x><P>x" * 6_000).replace(b"<b ", b"<strike "),
    "formatting, closed at the end": formatting(500, b"<p>x</p>" * 5_000 + b"</b>" * 500),
    "attributes": b"<p " + b" ".join(b"a%x" % number for number in range(100_000)) + b">",
    "attributes with > in them": b"<p " + b" ".join(b'a%x=">"' % number for number in range(100_000)) + b">",
    "many tags": b"<br>" * 100_001,
}
LARGE = {
    "a long lazy value": b"<p data-bg='" + b"a.bc?" * 200_000 + b"|'>",
    "many lazy values": b"<p data-bg='a.bc?a.bc?a.bc?|'>" * 50_000,
    "many lazy values as long as are looked at": (b"<p data-bg='" + b"a.bc?" * 800 + b"|'>") * 1_000,
    "deep JSON-LD": b"<script type=application/ld+json>" + b'{"a":[' * 200_000 + b"</script>",
    "long JSON-LD": b"<script type=application/ld+json>[" + b'"/%s",' % (b"a" * 2_000) * 2_000 + b"</script>",
    "a long attribute": b'<p title="' + b"x" * 10_000_000 + b'">',
    "nested templates": b"<template>" * 5_000 + LINK + b"</template>" * 5_000,
    "nested templates, each in svg": b"<template><svg>" * 14_990,
    "nested svg": b"<svg>" * 20_000 + b"</svg>" * 20_000,
    "text": b"word " * 2_000_000,
    "less-than signs": b"< " * 1_000_000,
    "backslashes in style": b"<style>" + b"\\" * 500_000 + b"image-set(" * 20_000 + b"</style>",
    "one long word in style": b"<style>" + b"a" * 2_000_000 + b"</style>",
    "parentheses in srcset": b'<img srcset="' + b"a (b, " * 20_000 + b"(" * 20_000 + b'">',
    "nested srcdoc": b"<iframe srcdoc='<iframe srcdoc=&quot;<iframe srcdoc=x>&quot;>'></iframe>" * 1_000,
    "nested documents under a base that is none": b"<base href="
    + b"b" * 500_000
    + b">"
    + b"<iframe srcdoc=x></iframe>" * 20_000,
    "NUL bytes": b"\0" * 1_000_000,
}


def cpu_seconds(content: bytes) -> tuple[float, list[str]]:
    started = time.thread_time()
    extraction = extract(Document("http://h/", "text/html", "utf-8", content))
    assert extraction.failure is None
    return time.thread_time() - started, list(extraction.links)


@pytest.mark.parametrize("name", COSTLY)
def test_no_tree_is_built_of_a_costly_document(name: str) -> None:
    content = LINK + b"</a>" + COSTLY[name] + LINK.replace(b"link", b"last")
    assert is_costly(content)
    seconds, links = cpu_seconds(content)
    assert links == ["http://h/link", "http://h/last"]
    assert seconds < LIMIT


@pytest.mark.parametrize("name", LARGE)
def test_large_documents_take_linear_time(name: str) -> None:
    seconds, links = cpu_seconds(LINK + b"</a>" + LARGE[name] + LINK.replace(b"link", b"last"))
    assert {"http://h/link", "http://h/last"} <= set(links)
    assert seconds < LIMIT


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (
            "text/javascript",
            b"'" + b"/a.b" * 255 + b"|';" + b"'\"`" * 300_000 + (b"'" + b"/a.b" * 255 + b"|';") * 1_000,
        ),
        ("text/javascript", b"'\\" * 500_000),
        ("application/json", b'"/' * 500_000),
        ("application/json", b'"//\\' * 250_000),
        ("application/json", b"[" * 1_000_000),
        ("application/rss+xml", b"<rss>" + b"<item>" * 200 + b"&" * 1_000_000),
        ("text/xml", b"<!-- -->" * 150 + b"<!" * 100_000),
        ("text/xml", b"<?xml-stylesheet " * 100_000),
        ("application/x-mpegurl", b'#EXT-X-KEY:URI="x",' * 50_000),
        ("application/dash+xml", b"<MPD><SegmentTemplate media='" + b"$Number" * 100_000 + b"'/>"),
        (
            "application/dash+xml",
            b"<MPD><SegmentTemplate media='" + b"x" * 500_000 + b"'/>" + b"<Representation/>" * 60_000,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_documents_take_linear_time(media_type: str, content: bytes) -> None:
    started = time.thread_time()
    extract(Document("http://h/", media_type, None, content, guesses=True))
    assert time.thread_time() - started < LIMIT


@pytest.mark.parametrize(
    "media_type", ["text/xml", "application/rss+xml", "application/dash+xml", "image/svg+xml", "application/xhtml+xml"]
)
def test_the_hostile_files_that_defusedxml_brings(media_type: str) -> None:
    files = sorted((source_package("defusedxml", "0.7.1") / "xmltestdata").iterdir())
    assert len(files) == 11
    for file in files:
        content = file.read_bytes()
        started = time.thread_time()
        extraction = extract(Document("http://h/", media_type, None, content))
        assert time.thread_time() - started < LIMIT
        # Nothing was expanded, and nothing read from where an entity or a document type points.
        assert all(url.encode() in content for url in extraction.links), file.name
        if b"<!ENTITY" in content and media_type not in ("image/svg+xml", "application/xhtml+xml"):
            assert extraction.failure == "the XML declares entities of its own, which are never expanded", file.name


def test_usual_documents_get_a_tree() -> None:
    row = b"<tr><td><p>text <b>bold</b> <a href=x><code class=y>z</code></a><br><img src=i></td></tr>"
    assert not is_costly(b"<table>" + row * 5_000 + b"</table>")
    assert not is_costly(b"<script>" + b"var a = 1;\n" * 5_000 + b"</script>")
    assert not is_costly(b"<img src='data:image/png;base64," + b"AAAA" * 100_000 + b"'>")


def test_without_a_tree_the_same_links_are_found() -> None:
    page = b"""<!doctype html><title>T &amp; t</title><base href="/b/"><link rel=stylesheet href='s.css'>
    <!-- <a href=no> --><script src=j.js>'<a href=no>'</script><style>p{background:url(c.png)}</style>
    <a title='a > b' href="1?a=1&amp;b=2">x</a><A HREF=2>y</A><img src=3 srcset='4 1x, 5,6 2x'/><a href=7/>
    <noscript><img src=8></noscript><template><a href=9></template><textarea><a href=no></textarea>
    <iframe srcdoc="&lt;a href=10>"></iframe><p style="background:url('11')"><svg><use xlink:href="12#x"/></svg>
    <meta http-equiv=refresh content="0; url=13"><a href='unclosed"""
    tree = extract(Document("http://h/", "text/html", None, page))
    flat = extract(Document("http://h/", "text/html", None, page.replace(b"<title>", b"<br>" * 100_001 + b"<title>")))
    assert flat == tree
    names = "s.css j.js c.png 1?a=1&b=2 2 3 4 5,6 7/ 8 9 10 11 12 13"
    assert [url.removeprefix("http://h/b/") for url in tree.links] == names.split()


STEP = 256 << 10
"""Characters that are looked through at once."""


def test_tags_across_two_steps_are_read_as_others() -> None:
    text = "<p><a b=1><!-- <a b=2> --><title>x</title><br/><plain-text c><textarea d><a></textarea></a><!a b=3><a b=4>"
    expected = list(start_tags(text))
    for shift in range(len(text) + 1):
        assert list(start_tags("x" * (STEP - shift) + text)) == expected


def test_a_self_closed_element_across_two_steps_is_read_as_others() -> None:
    for shift in range(40):
        text = b"<svg>" + b" " * (STEP - shift) + b"<style id='a'/><a href='x'/></svg>"
        assert list(extract(Document("http://h/", "image/svg+xml", "utf-8", text)).links) == ["http://h/x"]


def test_start_tags() -> None:
    text = "<p><a b=c d = 'e' f=\"g\" H i=&amp;j/>"
    text += "<//x><!x><?x><a/b=c><title>&lt;</title><script>x<y</script><plaintext><a b>"
    assert list(start_tags(text)) == [
        ("a", {"b": "c", "d": "e", "f": "g", "h": None, "i": "&j/"}, ""),
        ("a", {"b": "c"}, ""),
        ("title", {}, "<"),
        ("script", {}, "x<y"),
    ]


def test_links_beyond_the_limit_are_told() -> None:
    content = b"".join(b"<a href=%d>" % number for number in range(MAX_REFERENCES + 10))
    extraction = extract(Document("http://h/", "text/html", None, content))
    assert len(extraction.links) == MAX_REFERENCES
    assert extraction.failure == "stopped after 100000 links"


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/html", b"<base href='/%s/'>" % (b"b" * 15_000) + b"".join(b"<a href=%d>" % n for n in range(50_000))),
        (
            "text/html",
            b"<applet codebase=%s archive='%s'>" % (b"b" * 15_000, b",".join(map(b"%d".__mod__, range(9999)))),
        ),
        (
            "application/rss+xml",
            b"<rss xml:base='/%s/'>%s</rss>"
            % (b"b" * 15_000, b"".join(b"<link>%d</link>" % number for number in range(9_999))),
        ),
        (
            "application/dash+xml",
            b"<MPD mediaPresentationDuration='PT99999S'><Period><SegmentTemplate duration='1' media='%s'/>"
            b"<Representation/></Period></MPD>" % (b"$Number%099d$" * 100),
        ),
    ],
    ids=["base", "codebase", "xml:base", "template"],
)
def test_short_documents_of_gigabytes_of_links_are_cut_off(media_type: str, content: bytes) -> None:
    extraction = extract(Document("http://h/", media_type, None, content))
    assert extraction.failure == "stopped after 32 Mi characters of links"
    assert 1_000 < len(extraction.links) < 4_000


def test_a_failing_extractor_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def extract_some(document: Document, references: References) -> None:
        references.add("x", A_HREF)
        references.title = "T"
        raise RuntimeError("broken")

    monkeypatch.setitem(registry.EXTRACTORS, "text/x-some", extract_some)
    extraction = extract(Document("http://h/", "text/x-some", None, b"content"))
    assert list(extraction.links) == ["http://h/x"]
    assert extraction.title == "T"
    assert extraction.failure == "extract_some: RuntimeError('broken')"
