"""Connections: when one is used again, when a request goes out again, what is heard unasked, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from crawler.model import CrawlURL, FailureKind
from crawler.network.access import unchecked
from crawler.wire import CURRENT, TapConnector, Transcript
from crawler.wire.spool import Spool
from tests.support.hostile import CASES, LIMITS, HostileServer
from tests.support.loops import LOOPS
from tests.support.serving import OK, certificate, fetcher, serving, until


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as hostile:
        yield hostile


async def test_a_connection_at_rest_is_used_again(tmp_path: Path, server: HostileServer) -> None:
    async with fetcher(tmp_path) as fetch:
        first, second = [await fetch.fetch(CrawlURL(f"http://127.0.0.1:{server.port}/case/plain")) for _ in range(2)]
    assert server.connections == 1
    assert first.connect_ms is not None
    assert (second.connect_ms, second.peer) == (None, "127.0.0.1")


@pytest.mark.parametrize("name", ["too-long-body", "two-responses", "no-content-with-body", "chunk-extension-20k"])
async def test_a_connection_out_of_step_is_not(tmp_path: Path, server: HostileServer, name: str) -> None:
    async with asyncio.timeout(5), fetcher(tmp_path) as fetch:
        for path in (f"/case/{name}", "/case/plain"):
            exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{server.port}{path}"))
            assert exchange.whole is CASES[path.removeprefix("/case/")].whole
    assert server.connections == 2


async def test_unasked_bytes_close_an_idle_connection(tmp_path: Path) -> None:
    connections = 0
    idle, gone = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        if connections == 1:
            await idle.wait()
            writer.write(OK.replace(b"hello", b"false"))
            assert not await reader.read()
            gone.set()

    async with serving(handler) as port, fetcher(tmp_path) as fetch:
        await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
        idle.set()
        async with asyncio.timeout(5):
            await gone.wait()
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    assert exchange.content == b"hello"
    assert connections == 2


async def test_a_dropped_idle_connection_costs_one_resend(tmp_path: Path, server: HostileServer) -> None:
    url = CrawlURL(f"http://127.0.0.1:{server.port}/case/only-fresh")
    async with fetcher(tmp_path) as fetch:
        many = await asyncio.gather(*(fetch.fetch(url) for _ in range(3)))  # three idle connections, all of them stale
        again = await fetch.fetch(url)
    assert [exchange.resent for exchange in many] == [0, 0, 0]
    assert (again.resent, again.whole) == (1, True)
    assert server.received("/case/only-fresh") == [again.request] * 5
    assert again.response is not None
    assert again.response.read(0, 9999) == server.sent("/case/only-fresh")[-1]


@pytest.mark.parametrize("name", ["close-at-once", "early-close", "reset-in-body", "reset-at-once"])
async def test_nothing_else_is_sent_twice(tmp_path: Path, server: HostileServer, name: str) -> None:
    async with fetcher(tmp_path) as fetch:
        await fetch.fetch(CrawlURL(f"http://127.0.0.1:{server.port}/case/plain"))  # leaves an idle connection
        await fetch.fetch(CrawlURL(f"http://127.0.0.1:{server.port}/case/plain"))
        async with fetcher(tmp_path) as other:
            exchange = await other.fetch(CrawlURL(f"http://127.0.0.1:{server.port}/case/{name}"))
    assert exchange.resent == 0
    assert len(server.received(f"/case/{name}")) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_speaks_first(tmp_path: Path, loop: str, tls: bool) -> None:
    """Many at once: then some are heard before the tap is in place."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"500 what?\r\n")

    async def main() -> None:
        server_side, client_side = certificate()
        async with (
            serving(handler, server_side if tls else None) as port,
            fetcher(tmp_path, ssl_context=client_side) as fetch,
        ):
            url = CrawlURL(f"http{'s' if tls else ''}://127.0.0.1:{port}/")
            exchanges = await asyncio.gather(*(fetch.fetch(url) for _ in range(64)))
        for exchange in exchanges:
            assert exchange.failure is not None
            assert exchange.failure.kind is FailureKind.NOT_HTTP
            assert exchange.request.startswith(b"GET / HTTP/1.1\r\n")
            assert exchange.response is not None
            assert exchange.response.read(0, 99) == b"220 mail.test ESMTP\r\n500 what?\r\n"
            assert exchange.message is None

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


@pytest.mark.parametrize("name", ["silence", "silence-after-head", "length-differs", "infinite-noise"])
async def test_a_cancelled_fetch_closes_its_connection(tmp_path: Path, server: HostileServer, name: str) -> None:
    path = f"/case/{name}"
    async with fetcher(tmp_path, **{**LIMITS, "timeout": 30.0, "max_fetch_time": 30.0}) as fetch:
        task = asyncio.create_task(fetch.fetch(CrawlURL(f"http://127.0.0.1:{server.port}{path}")))
        await until(lambda: bool(server.sent(path)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.open_connections == 0)


async def test_a_reader_that_lags_stops_the_socket(tmp_path: Path, server: HostileServer) -> None:
    path = "/case/infinite-body"

    async def halt() -> int:
        size, before = -1, -2
        while size != before:
            await asyncio.sleep(0.2)
            size, before = len(server.sent(path)[0]), size
        return transcript.response.size

    transcript = Transcript(Spool(tmp_path), max_body=1 << 40, silence=5.0)
    transcript.access = unchecked
    CURRENT.set(transcript)
    async with (
        aiohttp.ClientSession(connector=TapConnector()) as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        held = await halt()  # nobody reads: the server's writes come to a halt, and what was received stays small
        assert held < 4 << 20
        await response.content.readexactly(held)  # and it goes on when somebody does
        assert await halt() > held
        held = transcript.response.size
        response.close()  # aiohttp wants no more of it; the archive does, though the socket was stopped
        await until(lambda: transcript.response.size > held + (4 << 20))
        assert transcript.refused
        transcript.abandon()
    transcript.close()
