"""The bundled site answers as its pages say it does, and every link on it leads where it should."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import NamedTuple

import aiohttp
import pytest
from yarl import URL

from crawler.demo import DEMO_HOST, DEMO_URL
from crawler.demo.responses import answer
from crawler.demo.server import DemoServer


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Visitor:
    """Asks a server for paths exactly as written, following nothing and decoding nothing."""

    def __init__(self, server: DemoServer, session: aiohttp.ClientSession) -> None:
        self._server, self._session = server, session

    async def get(self, path: str, **headers: str) -> Reply:
        url = URL(f"http://127.0.0.1:{self._server.port}{path}", encoded=True)
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Host": DEMO_HOST}
        async with self._session.get(url, headers=named, allow_redirects=False) as response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with DemoServer(slow_seconds=0.0) as server, aiohttp.ClientSession(auto_decompress=False) as session:
        yield Visitor(server, session)


PLAIN_FILES = [
    "/style/main.css",
    "/style/digits.woff2",
    "/images/waves.png",
    "/images/mark.svg",
    "/robots.txt",
    "/frames/room.html",
    "/private/diary.html",
]


@pytest.mark.parametrize("path", PLAIN_FILES)
async def test_files_come_as_they_are(visitor: Visitor, path: str) -> None:
    reply = await visitor.get(path)
    assert reply.status == 200
    assert reply.body == (files("crawler.demo") / "site" / path[1:]).read_bytes()
    assert int(reply.headers["content-length"]) == len(reply.body)


async def test_every_type_is_named(visitor: Visitor) -> None:
    types = {path: (await visitor.get(path)).headers["content-type"] for path in ["/", "/latin.html", *PLAIN_FILES[:5]]}
    assert list(types.values()) == [
        "text/html; charset=utf-8",
        "text/html; charset=iso-8859-1",
        "text/css",
        "font/woff2",
        "image/png",
        "image/svg+xml",
        "text/plain; charset=utf-8",
    ]


async def test_pictures_are_pictures(visitor: Visitor) -> None:
    small = await visitor.get("/cdn/w_240,h_160,q_80/tide.png")
    large = await visitor.get("/cdn/w_480,h_320,q_80/tide.png")
    for reply, width, height in [(small, 240, 160), (large, 480, 320)]:
        assert reply.body.startswith(b"\x89PNG\r\n\x1a\n")
        assert reply.body[16:24] == width.to_bytes(4, "big") + height.to_bytes(4, "big")
    assert (await visitor.get("/style/digits.woff2")).body.startswith(b"wOF2")


async def test_redirects_lead_on(visitor: Visitor) -> None:
    steps = []
    path = "/chain/1"
    while (reply := await visitor.get(path)).status in (301, 302, 307):
        path = reply.headers["location"]
        steps.append((reply.status, path))
    assert steps == [(301, "/chain/2"), (302, "/chain/3"), (307, "/arrived.html")]
    assert reply.status == 200
    assert (await visitor.get("/moved")).status == 301


async def test_what_is_missing_is_404(visitor: Visitor) -> None:
    for path in ("/no-such-page.html", "/images/lost.png", "/../server.py", "/%2e%2e/server.py", "/style"):
        assert (await visitor.get(path)).status == 404


async def test_the_flaky_page_refuses_once_in_a_servers_life(visitor: Visitor) -> None:
    replies = [await visitor.get("/flaky.html") for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 200, 200]
    assert replies[0].headers["retry-after"] == "1"
    async with DemoServer() as again, aiohttp.ClientSession() as session:
        assert (await Visitor(again, session).get("/flaky.html")).status == 503


async def test_the_compressed_page_is_gzip(visitor: Visitor) -> None:
    reply = await visitor.get("/compressed.html")
    assert reply.headers["content-encoding"] == "gzip"
    assert b"travelled as gzip" in gzip.decompress(reply.body)


async def test_the_chunked_page_has_no_length(visitor: Visitor) -> None:
    reply = await visitor.get("/chunked.html")
    assert reply.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in reply.headers
    assert reply.body == (files("crawler.demo") / "site" / "chunked.html").read_bytes()
    assert len(answer("/chunked.html").chunks) == 3


async def test_the_old_page_is_latin_1(visitor: Visitor) -> None:
    body = (await visitor.get("/latin.html")).body
    assert "smörgåsbord".encode("latin-1") in body
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert (await visitor.get("/caf%C3%A9.html")).status == 200


async def test_what_has_not_changed_is_304(visitor: Visitor) -> None:
    etag = (await visitor.get("/images.html")).headers["etag"]
    reply = await visitor.get("/images.html", If_None_Match=etag)
    assert (reply.status, reply.body) == (304, b"")
    assert (await visitor.get("/images.html", If_None_Match='"other"')).status == 200


async def test_the_slow_page_waits_and_the_server_still_closes() -> None:
    async with DemoServer(slow_seconds=0.05) as server, aiohttp.ClientSession() as session:
        assert (await Visitor(server, session).get("/slow.html")).status == 200


async def test_every_link_leads_somewhere_but_the_broken_ones(visitor: Visitor) -> None:
    """A plain walk, with a parser of its own: regular expressions over a site that is known."""
    waiting, seen, missing = [URL(DEMO_URL)], {DEMO_URL}, set()
    while waiting:
        here = waiting.pop()
        reply = await visitor.get(here.raw_path_qs)
        missing |= {here.path} if reply.status == 404 else set()
        if here.path == "/flaky.html" and reply.status == 503:
            waiting.append(here)
        body = gzip.decompress(reply.body) if reply.headers.get("content-encoding") == "gzip" else reply.body
        for link in _links(body.decode("latin-1" if here.path == "/latin.html" else "utf-8", "replace"), reply):
            there = here.join(URL(link)).with_fragment(None)
            if there.host == DEMO_HOST and str(there) not in seen:
                seen.add(str(there))
                waiting.append(there)
    assert missing == {"/no-such-page.html", "/images/lost.png"}
    unlinked = {"/404.html", "/index.html", "/images/tide-480.png", "/cafe.html", "/robots.txt"}
    served = {URL(url).path for url in seen}
    for path in _all_files():
        assert path in served or path in unlinked, f"nothing leads to {path}"


def _links(text: str, reply: Reply) -> list[str]:
    if not reply.headers["content-type"].startswith("text/"):
        return []
    found = re.findall(r"""(?<!base )(?:href|src|background)=["']([^"']+)["']""", text, re.IGNORECASE)
    found += re.findall(r"""url\(["']?([^"')]+)["']?\)|@import ["']([^"']+)["']|URL=([^"]+)">""", text)
    for srcset in re.findall(r'srcset="([^"]+)"', text):
        found += [candidate.split()[0] for candidate in re.split(r",\s+", srcset)]
    links = [part for entry in found for part in (entry if isinstance(entry, tuple) else (entry,)) if part]
    return links + ([reply.headers["location"]] if "location" in reply.headers else [])


def _all_files() -> list[str]:
    root = files("crawler.demo") / "site"
    paths, waiting = [], [("", root)]
    while waiting:
        path, place = waiting.pop()
        for entry in place.iterdir():
            if entry.is_dir():
                waiting.append((f"{path}/{entry.name}", entry))
            else:
                paths.append(f"{path}/{entry.name}")
    return sorted(paths)
