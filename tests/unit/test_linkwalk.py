"""The independent link walk is itself a judge: it must see each kind of reference."""

from __future__ import annotations

import pytest

from tests.support.linkwalk import Page, css_references, links_of, srcset_references

BASE = "http://host.test/dir/page.html"


def found(markup: str, media_type: str = "text/html") -> list[str]:
    return list(links_of(BASE, Page(200, media_type, markup.encode(), None)))


@pytest.mark.parametrize(
    ("markup", "reference"),
    [
        ('<a href="x?a=1&amp;b=2#part">', "http://host.test/dir/x?a=1&b=2"),
        ('<AREA HREF=" /x ">', "http://host.test/x"),
        ('<link rel="stylesheet" href="x.css">', "http://host.test/dir/x.css"),
        ('<img src="//cdn.test/x.png">', "http://cdn.test/x.png"),
        ('<script src="x.js"></script>', "http://host.test/dir/x.js"),
        ('<iframe src="x"></iframe>', "http://host.test/dir/x"),
        ('<frame src="x">', "http://host.test/dir/x"),
        ('<video poster="x.jpg"></video>', "http://host.test/dir/x.jpg"),
        ('<audio><source src="x.ogg"></audio>', "http://host.test/dir/x.ogg"),
        ('<video><track src="x.vtt"></video>', "http://host.test/dir/x.vtt"),
        ('<object data="x.svg"></object>', "http://host.test/dir/x.svg"),
        ('<embed src="x.swf">', "http://host.test/dir/x.swf"),
        ('<p style="background: url(x.gif)">', "http://host.test/dir/x.gif"),
        ("<style>p { background: url('x.gif') }</style>", "http://host.test/dir/x.gif"),
        ('<meta http-equiv="Refresh" content="0; URL=x">', "http://host.test/dir/x"),
        ('<base href="/other/"><a href="x">', "http://host.test/other/x"),
        ('<a href="first" href="second">', "http://host.test/dir/first"),
    ],
)
def test_finds_the_reference(markup: str, reference: str) -> None:
    assert found(markup) == [reference]


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="mailto:x@host.test">',
        '<a href="javascript:x()">',
        "<!-- <a href=x> -->",
        "<script>'<a href=x>'</script>",
    ],
)
def test_passes_over_what_is_no_reference(markup: str) -> None:
    assert found(markup) == []


def test_finds_a_redirect() -> None:
    assert list(links_of(BASE, Page(301, "text/html", b"<a href=no>", "/there"))) == ["http://host.test/there"]


def test_reads_style_sheets() -> None:
    sheet = '@import "a.css"; @import url(b.css); /* url(no.png) */ p { background: URL( "c d.png" ) }'
    assert sorted(css_references(sheet)) == ["a.css", "b.css", "c d.png"]
    assert found("p { background: url(x.png) }", "text/css") == ["http://host.test/dir/x.png"]


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("a.png", ["a.png"]),
        ("a.png 1x, b.png 2x", ["a.png", "b.png"]),
        ("a,b.png 100w,c.png 200w", ["a,b.png", "c.png"]),
        (" , a.png, b.png ,", ["a.png", "b.png"]),
        ("a.png x(1, 2), b.png", ["a.png", "b.png"]),
    ],
)
def test_a_comma_inside_a_srcset_address_belongs_to_it(text: str, references: list[str]) -> None:
    assert list(srcset_references(text)) == references
