"""Every element that refers to something, on pages as they are."""

from __future__ import annotations

import pytest

from crawler.links import Document, extract
from crawler.model import Extraction, Kind

PAGE = "http://h/d/page.html?q"


def read(markup: str | bytes, url: str = PAGE, media_type: str = "text/html") -> Extraction:
    content = markup if isinstance(markup, bytes) else markup.encode()
    extraction = extract(Document(url, media_type, None, content))
    assert extraction.failure is None
    return extraction


def found(markup: str | bytes, url: str = PAGE, media_type: str = "text/html") -> dict[str, str]:
    """URL below http://h/d/ -> its role as "L a/@href"."""
    links = read(markup, url, media_type).links
    return {link.removeprefix("http://h/d/"): f"{role.code} {role.context}" for link, role in links.items()}


@pytest.mark.parametrize(
    ("markup", "role"),
    [
        ("<a href=x>", "L a/@href"),
        ("<a style='color:red' href=' x '>", "L a/@href"),
        ("<area href=x>", "L area/@href"),
        ("<link rel=stylesheet href=x>", "E link/@href"),
        ("<link rel='alternate StyleSheet' href=x>", "E link/@href"),
        ("<link rel='shortcut icon' href=x>", "E link/@href"),
        ("<link rel=preload as=image imagesrcset='x 1x'>", "E link/@imagesrcset"),
        ("<link rel=modulepreload href=x>", "E link/@href"),
        ("<link rel=manifest href=x>", "E link/@href"),
        ("<link rel=next href=x>", "L link/@href"),
        ("<link rel=canonical href=x>", "L link/@href"),
        ("<link href=x>", "L link/@href"),
        ("<img src=x>", "E img/@src"),
        ("<img srcset='x 2x'>", "E img/@srcset"),
        ("<img data-src=x>", "E img/@data-src"),
        ("<img data-srcset='x 2x'>", "E img/@srcset"),
        ("<img data-lazy-src=x>", "E img/@data-src"),
        ("<img data-original=x>", "E img/@data-src"),
        ("<image src=x>", "E img/@src"),
        ("<picture><source srcset=x></picture>", "E source/@srcset"),
        ("<video><source src=x></video>", "E source/@src"),
        ("<video src=x></video>", "E video/@src"),
        ("<video poster=x></video>", "E video/@poster"),
        ("<audio src=x></audio>", "E audio/@src"),
        ("<video><track src=x></video>", "E track/@src"),
        ("<script src=x></script>", "E script/@src"),
        ("<iframe src=x></iframe>", "E iframe/@src"),
        ("<frameset><frame src=x></frameset>", "E frame/@src"),
        ("<object data=x></object>", "E object/@data"),
        ("<embed src=x>", "E embed/@src"),
        ("<input type=IMAGE src=x>", "E input/@src"),
        ("<body background=x>", "E @background"),
        ("<table><tr><td background=x>", "E @background"),
        ("<p style='background:url(x)'>", "E css/url()"),
        ("<a style='background:url(x)'>", "E css/url()"),
        ("<style>p{background:url(x)}</style>", "E css/url()"),
        ("<style>@import 'x'</style>", "E css/@import"),
        ("<form action=x></form>", "L form/@action"),
        ("<form method=GET action='x#y'>", "L form/@action"),
        ("<blockquote cite=x>", "L blockquote/@cite"),
        ("<q cite=x>", "L q/@cite"),
        ("<ins cite=x></ins>", "L ins/@cite"),
        ("<del cite=x></del>", "L del/@cite"),
        ("<img longdesc=x>", "L img/@longdesc"),
        ("<img lowsrc=x>", "E img/@src"),
        ("<amp-img src=x></amp-img>", "E amp-img/@src"),
        ("<amp-img src='' srcset='x 2x'></amp-img>", "E amp-img/@srcset"),
        ("<amp-iframe src=x></amp-iframe>", "E amp-iframe/@src"),
        ("<link itemprop=image href=x>", "E link/@href"),
        ("<link itemprop=url href=x>", "L link/@href"),
        ("<math><mrow href=x><mi>a</mi></mrow></math>", "L math/@href"),
        ("<math><mi xlink:href=x>a</mi></math>", "L math/@href"),
        ("<svg><linearGradient href='x#a'/></svg>", "E gradient/@href"),
        ("<svg><radialGradient xlink:href='x#a'/></svg>", "E gradient/@href"),
        ("<svg><filter href='x#a'/></svg>", "E filter/@href"),
        ("<link rel='canonical next' href=x>", "L link/@href"),
        ("<link rel=alternate type=application/rss+xml href=x>", "L link/@href"),
        ("<link rel=apple-touch-icon href=x>", "E link/@href"),
        ("<meta property=og:video content=x>", "E meta/@content"),
        ("<meta property=OG:Audio:url content=x>", "E meta/@content"),
        ("<meta name=twitter:player content=x>", "E meta/@content"),
        ("<meta itemprop=thumbnailUrl content=x>", "E meta/@content"),
        ("<meta property=og:url content=x>", "L meta/@content"),
        ("<svg><pattern href='x#p'/></svg>", "E pattern/@href"),
        ("<svg><textPath xlink:href='x#p'/></svg>", "E textPath/@href"),
        ("<meta http-equiv=Refresh content='0; url=x'>", "R meta/@refresh"),
        ("<meta property=og:image content=x>", "E meta/@content"),
        ("<meta name=twitter:image content=x>", "E meta/@content"),
        ("<svg><image href=x /></svg>", "E image/@href"),
        ("<svg><image xlink:href=x /></svg>", "E image/@href"),
        ("<svg><use xlink:href='x#y'/></svg>", "E use/@href"),
        ("<svg><feImage href=x /></svg>", "E feImage/@href"),
        ("<svg><a xlink:href=x></a></svg>", "L a/@href"),
        ("<svg><image><set attributeName=href to=x /></image></svg>", "E animate/@values"),
        ("<svg><image><animate attributeName=xlink:href values='; x '/></image></svg>", "E animate/@values"),
        ("<svg><rect fill='url(x#a)'/></svg>", "E css/url()"),
        ("<svg><rect fill='url(#own)' marker-end=\"url('x#a')\"/></svg>", "E css/url()"),
        ("<svg><style><![CDATA[a{b:url(x)}]]></style></svg>", "E css/url()"),
        ("<noscript><img src=x></noscript>", "E img/@src"),
        ("<head><noscript><link rel=stylesheet href=x></noscript>", "E link/@href"),
        ("<noframes><a href=x></noframes>", "L a/@href"),
        ("<template><a href=x></template>", "L a/@href"),
        ("<template><div><template><a href=x></template></div></template>", "L a/@href"),
        ("<div><template shadowrootmode=open><a href=x></template></div>", "L a/@href"),
        ("<iframe srcdoc='&lt;a href=x>'></iframe>", "L a/@href"),
        ("<a\0 href=x>", None),
        ("<A HREF='&#120;'>", "L a/@href"),
        ("<a href=\nx\n>", "L a/@href"),
        ("<p><b><a href=x></p>", "L a/@href"),
        ("<table><a href=x>", "L a/@href"),
        ("<div title='<a href=no>'><a href=x>", "L a/@href"),
        ("<script>'<a href=no>'</script><a href=x>", "L a/@href"),
        ("<a href=x", None),
    ],
)
def test_one_link(markup: str, role: str | None) -> None:
    assert found(markup) == ({} if role is None else {"x": role})


