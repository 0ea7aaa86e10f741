"""--limit-rate on real connections: never faster than said, every byte as it was, no patience lost by being held."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from crawler.model import CrawlURL, Exchange, FailureKind
from crawler.wire.throttle import BURST
from tests.support.engine import crawl
from tests.support.serving import answering, certificate, fetcher, serving
from tests.support.web import Web, ok, page

BODY = bytes(range(256)) * 1200
"""300 KB."""


def body_of(exchange: Exchange) -> bytes:
    assert exchange.response is not None
    assert exchange.message is not None
    return exchange.response.read(exchange.message.head_end, exchange.response.size)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_a_large_response_takes_its_time_and_is_whole(tmp_path: Path, secure: bool) -> None:
    """Its pauses are longer than the silence that is allowed: whoever is not listened to is not silent."""
    theirs, ours = certificate() if secure else (None, None)
    async with serving(answering(ok(BODY)), theirs) as port:
        url = CrawlURL(f"http{'s' if secure else ''}://127.0.0.1:{port}/")
        options = {} if ours is None else {"ssl_context": ours}
        async with fetcher(tmp_path, limit_rate=250_000, timeout=0.15, **options) as fetch:
            began = time.monotonic()
            exchange = await fetch.fetch(url)
            took = time.monotonic() - began
            assert body_of(exchange) == BODY
            exchange.response.close()  # type: ignore[union-attr]
    assert exchange.failure is None
    # What the last reads brought need not be waited for.
    assert took >= (len(BODY) - 2 * 64 * 1024) / 250_000 - BURST


async def test_many_small_responses_are_limited_all_together(crawl_dir: Path) -> None:
    names = [f"/{number}" for number in range(40)]
    answers = {f"http://a.test{name}": ok(name.encode() * 2000) for name in names}
    with Web({"http://a.test/": page(*names), **answers}) as web:
        began = time.monotonic()
        ran = await crawl(web, crawl_dir, "http://a.test/", limit_rate=200_000, per_host=8, robots=False)
        took = time.monotonic() - began
    total = sum(outcome.bytes for outcome in ran.outcomes)
    assert len(ran.outcomes) == 41
    assert {outcome.status for outcome in ran.outcomes} == {200}
    assert took >= (total - 8 * 8000) / 200_000 - BURST


async def test_silence_is_noticed_all_the_same(tmp_path: Path) -> None:
    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        writer.write(b"" if path == b"/mute" else b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await reader.read()

    async with (
        serving(stalls) as port,
        fetcher(tmp_path, limit_rate=1_000_000, timeout=0.2) as fetch,
    ):
        for path, received in (("/mute", 0), ("/half", 43)):
            exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}{path}"))
            assert exchange.failure is not None
            assert exchange.failure.kind is FailureKind.TIMEOUT
            assert "for 0.2 s" in exchange.failure.reason
            assert (0 if exchange.response is None else exchange.response.size) == received
            if exchange.response is not None:
                exchange.response.close()


async def test_connections_serve_again(tmp_path: Path) -> None:
    requests: list[bytes] = []
    handler = answering(ok(b"x" * 5000), requests)
    async with serving(handler) as port, fetcher(tmp_path, limit_rate=100_000) as fetch:
        began = time.monotonic()
        for _ in range(20):
            exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
            assert exchange.whole
            exchange.response.close()  # type: ignore[union-attr]
        assert exchange.connect_ms is None, "on a connection that had served before"
        assert time.monotonic() - began >= (20 * 5000 - 5000) / 100_000 - BURST
