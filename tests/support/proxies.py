"""Proxies on loopback that note what they were asked: HTTP with CONNECT (RFC 9110 section 9.3.6), SOCKS5 (RFC 1928).

Both lead every host to 127.0.0.1 at the port that was asked for, so that a name proves to be resolved by the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.support.serving import Handler, serving


@dataclass
class Asked:
    """What a proxy saw."""

    targets: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes = b"", greeting: bytes = b""
) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(greeting)
    up_writer.write(first)
    await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


@contextlib.asynccontextmanager
async def http_proxy(*, refusal: bytes = b"") -> AsyncIterator[tuple[int, Asked]]:
    """Gives its port and its notes; with `refusal`, that is its only answer."""
    asked = Asked()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        asked.heads.append(head)
        asked.targets.append(f"{method.decode()} {target.decode()}")
        if refusal:
            writer.write(refusal)
            return
        if method == b"CONNECT":
            await _tunnel(reader, writer, int(target.rpartition(b":")[2]), greeting=b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            port = target.split(b"/")[2].rpartition(b":")[2]
            await _tunnel(reader, writer, int(port), first=head)

    async with serving(handle) as port:
        yield port, asked


@contextlib.asynccontextmanager
async def socks_proxy(*, login: bytes = b"", reply: int = 0) -> AsyncIterator[tuple[int, Asked]]:
    """Gives its port and its notes; asks for `login` (`user:password`) if there is one; a `reply` but 0 refuses."""
    asked = Asked()
    async with serving(_socks_handler(asked, login, reply)) as port:
        yield port, asked


def _socks_handler(asked: Asked, login: bytes, reply: int) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        offered = await reader.readexactly(methods)
        method = 2 if login else 0
        assert method in offered
        writer.write(bytes([5, method]))
        if login:  # RFC 1929
            await reader.readexactly(1)
            parts = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
            writer.write(bytes([1, b":".join(parts) != login]))
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        host = await reader.readexactly(size)
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        asked.targets.append(f"{host.decode() if kind == 3 else host.hex()}:{port}")
        writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not reply:
            await _tunnel(reader, writer, port)

    return handle