@pytest.mark.parametrize(
    "markup",
    [
        "<a>", "<a href>", "<a href=''>", "<a href='#x'>", "<a href=' #'>", "<a href='javascript:void(0)'>",
        "<a href='JavaScript:x'>", "<a href=mailto:x>", "<a href=tel:1>", "<a href=data:,x>", "<a href=about:blank>",
        "<a href=blob:http://h/x>", "<a href=ftp://h/x>", "<a href='http://a b/'>", "<img src=''>",
        "<!-- <a href=x> -->", "<!--[if IE]><link rel=stylesheet href=x><![endif]-->",
        "<textarea><a href=x></textarea>",
        "<title><a href=x></title>", "<link rel=dns-prefetch href=//x>", "<link rel='preconnect' href=//x>",
        "<form method=Post action=x></form>", "<form method=dialog action=x>", "<form><input name=q></form>",
        "<input src=x>", "<base href=x>", "<meta name=description content=x>",
        "<meta http-equiv=refresh content=5>",
        "<a ping=x>", "<link rel=pingback href=x>", "<meta name=msapplication-config content=none>",
        "<div data-src=users data-bg='#fff' data-background=dark data-original=3.5 data-lazy=true>",
        "<button formaction=x>", "<param name=quality value=high>", "<img usemap='#x'>", "<style>/*url(x)*/</style>",
        "<svg><use href='#x'/></svg>", "plain text", "\0\0\0",
    ],
)  # fmt: skip
def test_no_link(markup: str) -> None:
    assert found(markup) == {}


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<div data-bg='i/x.jpg'></div>", ["i/x.jpg"]),
        ("<div data-bg='url(x.jpg), url(\"y.jpg\")'></div>", ["x.jpg", "y.jpg"]),
        ("<section data-background-image=' /d/x '></section>", ["x"]),
        ("<span data-src='x.webp?w=1'>", ["x.webp?w=1"]),
        ("<a data-src='x.html' href='y'>", ["y", "x.html"]),
        ("<li data-lazy='//h/d/x'>", ["x"]),
        ("<div data-srcset='x 1x, y 2x'>", ["x", "y"]),
        ("<template><i data-original=./x></i></template>", ["x"]),
        ("<img data-lazy=true data-lazy-src=x>", ["x"]),
        ("<img src=p.gif data-cfsrc=x.png>", ["p.gif", "x.png"]),
        ('<div data-src=\'{"a":"x.png"}\'>', []),
        ("<div data-src='a b.png'>", []),
        ("<applet code=Main archive='a.jar, b.jar' codebase=c>", ["c/a.jar", "c/b.jar", "c/Main.class"]),
        ("<object><param name=Movie value=x.swf></object>", ["x.swf"]),
    ],
)
def test_habits(markup: str, expected: list[str]) -> None:
    assert list(found(markup)) == expected


