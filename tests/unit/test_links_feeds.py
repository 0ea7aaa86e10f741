"""RSS, Atom, other XML, and the manifests of streamed media."""

from __future__ import annotations

import pytest

from crawler.links import Document, extract, pieces
from crawler.links.playlists import MAX_SEGMENTS

PAGE = "http://h/d/feed.xml"


def found(content: str, media_type: str, failure: str | None = None) -> dict[str, str]:
    extraction = extract(Document(PAGE, media_type, None, content.encode()))
    assert extraction.failure == failure
    return {link.removeprefix("http://h/d/"): f"{r.code} {r.context}" for link, r in extraction.links.items()}


RSS = """<?xml version="1.0" encoding="windows-1252"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">
<channel><title>Caf\u00e9 &nbsp; AT&T</title><link>http://h/d/home</link><atom:link rel="self" href="self.xml"/>
<atom:link rel="hub" href="http://hub/"/><image><url>logo.png</url><link>http://h/d/home</link></image>
<itunes:image href="cover.jpg"/>
<item><link>
 http://h/d/1?a=1&amp;b=2 </link><guid isPermaLink="false">no</guid><comments>1#c</comments>
<description>&lt;p&gt;&lt;a href="in.html"&gt;x&lt;/a&gt;&lt;img src="in.png"&gt;</description>
<content:encoded><![CDATA[<video src="in.mp4"></video>]]></content:encoded>
<enclosure url="audio.mp3" length="1" type="audio/mpeg"/><media:content url="film.mp4"/><media:thumbnail url="t.jpg"/>
</item><item><guid>http://h/d/2</guid><link>two words</link></item></channel></rss>"""


def test_rss() -> None:
    expected = {
        "home": "L feed/link", "self.xml": "L feed/link", "logo.png": "E feed/image", "cover.jpg": "E feed/image",
        "1?a=1&b=2": "L feed/link", "1": "L feed/link", "in.html": "L a/@href", "in.png": "E img/@src",
        "in.mp4": "E video/@src", "audio.mp3": "E feed/enclosure", "film.mp4": "E feed/enclosure",
        "t.jpg": "E feed/image", "2": "L feed/link",
    }  # fmt: skip
    for media_type in ("application/rss+xml", "text/xml", "application/xml"):
        extraction = extract(Document(PAGE, media_type, None, RSS.encode("windows-1252")))
        assert extraction.title == "Caf\u00e9 &nbsp; AT&T"
        assert {u.removeprefix("http://h/d/"): f"{r.code} {r.context}" for u, r in extraction.links.items()} == expected


