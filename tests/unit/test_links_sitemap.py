"""Sitemaps in all their forms, broken ones, and files made to harm."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc

import pytest

from crawler.links import Document, extract
from crawler.links import sitemap as module
from crawler.links.sitemap import extract_sitemap
from crawler.links.sitemap_xml import MAX_URLS
from crawler.model import Extraction, Kind
from tests.support.sources import source_package

URL = "https://a.test/maps/sitemap.xml"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
URLSET = (
    HEAD
    + """
  xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:xhtml="http://www.w3.org/1999/xhtml"
  xmlns:video="http://www.google.com/schemas/sitemap-video/1.1">
  <!-- <url><loc>https://a.test/comment</loc></url> -->
  <url><loc>https://a.test/1</loc><lastmod>2024-05-06</lastmod><changefreq>daily</changefreq></url>
  <url><lastmod>2024-05-06T07:08:09+00:00</lastmod><loc>
     https://a.test/2?a=1&amp;b=2#part
  </loc></url>
  <url><loc><![CDATA[https://a.test/3?a=1&b=2]]></loc><lastmod>yesterday at noon</lastmod></url>
  <url><loc>/4</loc>
    <image:image><image:loc>https://cdn.test/4.jpg</image:loc><image:title>x</image:title></image:image>
    <video:video><video:thumbnail_loc>/4.png</video:thumbnail_loc><video:content_loc>/4.mp4</video:content_loc>
      <video:player_loc>/player</video:player_loc></video:video>
    <xhtml:link rel="alternate" hreflang="de" href="https://a.test/de/4"/>
    <xhtml:link rel="stylesheet" href="https://a.test/no"/></url>
  <url></url><url><loc></loc></url>
</urlset>"""
)
INDEX = """<?xml version='1.0'?><?xml-stylesheet type="text/xsl" href="/main.xsl?a=1&amp;b=2"?>
<sm:sitemapindex xmlns:sm="http://www.sitemaps.org/schemas/sitemap/0.9">
<sm:sitemap><sm:loc>https://a.test/s1.xml.gz</sm:loc><sm:lastmod>2024</sm:lastmod></sm:sitemap>
<sm:sitemap><sm:loc>https://a.test/s2.xml</sm:loc></sm:sitemap></sm:sitemapindex>"""


def found(content: str | bytes, **document: str | None) -> Extraction:
    data = content if isinstance(content, bytes) else content.encode()
    read = Document(URL, document.get("media_type"), document.get("charset"), data)
    return extract(read, extractor=extract_sitemap)


def contexts(extraction: Extraction) -> dict[str, str]:
    return {url: f"{role.code} {role.context}" for url, role in extraction.links.items()}


def urlset(*urls: str) -> str:
    return f"{HEAD}>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>"


def test_a_sitemap() -> None:
    extraction = found(URLSET)
    assert extraction.failure is None
    assert contexts(extraction) == {
        "https://a.test/1": "L urlset/loc[lastmod=2024-05-06]",
        "https://a.test/2?a=1&b=2": "L urlset/loc[lastmod=2024-05-06T07:08:09+00:00]",
        "https://a.test/3?a=1&b=2": "L urlset/loc",
        "https://a.test/de/4": "L urlset/link/@href",
        "https://a.test/4": "L urlset/loc",
        "https://cdn.test/4.jpg": "E urlset/image/loc",
        "https://a.test/4.png": "E urlset/video/loc",
        "https://a.test/4.mp4": "E urlset/video/loc",
    }


def test_an_index() -> None:
    extraction = found(INDEX)
    assert contexts(extraction) == {
        "https://a.test/main.xsl?a=1&b=2": "E xml-stylesheet/@href",
        "https://a.test/s1.xml.gz": "M sitemapindex/loc[lastmod=2024]",
        "https://a.test/s2.xml": "M sitemapindex/loc",
    }
    assert extraction.links["https://a.test/s2.xml"].kind is Kind.SITEMAP


def test_text_with_a_url_a_line() -> None:
    text = "\ufeffhttps://a.test/1\r\nhttps://a.test/ä\n\n# https://a.test/no\nno\nftp://a.test/x\r HTTP://A.test/3 "
    assert contexts(found(text, media_type="text/plain")) == {
        "https://a.test/1": "L sitemap/line",
        "https://a.test/%C3%A4": "L sitemap/line",
        "http://a.test/3": "L sitemap/line",
    }


RSS = """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>T</title><link>https://a.test/</link>
<atom:link href="https://a.test/rss" rel="self"/><item><title>x</title><link>https://a.test/1</link></item>
<item><link>https://a.test/2</link><guid>https://a.test/no</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/self"/><entry><link href="https://a.test/1"/>
<link rel="edit" href="/edit"/></entry><entry><link rel="alternate" href="2"/></entry></feed>"""


@pytest.mark.parametrize(
    ("feed", "urls"),
    [(RSS, ["https://a.test/", "https://a.test/1", "https://a.test/2"]),
     (ATOM, ["https://a.test/1", "https://a.test/maps/2"])],
)  # fmt: skip
def test_feeds_serve_as_sitemaps(feed: str, urls: list[str]) -> None:
    assert contexts(found(feed)) == dict.fromkeys(urls, "L feed/link")


@pytest.mark.parametrize("content", [URLSET, INDEX, "https://a.test/1\nhttps://a.test/2\n"])
@pytest.mark.parametrize("type_", ["application/x-gzip", "application/gzip", "text/xml", "text/html", None])
def test_gzip_is_known_by_its_first_bytes(content: str, type_: str | None) -> None:
    packed = gzip.compress(content.encode())
    assert found(packed, media_type=type_) == found(content)
    half = len(content) // 2
    members = gzip.compress(content[:half].encode()) + gzip.compress(content[half:].encode())
    assert found(members + b"\0" * 512, media_type=type_) == found(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    text = (
        f'<?xml version="1.0" encoding="{declared}"?><urlset><url><loc>https://a.test/\xe4?&amp;</loc></url></urlset>'
    )
    if encoding in ("utf-16-le", "utf-16-be"):
        text = text.replace(encoding, "utf-16")
    assert list(found(text.encode(encoding)).links) == ["https://a.test/%C3%A4?&"]


@pytest.mark.parametrize("type_", ["text/xml", "application/xml", None])
@pytest.mark.parametrize("content", [URLSET, INDEX, URLSET[URLSET.index("<urlset") :]])
def test_a_page_that_is_a_sitemap_is_known_by_its_root(content: str, type_: str | None) -> None:
    extraction = extract(Document(URL, type_, None, content.encode()))
    assert extraction.links
    assert extraction == found(content)


# -- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["\n", " \r\n\t", "\ufeff\n"])
def test_white_space_before_the_declaration(space: str) -> None:
    assert list(found(space + urlset("https://a.test/1")).links) == ["https://a.test/1"]


def test_an_ampersand_that_nobody_escaped() -> None:
    extraction = found(urlset("https://a.test/?a=1&b=2&copy=3&amp;d=4&#38;e&nbsp;"))
    assert (list(extraction.links), extraction.failure) == (["https://a.test/?a=1&b=2&copy=3&d=4&e&nbsp;"], None)


def test_ampersands_at_the_borders_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = urlset("https://a.test/?a=1&b=2&amp;c=3&#x26;d", "https://a.test/&")
    whole = found(text)
    assert list(whole.links) == ["https://a.test/?a=1&b=2&c=3&d", "https://a.test/&"]
    for size in range(1, 40):
        monkeypatch.setattr(module, "_PIECE", size)
        assert found(text) == whole, size
        assert found(gzip.compress(text.encode())) == whole, size


@pytest.mark.parametrize("mistake", ["\x00", "\x07", "<b", "</x>", "<a b=c>", "&#0;", "\udcff"])
def test_what_comes_after_a_mistake_is_found(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = urlset("https://a.test/1", "https://a.test/2&x").replace("</urlset>", f"<url>{mistake}</url>")
    text += "<url><x:loc>https://a.test/3&amp;y</x:loc></url><url><loc> <![CDATA[https://a.test/4]]> </loc></url>"
    data = text.encode("utf-8", "surrogateescape")
    for size in (65_536, 64, 7):
        monkeypatch.setattr(module, "_PIECE", size)
        extraction = found(data)
        assert list(extraction.links)[:2] == ["https://a.test/1", "https://a.test/2&x"]
        assert set(extraction.links) >= {"https://a.test/3&y", "https://a.test/4"}
        assert "not well-formed" in str(extraction.failure)


def test_a_torn_file_gives_what_can_be_had() -> None:
    whole = gzip.compress("".join(f"https://a.test/{number}\n" for number in range(20_000)).encode())
    assert 5_000 < len(found(whole[: len(whole) // 2]).links) < 20_000
    text = urlset(*(f"https://a.test/{number}" for number in range(100)))
    extraction = found(text[: len(text) // 2])
    assert 40 < len(extraction.links) < 60
    assert extraction.failure is not None


@pytest.mark.parametrize(
    "content",
    [
        "<!doctype html><html><head><title>Not found</title></head><body><a href=/x>x</a><br></body></html>",
        "<html xmlns='http://www.w3.org/1999/xhtml'><body><a href='/x'>x</a></body></html>",
        "<svg><image href='/x'/></svg>",
        '{"a": "https://a.test/x"}',
        "Not found",
        b"\x1f\x8b",
        b"\x1f\x8b" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100,
        b"",
        b" \n",
    ],
)
def test_what_is_no_sitemap_lists_nothing(content: str | bytes) -> None:
    assert found(content).links == {}


def test_noise_raises_nothing(rng: random.Random) -> None:
    """Registered extractors may fail only by `Unfinished`: any other error would be told as one of ours."""
    for _ in range(300):
        data = bytearray(URLSET.encode())
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
        assert "extract_sitemap" not in str(found(bytes(data)).failure)


# -- limits and attacks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["xmlbomb.xml", "xmlbomb2.xml", "quadratic.xml", "cyclic.xml", "external.xml", "external_file.xml", "dtd.xml"],
)
def test_the_hostile_files_that_defusedxml_brings(name: str) -> None:
    path = source_package("defusedxml", "0.7.1") / "xmltestdata" / name
    content = path.read_bytes()
    began = time.process_time()
    extraction = found(content)
    assert extraction.links == {}
    assert extraction.failure is not None
    # The same as the file of a sitemap, with what its entity would become where an address should be.
    text = content.decode()
    start = text.rindex("<", 0, text.rindex("</"))
    extraction = found(text[:start] + "<urlset><url><loc>https://a.test/&a;&b;&ee;&xxe;</loc></url></urlset>")
    if "<!ENTITY" in text:
        assert extraction.links == {}
        assert "entity" in str(extraction.failure)
    assert all("root:" not in url and len(url) < 100 for url in extraction.links)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "https://a.test/x">',
        '<!ENTITY % a "x">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://169.254.169.254/"> %a;',
        '<!ENTITY a PUBLIC "x" "http://b.test/">',
        '<!ENTITY a SYSTEM "x" NDATA b>',
    ],
)
def test_a_file_with_entities_of_its_own_is_not_read(declaration: str) -> None:
    body = "<urlset><url><loc>https://a.test/1</loc></url><url><loc>&a;</loc></url></urlset>"
    extraction = found(f"<!DOCTYPE urlset [{declaration}]>{body}")
    assert extraction.links == {}
    assert "entity" in str(extraction.failure)


def test_a_document_type_alone_does_no_harm() -> None:
    text = "<!DOCTYPE urlset SYSTEM 'http://b.test/x.dtd'><urlset><url><loc>https://a.test/1</loc></url></urlset>"
    assert list(found(text).links) == ["https://a.test/1"]


def test_no_more_urls_than_the_protocol_allows() -> None:
    lines = "".join(f"https://a.test/{number}\n" for number in range(MAX_URLS + 10))
    extraction = found(lines)
    assert len(extraction.links) == MAX_URLS
    assert "50000 URLs" in str(extraction.failure)
    assert len(found(urlset(*lines.split())).links) == MAX_URLS


def _peak(content: bytes) -> tuple[Extraction, int]:
    tracemalloc.start()
    try:
        return found(content), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_small_file_that_unpacks_to_much_is_cut_at_the_limit_in_little_memory() -> None:
    head = urlset("https://a.test/1").removesuffix("</urlset>").encode()
    filler = (b"<url><!--" + b"x" * 10_000 + b"--></url>\n") * 500
    packed = gzip.compress(head + filler * 11 + b"<url><loc>https://a.test/2</loc></url></urlset>", 1)
    extraction, peak = _peak(packed)
    assert list(extraction.links) == ["https://a.test/1"]
    assert "50 MiB" in str(extraction.failure)
    assert peak < 2 << 20


@pytest.mark.parametrize(
    "attack",
    [
        b"<url>" * 2_000_000,
        b"<url a='" + b"x" * 20_000_000,
        b"<!--" + b"x" * 20_000_000,
        b"<url><loc>" + b"x" * 20_000_000,
        b"<url " + b"".join(b"a%d='' " % number for number in range(1_000_000)) + b"/>",
        b"<url>" + b"<loc>/x</loc>" * 500_000,
        b"<" + b"a" * 20_000_000,
        b"</x>" + b"<loc>" + b" " * 5_000_000,
        b"</x>" + b"<loc> " * 1_000_000,
        b"</x>" + b"<loc" * 1_000_000,
        b"</x>" + b"<" + b"a" * 20_000_000,
        b"&" * 2_000_000,
        b"<![CDATA[" + b"]" * 10_000_000,
    ],
    ids=lambda attack: attack[:12].decode(),
)
def test_what_is_made_to_cost_much_costs_little(attack: bytes) -> None:
    head = b"<urlset><url><loc>https://a.test/1</loc></url>"
    began = time.process_time()
    extraction, peak = _peak(gzip.compress(head + attack, 1))
    assert next(iter(extraction.links)) == "https://a.test/1"
    assert extraction.failure is not None
    assert time.process_time() - began < 10  # mostly what watching the memory costs
    assert peak < 24 << 20


def test_lines_without_end_cost_little() -> None:
    extraction, peak = _peak(gzip.compress(b"https://a.test/" + b"x" * 30_000_000))
    assert extraction.links == {}
    assert peak < 4 << 20
