"""A package of ours opens in ReplayWeb.page: its pages are listed, and shown from the archive alone.

ReplayWeb.page is a browser program under the AGPL and no part of this project; the variable REPLAYWEBPAGE names the
directory that its npm package was unpacked into, as `.ci/run` does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from crawler.cli import main as crawl
from storage import cli
from tests.support.chromium import Browser, chromium
from tests.support.programs import absent
from tests.support.tab import Page

SEEN = """
(() => {
  const found = {text: [], frames: []};
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (element.tagName === "IFRAME") {
        try {
          const inner = element.contentDocument;
          found.frames.push({title: inner.title, text: inner.body ? inner.body.innerText : "", src: element.src,
            images: [...inner.images].map((image) => image.naturalWidth)});
          walk(inner);
        } catch (error) { found.frames.push({title: "", text: String(error), src: element.src, images: []}); }
      }
    }
    found.text.push(root.textContent || (root.body && root.body.textContent) || "");
  };
  walk(document);
  return {text: found.text.join(" "), frames: found.frames};
})()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demonstration site, crawled and packed."""
    monkeypatch.chdir(tmp_path)
    assert crawl(["--demo", "--quiet", "--delay", "0", "--max-time", "60"]) == 0
    assert cli.main(["pack", "crawls/demo", "-o", "demo.wacz"]) == 0
    return tmp_path / "demo.wacz"


@pytest.fixture
async def viewer(package: Path) -> AsyncIterator[BaseTestServer]:
    """ReplayWeb.page and the package on one server."""
    place = os.environ.get("REPLAYWEBPAGE")
    if not place or not Path(place, "ui.js").is_file():
        absent("the variable REPLAYWEBPAGE names no unpacked ReplayWeb.page")
    app = web.Application()

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(place, "index.html"))

    async def packed(_: web.Request) -> web.FileResponse:
        return web.FileResponse(package)

    app.router.add_get("/", index)
    app.router.add_get("/demo.wacz", packed)
    app.router.add_static("/", place)
    async with TestServer(app) as server:
        yield server


async def opened(browser: Browser, url: str) -> Page:
    """A tab that is not observed: the viewer's service worker would wait for whoever observes it."""
    target = (await browser.connection.send("Target.createTarget", url=url))["targetId"]
    attached = await browser.connection.send("Target.attachToTarget", targetId=target, flatten=True)
    return Page(browser.connection, target, attached["sessionId"])


async def until(page: Page, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What is seen in the viewer and its frames, once it is what was waited for."""
    async with asyncio.timeout(30):
        while True:
            seen: dict[str, Any] = await page.evaluate(SEEN)
            if reached(seen):
                return seen
            await asyncio.sleep(0.1)  # the viewer has no event that tells


async def test_it_opens_in_replayweb_page(viewer: BaseTestServer) -> None:
    source = viewer.make_url("/demo.wacz")
    async with chromium() as browser:
        page = await opened(browser, f"{viewer.make_url('/')}?source={source}#view=pages")
        await until(page, lambda seen: "A small site to be archived" in seen["text"])
        await page.close()
        replay = f"{viewer.make_url('/')}?source={source}#view=replay&url=http://demo.test/images.html"
        page = await opened(browser, replay)
        seen = await until(page, lambda seen: any(frame["images"] and all(frame["images"]) for frame in seen["frames"]))
        assert "images.html" in str(seen["frames"])
        assert browser.escapes == [], "the viewer asked the live web"