def test_the_order_is_the_documents() -> None:
    markup = (
        "<img src=1 srcset='2 1x, 3 2x'><a href=4></a><template><a href=5></a></template><a href=6 style='b:url(7)'>"
    )
    assert list(found(markup + "<iframe src=8 srcdoc='<a href=9>'></iframe><a href=10>")) == [*"123456789", "10"]


def test_distinct_urls_once() -> None:
    assert found("<a href=x><a href='x#1'><a href=./x><a href=/d/x><a href=http://h/d/x><a href='\nx'>") == {
        "x": "L a/@href"
    }


def test_the_best_role_wins_and_says_that_it_is_embedded() -> None:
    for markup in ("<a href=x.jpg><img src=x.jpg></a>", "<img src=x.jpg><a href=./x.jpg>"):
        (role,) = read(markup).links.values()
        assert (role.kind, role.context, role.embedded) == (Kind.NAVIGATION, "a/@href", True)
    (role,) = read("<a href=x><area href=x>").links.values()
    assert not role.embedded
    (role,) = read("<link rel=preload href=x><style>@import 'x'</style>").links.values()
    assert role.same_hop


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("<base href=/b/>", "http://h/b/x"),
        ("<base href='http://other/y/z'>", "http://other/y/x"),
        ("<base target=_top><base href=/b/><base href=/c/>", "http://h/b/x"),
        ("<template><base href=/no/></template><base href=/b/>", "http://h/b/x"),
        ("<div><template shadowrootmode=open><base href=/no/></template></div>", "http://h/d/x"),
        ("<svg><base href=/no/ /></svg>", "http://h/d/x"),
        ("<base href=javascript:x>", "http://h/d/x"),
        ("<base href=data:,x>", "http://h/d/x"),
        ("<base href='http://a b/'>", "http://h/d/x"),
        ("<base href=''>", "http://h/d/x"),
        ("<base href='#'>", "http://h/d/x"),
        ("<!-- <base href=/b/> -->", "http://h/d/x"),
    ],
)
def test_base(base: str, url: str) -> None:
    assert list(read(f"{base}<a href=x>").links) == [url]
    assert list(read(f"<head>{base}</head><iframe srcdoc='<a href=x>'>").links) == [url]


def test_what_stands_before_the_base() -> None:
    """A browser asks for some of it before it knows the base, for some later, and often for both; links are clicked
    later, and where a refresh leads is settled when it is read."""
    before = "<img src=i><a href=a>a</a><a href=ia><img src=ia></a><meta http-equiv=refresh content='9;r#f'>"
    links = read(f"{before}<img src=/root><p><base href=/b/><img src=late><base href=/c/><a href=i>i</a>").links
    assert {url.removeprefix("http://h/"): (role.kind.name[0], role.code) for url, role in links.items()} == {
        "d/i": ("R", "E"), "d/ia": ("R", "E"), "root": ("R", "E"),
        "b/i": ("N", "L"), "b/a": ("N", "L"), "b/ia": ("N", "L"), "d/r": ("N", "R"), "b/late": ("R", "E"),
    }  # fmt: skip
    assert list(read("<img src=i><base href=/d/><a href=a>").links) == ["http://h/d/i", "http://h/d/a"]
    nested = (
        "<iframe srcdoc='<img src=n><base href=/n/>'></iframe><iframe srcdoc='<img src=m>'></iframe><base href=/b/>"
    )
    assert set(read(nested).links) == {"http://h/d/n", "http://h/n/n", "http://h/d/m", "http://h/b/m"}