def test_atom() -> None:
    feed = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://h/d/b/"><title>T</title><icon>i.ico</icon>
    <logo>l.png</logo><link href="home"/><link rel="next" href="?p=2"/><link rel="edit" href="no"/>
    <entry><title>no</title><link rel="alternate" href="1"/><link rel="enclosure" href="a.mp3"/>
    <content type="html">&lt;a href="c"></content><content src="out.html"/><summary>plain text</summary>
    <id>tag:no</id></entry></feed>"""
    assert found(feed, "application/atom+xml") == {
        "b/i.ico": "E feed/image", "b/l.png": "E feed/image", "b/home": "L feed/link", "b/?p=2": "L feed/link",
        "b/1": "L feed/link", "b/a.mp3": "E feed/enclosure", "b/c": "L a/@href", "b/out.html": "L feed/link",
    }  # fmt: skip


def test_rdf_site_summary() -> None:
    feed = """<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <channel rdf:about="x"><title>T</title><link>home</link></channel><item><link>1</link></item></rdf:RDF>"""
    assert list(found(feed, "application/rdf+xml")) == list(found(feed, "text/xml")) == ["home", "1"]


def test_a_feed_that_ends_early_gives_what_stood_before() -> None:
    feed = "<rss><channel><link>home</link><item><link>1</link></channel>"
    assert list(found(feed, "application/rss+xml", "the XML is broken: mismatched tag: line 1, column 53")) == [
        "home",
        "1",
    ]


def test_entities_are_never_expanded() -> None:
    bomb = '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><rss><channel><link>x</link></channel></rss>'
    failure = "the XML declares entities of its own, which are never expanded"
    assert found(bomb, "application/rss+xml", failure) == {}
    outside = '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel><link>&a;</link></channel></rss>'
    assert found(outside, "application/rss+xml", failure) == {}


def test_deep_xml_ends() -> None:
    assert found("<a>" * 5000, "text/xml", "the XML is nested deeper than 256 elements") == {}


def test_other_xml() -> None:
    text = """<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="s.xsl?a=1&amp;b=2"?>
    <?xml-stylesheet href='t.css'?>
    <book xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude">
    <para xlink:href="a.xml"/><xi:include href="part.xml"/></book>"""
    assert found(text, "application/xml") == {
        "s.xsl?a=1&b=2": "E xml-stylesheet/@href",
        "t.css": "E xml-stylesheet/@href",
        "a.xml": "L xlink/@href",
        "part.xml": "E xml/@href",
    }
    sheet = """<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:import href="i.xsl"/>
    <xsl:include href="j.xsl"/><xsl:template><a href="{@no}">x</a></xsl:template></xsl:stylesheet>"""
    assert found(sheet, "text/xsl") == found(sheet, "application/xslt+xml") == {
        "i.xsl": "E xml/@href", "j.xsl": "E xml/@href"
    }  # fmt: skip


def test_addresses_in_other_xml() -> None:
    text = """<smil><video src="v.mp4"/><url> http://h/d/page </url><thumb>http://h/d/t.jpg</thumb><a>see http://h/d/no</a>
    <b>/no</b></smil>"""
    assert found(text, "application/smil+xml") == {
        "v.mp4": "E xml/@src",
        "page": "L xml/text",
        "t.jpg": "E xml/text",
    }


def test_drawings_name_files_in_attributes() -> None:
    drawing = """<svg><path fill="url(a.svg#x)" stroke="url(#own)" style="mask:url(b.svg#m)"/>
    <g filter="url('c.svg#f')"/>
    <path marker-end="url(d.svg#m)"/><path clip-path="none"/></svg>"""
    assert found(drawing, "image/svg+xml") == dict.fromkeys(("b.svg", "a.svg", "c.svg", "d.svg"), "E css/url()")


def test_a_manifest_that_is_sent_as_json() -> None:
    manifest = '{"name": "x", "icons": [{"src": "i.png"}], "start_url": "./app", "other": "/d/o"}'
    expected = {"i.png": "E manifest", "app": "L manifest"}
    assert found(manifest, "application/manifest+json") == expected
    assert found(manifest, "application/json") == {**expected, "o": "L json"}


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<author><uri>p</uri></author>", {"p": "L feed/link"}),
        ("<author><url>p</url></author>", {"p": "L feed/link"}),
        ("<contributor><homepage>p</homepage></contributor>", {"p": "L feed/link"}),
        ("<generator uri='g'/>", {"g": "L feed/link"}),
        ("<link rel='license' href='l'/>", {"l": "L feed/link"}),
        ("<entry xml:base='b/'><link href='x'/></entry><link href='y'/>", {"b/x": "L feed/link", "y": "L feed/link"}),
        ("<entry xml:base='b/'><title type='html' xml:base='c/'>&lt;a href=x></title></entry>", {"b/c/x": "L a/@href"}),
        ("<entry xml:base='http://g/'><summary>&lt;base href=/z/>&lt;a href=x></summary></entry>",
         {"http://g/z/x": "L a/@href"}),
        ("<content type='xhtml'><div><a href='x' rel='nofollow'>x</a><img src='i'/></div></content>",
         {"x": "L a/@href[nofollow]", "i": "E img/@src"}),
        ("<content url='m'><thumbnail url='t'/></content>", {"m": "E feed/enclosure", "t": "E feed/image"}),
        ("<in-reply-to href='r' source='s' ref='http://h/d/no'/>", {"r": "L feed/link", "s": "L feed/link"}),
        ("<id>http://h/d/no</id><category scheme='http://h/d/no'/>", {}),
    ],
)  # fmt: skip
def test_parts_of_feeds(inside: str, expected: dict[str, str]) -> None:
    assert found(f"<feed>{inside}</feed>", "application/atom+xml") == expected


def test_hls() -> None:
    playlist = """#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="key.bin",IV=0x1
#EXT-X-MAP:URI="init.mp4"
# a comment with URI="no"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio/en.m3u8"
#EXTINF:9.0,Title, with commas
seg-1.ts?token=a,b

  seg-2.ts\r
