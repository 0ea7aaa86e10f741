"""Rewriting for replay: every address leads into the archive, every other byte is as it was."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.replay.address import Links, ReplayAddress, parse_path
from storage.replay.charset import html_encoding, text_encoding
from storage.replay.css import rewrite_css
from storage.replay.elements import refresh
from storage.replay.html import rewrite_html
from storage.replay.rewrite import Source, rewrite
from storage.replay.script import rewrite_import_map, rewrite_script
from storage.replay.srcset import rewrite_srcset

LINKS = Links("https://example.com/a/b.html", "20260102030405")
AT = "/replay/20260102030405/"
HERE = f"{AT}https://example.com"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("https://other.test/x?y=1#z", f"{AT}https://other.test/x?y=1#z"),
        ("HTTP://Other.test", f"{AT}http://other.test/"),
        ("//cdn.test/x", f"{AT}https://cdn.test/x"),
        ("/x", f"{HERE}/x"),
        ("\\x", f"{HERE}/x"),
        (" /x\n", f"{HERE}/x"),
        ("ht\ntps://o.test/", f"{AT}https://o.test/"),
        ("../x", f"{HERE}/x"),
        ("../../../../x", f"{HERE}/x"),
        ("https:x", f"{HERE}/a/x"),
        ('/"<x>', f"{HERE}/%22%3Cx%3E"),
        ("x.html", None),
        ("?q=1", None),
        ("#part", None),
        ("", None),
        ("./x", None),
        ("data:text/html,<a>", None),
        ("javascript:go('/x')", None),
        ("mailto:a@b.test", None),
        ("https://[", None),
    ],
)
def test_a_link_leads_into_the_archive_or_stays(link: str, path: str | None) -> None:
    assert LINKS.map(link) == path


@pytest.mark.parametrize(
    ("path", "address"),
    [
        (f"{AT}https://example.com/a?b=c", ReplayAddress("https://example.com/a?b=c", "20260102030405")),
        ("/replay/2026id_/http://a.test/", ReplayAddress("http://a.test/", "2026", True)),
        ("/replay/id_/http://a.test/", ReplayAddress("http://a.test/", "", True)),
        ("/replay/2026mp_/http://a.test/", ReplayAddress("http://a.test/", "2026")),
        ("/replay/https:/a.test/x", ReplayAddress("https://a.test/x", "")),
        ("/replay/2026/a.test?x", ReplayAddress("http://a.test/?x", "2026")),
        ("/replay/", None),
        ("/other/2026/http://a.test/", None),
    ],
)
def test_replay_paths_are_read(path: str, address: ReplayAddress | None) -> None:
    assert parse_path(path) == address


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a href=/x>y</a>", f'<a href="{HERE}/x">y</a>'),
        ("<A HREF='/x' class=c>", f'<A HREF="{HERE}/x" class=c>'),
        ("<a title='1 > 0' href=\"/x\">", f"<a title='1 > 0' href=\"{HERE}/x\">"),
        ('<a href="/?a=1&copy=2&amp;c=&lt;">', f'<a href="{HERE}/?a=1&amp;copy=2&amp;c=%3C">'),
        ("<img src=/i srcset='/a 1x, b,c 2x'>", f'<img src="{HERE}/i" srcset="{HERE}/a 1x, b,c 2x">'),
        ("<p style='background:url(/x)'>", f'<p style="background:url(&quot;{HERE}/x&quot;)">'),
        ("<style>a{b:url(/x)}</style>", f'<style>a{{b:url("{HERE}/x")}}</style>'),
        ("<svg><use xlink:href='/s#a'/></svg>", f'<svg><use xlink:href="{HERE}/s#a"/></svg>'),
        ("<script src=/s integrity=i>", f'<script src="{HERE}/s" data-archived-integrity=i>'),
        ("<a ping=/p PING=/q>", "<a data-archived-ping=/p data-archived-PING=/q>"),
        (
            "<link rel='DNS-prefetch' href=//x.test>",
            f"<link data-archived-rel='DNS-prefetch' href=\"{AT}https://x.test/\">",
        ),
        ("<meta http-equiv=refresh content='5;URL=/x'>", f'<meta http-equiv=refresh content="5;URL={HERE}/x">'),
        ("<meta http-equiv=Content-Security-Policy>", "<meta data-archived-http-equiv=Content-Security-Policy>"),
        ("<meta name=referrer>", "<meta data-archived-name=referrer>"),
        ("<base href=/c/><a href=../x>", f'<base href="{HERE}/c/"><a href="{HERE}/x">'),
        ("<iframe sandbox='allow-scripts allow-popups'>", '<iframe sandbox="allow-scripts allow-same-origin">'),
        ("<iframe srcdoc='<img src=/x>'>", f'<iframe srcdoc="&lt;img src=&quot;{HERE}/x&quot;>">'),
        ("<script type=speculationrules>", "<script data-archived-type=speculationrules>"),
        ("<body background=/b>", f'<body background="{HERE}/b">'),
        ("<form action=/f>", f'<form action="{HERE}/f">'),
        ("<noscript><img src=/n></noscript>", f'<noscript><img src="{HERE}/n"></noscript>'),
        ("<video poster=/p><source src=/v>", f'<video poster="{HERE}/p"><source src="{HERE}/v">'),
    ],
)
def test_markup_is_mapped(before: str, after: str) -> None:
    assert rewrite_html(before, LINKS) == after


@pytest.mark.parametrize(
    "markup",
    [
        "<a href=x.html>",
        "<!-- <a href=/x> -->",
        "<script>'<a href=/x>'</script>",
        "<title><a href=/x></title>",
        "<textarea><a href=/x></textarea>",
        "<plaintext><a href=/x>",
        "<!doctype html><p>1 < 2 & 3",
        "<a href=/torn",
        "<p title='<a href=/x>'>",
        "<br / ><Ⱥ>\x00<img/>",
        "<data-x href=/x>",
    ],
)
def test_everything_else_stays_as_it_was(markup: str) -> None:
    assert rewrite_html(markup, LINKS) == markup


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!doctype html><html><head><title>", "<!doctype html><html><head>!<title>"),
        ("<!-- c --><title>t</title><p>", "<!-- c -->!<title>t</title><p>"),
        ("<html><frameset>", "<html>!<frameset>"),
        ("text only", "text only"),
    ],
)
def test_what_is_inserted_stands_before_all_that_could_run(before: str, after: str) -> None:
    assert rewrite_html(before, LINKS, insert="!") == after


def test_xml_has_no_raw_text() -> None:
    markup = (
        '<?xml-stylesheet href="/s.css"?><svg><![CDATA[<image href="/x"/>]]><title><image href="/x"/></title></svg>'
    )
    assert rewrite_html(markup, LINKS, xml=True, insert="!") == (
        f'<?xml-stylesheet href="{HERE}/s.css"?><svg><![CDATA[<image href="/x"/>]]>'
        f'<title><image href="{HERE}/x"/></title></svg>'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a{b:url(/x)}", f'a{{b:url("{HERE}/x")}}'),
        ("a{b:url( '/x' )}", f"a{{b:url( '{HERE}/x' )}}"),
        ('@import "//c.test/x" screen;', f'@import "{AT}https://c.test/x" screen;'),
        ("@import url(/x);", f'@import url("{HERE}/x");'),
        (r"a{b:url(/x\)y)}", f'a{{b:url("{HERE}/x)y")}}'),
        (r"a{b:url(\2f x)}", f'a{{b:url("{HERE}/x")}}'),
        (
            'image-set("/a" 1x type("image/png"), url(/b) 2x) "/c"',
            f'image-set("{HERE}/a" 1x type("image/png"), url("{HERE}/b") 2x) "/c"',
        ),
        ("/* url(/x) */ b{content:'url(/x)'}", "/* url(/x) */ b{content:'url(/x)'}"),
        ("url(rel.png) url(data:x) url(#f)", "url(rel.png) url(data:x) url(#f)"),
        ("url('/unclosed", "url('/unclosed"),
    ],
)
def test_style_sheets_are_mapped(before: str, after: str) -> None:
    assert rewrite_css(before, LINKS) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/a 1x, /b 2x", f"{HERE}/a 1x, {HERE}/b 2x"),
        ("/a,/b 100w", f"{HERE}/a,/b 100w"),
        ("/a, /b", f"{HERE}/a, {HERE}/b"),
        ("a 1x, b 2x", None),
    ],
)
def test_srcset_is_mapped(before: str, after: str | None) -> None:
    assert rewrite_srcset(before, LINKS) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('import x from"/x.js"', f'import x from"{HERE}/x.js"'),
        ("import 'https://c.test/y'", f"import '{AT}https://c.test/y'"),
        ("await import( '/z' )", f"await import( '{HERE}/z' )"),
        ("export * from './rel.js'", "export * from './rel.js'"),
        ("fetch('/x'); a.from('/x'); import_('/x')", "fetch('/x'); a.from('/x'); import_('/x')"),
    ],
)
def test_modules_import_from_the_archive(before: str, after: str) -> None:
    assert rewrite_script(before, LINKS) == after


def test_import_maps_are_mapped() -> None:
    before = (
        '{"imports": {"lib": "/lib.js", "rel": "./r.js", "/p/": "//c.test/"}, "integrity": {}, '
        '"scopes": {"/s/": {"a": "/b"}}}'
    )
    after = rewrite_import_map(before, LINKS)
    assert after == (
        f'{{"imports": {{"lib": "{HERE}/lib.js", "rel": "./r.js", "{HERE}/p/": "{AT}https://c.test/"}}, '
        f'"scopes": {{"{HERE}/s/": {{"a": "{HERE}/b"}}}}}}'
    )
    assert rewrite_import_map("[" * 100_000, LINKS) == "[" * 100_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [("0; url=/x", f"0; url={HERE}/x"), ('3;"rel.html"', f"3;{HERE}/a/rel.html"), ("5", None)],
)
def test_refreshes_stay_within(content: str, expected: str | None) -> None:
    assert refresh(content, LINKS) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "shift_jis", "gb18030", "euc-kr", "koi8-r"])
def test_bytes_beyond_ascii_are_kept(encoding: str) -> None:
    """Also those that are no characters of the encoding."""
    body = b"<a href=/x>" + "é日本한Ж".encode(encoding, "ignore") + b"\xff\x81</a>"
    result = rewrite(Source(body, "text/html", encoding), "document", LINKS, "")
    assert result.body == body.replace(b"/x", f'"{HERE}/x"'.encode())
    assert result.charset == encoding


def test_a_query_is_written_in_the_encoding_of_its_document() -> None:
    body = "<a href='/é?é#é'>".encode("latin-1")
    result = rewrite(Source(body, "text/html", "latin1"), "document", LINKS, "")
    assert result.body == f'<a href="{HERE}/%C3%A9?%E9#%C3%A9">'.encode()


@pytest.mark.parametrize(
    ("data", "charset", "name"),
    [
        (b"\xef\xbb\xbf<meta charset=koi8-r>", "latin1", "utf-8"),
        (b"<meta charset=koi8-r>", "latin1", "windows-1252"),
        (b"<!-- <meta charset=x> --><meta http-equiv=x content='text/html; charset=KOI8-R'>", None, "koi8-r"),
        (b"<meta charset=utf-16>", "nonsense", "utf-8"),
        (b'<?xml version="1.0" encoding="euc-jp"?>', None, "euc-jp"),
        (b"", None, "windows-1252"),
    ],
)
def test_the_encoding_of_a_document_is_found_as_browsers_find_it(data: bytes, charset: str | None, name: str) -> None:
    assert html_encoding(data, charset).name == name


def test_the_encoding_of_a_style_sheet() -> None:
    assert text_encoding(b'@charset "koi8-r"; a{}', None).name == "koi8-r"
    assert text_encoding(b"a{}", None).name == "utf-8"


@pytest.mark.parametrize(
    ("mime", "destination", "expected"),
    [
        ("text/html", "document", b'!<a href="' + HERE.encode() + b'/x">'),
        ("text/html", "empty", b'<a href="' + HERE.encode() + b'/x">'),
        ("text/html", "script", b"<a href=/x>"),
        ("text/html", "image", b"<a href=/x>"),
        ("text/plain", "document", b"<a href=/x>"),
        ("application/json", "empty", b"<a href=/x>"),
    ],
)
def test_a_body_is_read_as_what_it_is_used_for(mime: str, destination: str, expected: bytes) -> None:
    assert rewrite(Source(b"<a href=/x>", mime, None), destination, LINKS, "!").body == expected


HOSTILE = [
    *("<a ", "<a x='", "<!--", '<a href="', "<style>", "<script><", "<?", "</a ", "</a x='", "<!", "</", "<![CDATA["),
    *(
        "url(",
        "@import",
        "image-set(",
        "(",
        "/*",
        "'\\",
        "url(\\",
        'url("',
        "url(a ",
        'import "/',
        "import(",
        "a (",
        "a,b ",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_document_takes_longer_than_its_length(piece: str) -> None:
    """Ten times the length may take ten times as long, not a hundred times."""
    start = time.process_time()
    for rewriting in (rewrite_html, rewrite_css, rewrite_script, rewrite_srcset):
        rewriting(piece * 20_000, LINKS)
    assert time.process_time() - start < 3


@given(st.text(alphabet=st.sampled_from(list("<>/!-='\"& abhrefscipt\n\t")), max_size=60))
def test_without_an_address_nothing_changes(markup: str) -> None:
    """Nothing that could be one: no `/`-led value survives the replacement below."""
    harmless = markup.replace("/", "x")
    assert rewrite_html(harmless, LINKS) == harmless
