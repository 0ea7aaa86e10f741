"""The relay that other tests call as a witness must itself pass and keep every byte."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.support.nginx import nginx
from tests.support.programs import require_program
from tests.support.recording_proxy import Connection, HttpExchange, recording_proxy, split_exchanges


async def test_keeps_both_directions(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n")
        writer.write(b"\x00\xffwords\r\n" * 1000)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, recording_proxy(server.sockets[0].getsockname()[1]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"question\n")
        heard = await reader.read()
        writer.close()
    assert heard == b"\x00\xffwords\r\n" * 1000
    assert [(bytes(c.sent), bytes(c.received)) for c in proxy.connections] == [(b"question\n", heard)]


async def test_cuts_a_keep_alive_connection_into_exchanges(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "long.html").write_bytes(b"<p>words</p>" * 20_000)
    (site / "data.bin").write_bytes(bytes(range(256)))
    targets = ["/long.html", "/data.bin", "/missing"]
    with nginx(require_program("nginx"), site, tmp_path, gzip=True) as server:
        async with (
            recording_proxy(server.port) as proxy,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session,
        ):
            bodies = [await (await session.get(f"http://127.0.0.1:{proxy.port}{target}")).read() for target in targets]
    seen = proxy.exchanges()
    assert len(proxy.connections) == 1
    assert [(exchange.target, exchange.status) for exchange in seen] == list(zip(targets, [200, 200, 404], strict=True))
    assert b"Transfer-Encoding: chunked" in seen[0].response
    assert bodies[0] == b"<p>words</p>" * 20_000
    assert seen[1].response.endswith(b"\r\n\r\n" + bodies[1])
    assert b"".join(exchange.response for exchange in seen) == bytes(proxy.connections[0].received)


def test_an_unanswered_request_is_no_exchange() -> None:
    first = b"GET /a HTTP/1.1\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\n\r\n"
    connection = Connection(bytearray(first + b"GET /b HTTP/1.1\r\n\r\n"), bytearray(answer))
    assert list(split_exchanges(connection)) == [HttpExchange(first, answer)]


def test_bytes_that_nobody_asked_for_are_an_error() -> None:
    connection = Connection(
        bytearray(b"GET /a HTTP/1.1\r\n\r\n"), bytearray(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 408 Timeout\r\n\r\n")
    )
    with pytest.raises(ValueError, match="no request asked for"):
        list(split_exchanges(connection))