"""
    names = ["key.bin", "init.mp4", "audio/en.m3u8", "seg-1.ts?token=a,b", "seg-2.ts"]
    for media_type in ("application/vnd.apple.mpegurl", "audio/x-mpegurl"):
        assert found(playlist, media_type) == dict.fromkeys(names, "E m3u8/uri")
    links = extract(Document(PAGE, "application/x-mpegurl", None, playlist.encode())).links
    assert all(role.same_hop for role in links.values())


def test_an_endless_playlist_ends() -> None:
    playlist = "#EXTM3U\n" + "\n".join(map(str, range(MAX_SEGMENTS + 5)))
    assert len(found(playlist, "audio/mpegurl", f"stopped after {MAX_SEGMENTS} segments")) == MAX_SEGMENTS


MPD = """<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT0H0M9.5S"><BaseURL>v/</BaseURL>
<BaseURL>http://mirror/</BaseURL><Period>{}</Period></MPD>"""


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (
            """<AdaptationSet><SegmentTemplate media="$RepresentationID$/$Number%03d$.m4s"
            initialization="$RepresentationID$/i"
            duration="4000" timescale="1000" startNumber="0"/><Representation id="a" bandwidth="1"/>
            <Representation id="b"/></AdaptationSet>""",
            ["a/i", "a/000.m4s", "a/001.m4s", "a/002.m4s", "b/i", "b/000.m4s", "b/001.m4s", "b/002.m4s"],
        ),
        (
            """<AdaptationSet><SegmentTemplate media="$Bandwidth$-$Time$$$" timescale="1"><SegmentTimeline>
            <S t="5" d="2" r="1"/><S d="3"/></SegmentTimeline></SegmentTemplate>
            <Representation id="a" bandwidth="7"/></AdaptationSet>""",
            ["7-5$", "7-7$", "7-9$"],
        ),
        (
            """<AdaptationSet><SegmentTemplate media="$Time$"><SegmentTimeline><S t="0" d="4" r="-1"/></SegmentTimeline>
            </SegmentTemplate><Representation id="a"/></AdaptationSet>""",
            ["0", "4", "8"],
        ),
        (
            """<AdaptationSet><Representation id="a"><BaseURL>film.mp4</BaseURL><SegmentBase indexRange="0-1"/>
            </Representation></AdaptationSet>""",
            ["film.mp4"],
        ),
        (
            """<AdaptationSet><Representation><BaseURL>w/</BaseURL><SegmentList><Initialization sourceURL="i"/>
            <SegmentURL media="1"/><SegmentURL media="2"/></SegmentList></Representation></AdaptationSet>""",
            ["w/i", "w/1", "w/2"],
        ),
    ],
)
def test_dash(period: str, expected: list[str]) -> None:
    for media_type in ("application/dash+xml", "text/xml"):
        assert found(MPD.format(period), media_type) == {f"v/{name}": "E mpd/segment" for name in expected}


@pytest.mark.parametrize(
    "segments",
    [
        '<SegmentTemplate media="$Number$" duration="1" timescale="1000000"/>',
        '<SegmentTemplate media="$Time$"><SegmentTimeline><S d="1" r="999999999999"/></SegmentTimeline>'
        "</SegmentTemplate>",
        '<SegmentTemplate media="$Number$"><SegmentTimeline>'
        + '<S d="1" r="10"/>' * 3000
        + "</SegmentTimeline></SegmentTemplate>",
    ],
)
def test_an_endless_film_ends(segments: str) -> None:
    manifest = MPD.format(f"<AdaptationSet>{segments}<Representation id='a'/><Representation id='b'/></AdaptationSet>")
    links = found(manifest, "application/dash+xml", f"stopped after {MAX_SEGMENTS} segments")
    assert len(links) == MAX_SEGMENTS


def test_ampersands_at_the_borders_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "<rss><link>http://h/?a=1&b=2&amp;c=3&#x26;d&</link><link>http://h/ü&</link></rss>"
    whole = found(text, "application/rss+xml")
    assert list(whole) == ["http://h/?a=1&b=2&c=3&d&", "http://h/%C3%BC&"]
    for size in range(1, 40):
        monkeypatch.setattr(pieces, "_STEP", size)
        assert found(text, "application/rss+xml") == whole, size
