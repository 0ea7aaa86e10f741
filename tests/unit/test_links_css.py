"""url(), @import and image-set() in style sheets; and where what looks like them is something else."""

from __future__ import annotations

import pytest

from crawler.links import Document, extract
from crawler.model import Kind

BASE = "http://h/css/main.css"


def found(css: str | bytes) -> list[tuple[str, str]]:
    content = css if isinstance(css, bytes) else css.encode()
    extraction = extract(Document(BASE, "text/css", None, content))
    assert extraction.failure is None
    return [(url.removeprefix("http://h/css/"), role.context) for url, role in extraction.links.items()]


@pytest.mark.parametrize(
    "css",
    [
        "a{background:url(x.png)}",
        "a{background:URL( x.png )}",
        'a{background:url("x.png")}',
        "a{background:url( 'x.png' )}",
        "a{background:u\\72l(x.png)}",
        "a{background:\\75 rl(x\\.png)}",
        "a{background:url(x.p\\6e g)}",
        'a{background:url("x\\\n.png")}',
        "a{b:url(x.png",
        'a{b:url("x.png',
        "a{--custom: url(x.png)}",
        "a{filter:url(x.png#f) url(#local)}",
        "@media print{a{b:url(x.png)}}",
        "/*url(no.png)*/a{b:url(x.png)}/*url(no.png)",
        "a{content:'url(no.png)';b:url(x.png)}",
        'a{content:"\\"url(no.png)";b:url(x.png)}',
        '.a\\"b{c:url(x.png)}d{content:"url(no.png)"}',
        "a{b:myurl(no.png) \\66url(no.png) #url(no.png) @url(no.png) 1url(no.png) -url(no.png);c:url(x.png)}",
        "a{b:url(no.png no) url(no'no) url(no(no);c:url(x.png)}",
        "a{content:'url(no.png)\nb:url(x.png)}",
        "@namespace url(http://www.w3.org/1999/xhtml);@namespace svg 'http://www.w3.org/2000/svg';a{b:url(x.png)}",
        "<!--url(x.png)-->",
        "a{b:url(data:image/png;base64,AAAA),url(x.png)}",
        "a{b:url(/* no comment here */)}a{b:url(x.png)}".replace("/* no comment here */", ""),
        "\ufeffa{b:url(x.png)}",
        "a{b:url(\r\nx.png\r\n)}",
    ],
)
def test_one_url(css: str) -> None:
    assert found(css) == [("x.png", "css/url()")]


@pytest.mark.parametrize(
    "css",
    [
        "@import 'x.css';",
        '@import "x.css" screen and (min-width: 1px);',
        "@import url(x.css);",
        "@IMPORT URL('x.css') layer(base) supports(display: grid);",
        "@import/**/'x.css'",
        "@\\69mport 'x.css';",
        "@charset 'utf-8';@import 'x.css'",
        "/*@import 'no.css';*/@import 'x.css';@imports 'no.css';",
    ],
)
def test_one_import(css: str) -> None:
    assert found(css) == [("x.css", "css/@import")]


def test_an_import_is_no_further_hop() -> None:
    extraction = extract(Document(BASE, "text/css", None, b"@import 'x.css'; a{b:url(y.png)}"))
    assert [(role.kind, role.code, role.same_hop) for role in extraction.links.values()] == [
        (Kind.REQUISITE, "E", True),
        (Kind.REQUISITE, "E", False),
    ]


def test_image_sets() -> None:
    css = """a{b:image-set("1.avif" type("image/avif"), '2.png' 2x, url(3.png) 3x, url("4.png") type('image/png'))}
    a{b:-webkit-image-set(url(5.png) 1x, "6.png" 2x)} a{content:"no"} a{b:cross-fade("no", url(7.png))}
    a{b:image-set(linear-gradient(red, "no"), "8.png" 1x)}
    a{b:image-set((([{"no"}]))"9.png" 1x, [}("no")])} a{content:"no"} image-set(([{})]})) "no"; a{b:url(10.png)}"""
    assert found(css) == [
        ("1.avif", "css/image-set()"),
        ("2.png", "css/image-set()"),
        ("3.png", "css/url()"),
        ("4.png", "css/url()"),
        ("5.png", "css/url()"),
        ("6.png", "css/image-set()"),
        ("7.png", "css/url()"),
        ("8.png", "css/image-set()"),
        ("9.png", "css/image-set()"),
        ("10.png", "css/url()"),
    ]


def test_fonts_in_order() -> None:
    css = "@font-face{font-family:'a';src:local('b'),url(c.woff2)format('woff2'),url('../d.woff')format(\"woff\")}"
    assert found(css) == [("c.woff2", "css/url()"), ("http://h/d.woff", "css/url()")]


def test_encodings() -> None:
    assert found('@charset "windows-1252";a{b:url(é.png)}'.encode("windows-1252")) == [("%C3%A9.png", "css/url()")]
    assert found("a{b:url(é.png)}".encode("utf-16")) == [("%C3%A9.png", "css/url()")]
    document = Document(BASE, "text/css", "iso-8859-1", "a{b:url(é.png)}".encode("latin-1"))
    assert list(extract(document).links) == ["http://h/css/%C3%A9.png"]
