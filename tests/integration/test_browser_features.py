"""The browser as judge of every way to refer to something: what Chromium asks for with its scripts off, we find.

The pages hold one of each (tests/data/browser). Real sites use few of them; those are judged by tests/acceptance."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urldefrag

import pytest

from crawler.links import Document, extract
from tests.support.chromium import chromium
from tests.support.site import Site, response

DATA = Path(__file__).parents[1] / "data" / "browser"
HOST = "http://a.test"
LINKS = """[...document.links, ...document.querySelectorAll("iframe, frame")]
    .map(each => each.href?.baseVal ?? each.href ?? each.src)"""
TYPES = {".html": "text/html", ".xhtml": "application/xhtml+xml", ".svg": "image/svg+xml", ".css": "text/css"}
SHEET = b"@import 's2.css'; p { background: url(css.png) }"
IN_HEADERS = b"</d/h1.css>; rel=stylesheet, </d/h2.png>; rel=preload; as=image, </d/icon.png>; rel=icon"


def read(name: str) -> bytes:
    return response((DATA / name).read_bytes(), TYPES[Path(name).suffix])


ANSWERS = {
    "/d/page.html": read("page.html"),
    "/d/page.xhtml": read("page.xhtml"),
    "/d/obj.svg": read("drawing.svg"),
    "/d/emb.svg": read("drawing.svg").replace(b"insvg.png", b"inemb.png"),
    "/d/s.css": response(SHEET, "text/css"),
    "/d/frame.html": response(b"<img src=inframe.png><a href=of-frame>link</a>"),
    "/d/headers.html": response(b"<link rel=icon href=icon.png><p>x").replace(
        b"\r\n\r\n", b"\r\nLink: " + IN_HEADERS + b"\r\n\r\n", 1
    ),
}


def found_in(url: str) -> set[str]:
    """Our links of one of the documents; none for what is missing."""
    answer = ANSWERS.get(url.removeprefix(HOST))
    if answer is None:
        return set()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = (line.decode("latin-1").partition(": ") for line in head.split(b"\r\n")[1:])
    headers = {name: value for name, _, value in lines}
    media_type = headers["Content-Type"].partition(";")[0]
    return set(extract(Document(url, media_type, "utf-8", body, tuple(headers.items()))).links)


@pytest.mark.parametrize(("name", "least"), [("page.html", 60), ("page.xhtml", 7), ("headers.html", 2)])
async def test_whatever_a_browser_asks_for_is_found(name: str, least: int) -> None:
    url = f"{HOST}/d/{name}"
    with Site(ANSWERS) as site:
        async with chromium(names={"a.test": site.port}) as browser:
            page = await browser.open(url, scripts=False, idle=0.8)
            async with asyncio.timeout(30):
                while len(set(page.urls)) < least:  # a busy machine paints late, and so asks late
                    await page.settled(idle=0.8)
            listed = {urldefrag(link).url for links in await page.frame_values(LINKS) for link in links if link}
    asked = set(page.urls)
    # The icon of a host is asked for unbidden, unless the page's own was seen in time; no page need name it.
    found = set().union(*map(found_in, asked)) | {url, f"{HOST}/favicon.ico"}
    assert sorted(asked - found) == []
    assert sorted(link for link in listed - found if link.startswith("http")) == []