def test_the_encoding_of_queries_before_the_base() -> None:
    links = read("<meta charset=windows-1252><img src='?ü'><base href=/b/>".encode("cp1252")).links
    assert list(links) == ["http://h/d/page.html?%FC", "http://h/b/?%FC"]


def test_a_nested_document_has_its_own_base() -> None:
    markup = """<iframe srcdoc="<base href=/b/><a href=x>"></iframe><a href=y>"""
    assert list(found(markup)) == ["http://h/b/x", "y"]


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title> A \n title </title><title>no</title>", "A title"),
        ("<svg><title>no</title></svg><body><title>late</title>", "late"),
        ("<svg><g><title>no</title></g></svg>", None),
        ("<title>&lt;b&gt; &amp; c</title>", "<b> & c"),
        ("<title></title>", ""),
        ("<p>none", None),
        ("<iframe srcdoc='<title>no</title>'></iframe>", None),
        (f"<title>{'word ' * 10_000}</title>", ("word " * 100).strip()),
    ],
)
def test_title(markup: str, title: str | None) -> None:
    assert read(markup).title == title


def test_svg_documents() -> None:
    markup = b"""<?xml version="1.0"?><?xml-stylesheet type="text/css" href="s.css"?>
    <svg xmlns="http://www.w3.org/2000/svg"><title>Drawing</title><script href="s.js"/><style/>
    <image xlink:href="i.png"/><svg:image xlink:href="p.png"/><a xlink:href="a.html"><text>x</text></a></svg>"""
    for media_type in ("image/svg+xml", "application/xml", "text/xml"):
        assert found(markup, media_type=media_type) == {
            "s.css": "E xml-stylesheet/@href",
            "s.js": "E script/@href",
            "i.png": "E image/@href",
            "p.png": "E image/@href",
            "a.html": "L a/@href",
        }
    assert read(markup, media_type="image/svg+xml").title == "Drawing"


def test_xhtml_elements_that_close_themselves() -> None:
    markup = """<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>
    <title/><script src="s.js"/><style type="text/css"/><link rel="stylesheet" href="s.css"/></head>
    <body><iframe src="f.html"/><textarea/><a href="a.html"/></body></html>"""
    assert list(found(markup, media_type="application/xhtml+xml")) == ["s.js", "s.css", "f.html", "a.html"]


@pytest.mark.parametrize(
    ("media_type", "content", "count"),
    [
        (None, b"  <!DOCTYPE html><a href=x>", 1),
        (None, b"<html><a href=x>", 1),
        (None, b"\xef\xbb\xbf<p><a href=x>", 1),
        (None, b"<!-- c --><a href=x>", 1),
        (None, b"<?xml version='1.0'?><svg><a href='x'/></svg>", 1),
        (None, b"@import 'x';", 1),
        ("unknown/unknown", b"<html><a href=x>", 1),
        (None, b"<rss><a href=x>", 0),
        (None, b"<rss><link>x</link></rss>", 1),
        (None, b"#EXTM3U\nx.ts\n", 1),
        (None, b"<?xml version='1.0'?><a href='x'/>", 1),
        (None, b"text <a href=x>", 0),
        (None, b"", 0),
        ("text/plain", b"<html><a href=x>", 1),
        ("text/plain", b"<p><a href=x>", 0),
        ("application/json", b"<html><a href=x>", 1),
        ("text/css", b"\xef\xbb\xbf\n<!DOCTYPE html><a href=x>", 1),
        ("text/html", b"<?xml version='1.0'?><rss><link>x</link></rss>", 1),
        ("text/html", b"<!-- --><feed><link href='x'/></feed>", 1),
        ("text/html", b"<?xml version='1.0'?><html><a href=x><link>y</link>", 1),
        ("image/svg+xml", b"<html><a href='x'/>", 1),
        (None, b' {"url": "/x"}', 1),
        (None, b'[["/x"]]', 1),
        (None, b"[x]: /x", 0),
        ("application/json", b'["/x"]', 1),
        ("application/x+json", b'["/x"]', 1),
        ("application/xml", b"<rss><link>x</link></rss>", 1),
        ("application/x+xml", b"<!-- <rss> --><!DOCTYPE y [<!ELEMENT y ANY>]><x:svg><a href='x'/></x:svg>", 1),
        ("application/xml", b"<!-- -->" * 180 + b"<", 0),
        ("text/html", b"@import 'x';", 0),
    ],
)
def test_the_media_type_chooses(media_type: str | None, content: bytes, count: int) -> None:
    assert len(extract(Document(PAGE, media_type, None, content)).links) == count
