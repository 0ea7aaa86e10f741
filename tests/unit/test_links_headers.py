"""Links in HTTP headers."""

from __future__ import annotations

import pytest

from crawler.links import Document, extract
from crawler.links.httpheaders import link_values


def found(*headers: tuple[str, str], content: bytes = b"", media_type: str = "image/png") -> dict[str, str]:
    extraction = extract(Document("http://h/d/page", media_type, None, content, headers))
    assert extraction.failure is None
    return {link.removeprefix("http://h/d/"): f"{r.code} {r.context}" for link, r in extraction.links.items()}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<x>; rel=preload; as=style", {"x": "E header/link"}),
        ('<x>; rel="canonical"', {"x": "L header/link"}),
        ("<x>; REL=Next, <y>; rel=prev", {"x": "L header/link", "y": "L header/link"}),
        (
            '<x>; title="a, <no>; b\\"c"; rel="stylesheet", </d/y>;rel="alternate"',
            {"x": "E header/link", "y": "L header/link"},
        ),
        ("<x,y;z>", {"x,y;z": "L header/link"}),
        ("<//other/>; rel=preconnect", {}),
        ("<x>; rel=dns-prefetch, <y>; rel=icon", {"y": "E header/link"}),
        (
            '<x>; rel=preload; as=image; imagesrcset="y 1x, z 2x", <>; rel=preload; imagesrcset="w 9w"',
            dict.fromkeys("xyzw", "E header/link"),
        ),
        ("<x>; rel=next; imagesrcset=y", {"x": "L header/link"}),
        ("<x>; rel=next; rel=preload", {"x": "L header/link"}),
        ("<x>; rel=next; anchor='#a'", {}),
        ("<>; rel=self", {}),
        ("<#x>; rel=self", {}),
        ("x; rel=next", {}),
        ("<x", {}),
        ("", {}),
        ("< x >;rel=next ,, ,<y>", {"x": "L header/link", "y": "L header/link"}),
        ("<\xc3\xa4>; rel=next", {"%C3%A4": "L header/link"}),
        ("<\xe4>; rel=next", {"%C3%A4": "L header/link"}),
    ],
)
def test_link(value: str, expected: dict[str, str]) -> None:
    assert found(("LINK", value)) == expected


def test_refresh_and_content_location() -> None:
    assert found(("Refresh", "5; url=x")) == {"x": "R header/refresh"}
    assert found(("refresh", "5")) == {}
    assert found(("Content-Location", "x.en.html")) == {"x.en.html": "L header/content-location"}
    assert found(("Content-Location", "http://a b/"), ("Location", "x"), ("X-Link", "<x>")) == {}


def test_headers_do_not_obey_the_documents_base_and_come_first() -> None:
    page = b"<base href=/b/><a href=x>"
    links = found(
        ("Link", "<s.css>; rel=preload"), ("Link", "<t.css>; rel=preload"), content=page, media_type="text/html"
    )
    assert links == {"s.css": "E header/link", "t.css": "E header/link", "http://h/b/x": "L a/@href"}


def test_very_many_links_end() -> None:
    assert len(list(link_values("<x>;rel=next," * 100_000))) == 1000
    many = tuple(("Link", f"</{number}>") for number in range(10_000))
    assert len(extract(Document("http://a.test/", "text/html", None, b"", many)).links) == 1000
    assert list(link_values("<x>" + ";a" * 100_000)) == [("x", {"a": ""})]
    assert list(link_values('<x>;a="' + "\\" * 100_000)) == [("x", {"a": ""})]
