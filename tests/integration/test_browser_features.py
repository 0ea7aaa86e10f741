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
    "/d/late.html": read("late.html"),
    "/d/obj.svg": read("drawing.svg"),
    "/d/emb.svg": read("drawing.svg").replace(b"insvg.png", b"inemb.png"),
    "/d/s.css": response(SHEET, "text/css"),
    "/d/frame.html": response(b"<img src=inframe.png><a href=of-frame>link</a>"),
    "/d/headers.html": response(b"<link rel=icon href=icon.png><p>x").replace(
        b"\r\n\r\n", b"\r\nLink: " + IN_HEADERS + b"\r\n\r\n", 1
    ),
}


MODULES = """<link rel=icon href=icon.png><base href=m/>
<script type=importmap>{"imports": {"named": "./named.js", "lib/": "./lib/"}}</script>
<script type=module>import a from "./1.js"; import "named"; import {b} from "lib/2.js"; import(`./3.js`)</script>
<script type=module src=4.js></script><script src=5.js></script>"""
ANSWERS |= {
    "/d/modules.html": response(MODULES.encode()),
    "/d/m/1.js": response(b"import './1a.js'\nexport * as c from \"../1b.js\"\nexport default 1", "text/javascript"),
    "/d/m/named.js": response(b"/`/; import('/d/named-too.js')", "text/javascript"),
    "/d/m/lib/2.js": response(b"export {b} from '../2a.js'", "text/javascript"),
    "/d/m/2a.js": response(b"export const b = 1", "text/javascript"),
    "/d/m/4.js": response(b"import d from './4a.json' with {type: 'json'}", "text/javascript"),
    "/d/m/5.js": response(b"'use strict'; import(/* later */ './5a.js')", "text/javascript"),
    **{
        f"/d/{name}": response(b"", "text/javascript")
        for name in ("m/1a.js", "1b.js", "m/3.js", "m/5a.js", "named-too.js")
    },
    "/d/m/4a.json": response(b"{}", "application/json"),
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


@pytest.mark.parametrize(
    ("name", "least"), [("page.html", 60), ("page.xhtml", 7), ("headers.html", 2), ("late.html", 13)]
)
async def test_whatever_a_browser_asks_for_is_found(name: str, least: int) -> None:
    url = f"{HOST}/d/{name}"
    with Site(ANSWERS) as site:
        async with chromium(names={"a.test": site.port}) as browser:
            page = await browser.open(url, scripts=False, idle=0.8)
            async with asyncio.timeout(30):
                while len(set(page.urls)) < least:  # now and then a new tab is never painted, and asks for no more
                    await page.goto(url, idle=0.8)
            listed = {urldefrag(link).url for links in await page.frame_values(LINKS) for link in links if link}
    asked = set(page.urls)
    # The icon of a host is asked for unbidden, unless the page's own was seen in time; no page need name it.
    found = set().union(*map(found_in, asked)) | {url, f"{HOST}/favicon.ico"}
    assert sorted(asked - found) == []
    assert sorted(link for link in listed - found if link.startswith("http")) == []


async def test_the_modules_that_a_browser_asks_for_are_found_and_no_others() -> None:
    url = f"{HOST}/d/modules.html"
    modules = {f"{HOST}{path}" for path in ANSWERS if path.endswith((".js", ".json"))}
    with Site(ANSWERS) as site:
        async with chromium(names={"a.test": site.port}) as browser:
            page = await browser.open(url, scripts=True, idle=0.8)
            async with asyncio.timeout(30):
                while not modules <= set(page.urls):
                    await page.settled(idle=0.8)
    found, new = {url}, {url}
    while new:
        new = set().union(*map(found_in, new)) - found
        found |= new
    assert found - {url, f"{HOST}/d/m/icon.png", f"{HOST}/d/icon.png"} == modules
