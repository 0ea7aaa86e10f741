"""Small servers on loopback for the fetcher's tests, and a fetcher with short patience."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import trustme

from crawler.config import CrawlConfig
from crawler.fetcher import HttpFetcher

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX: 1\r\nx: 2\r\nContent-Length: 5\r\n\r\nhello"


@contextlib.asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that answers by `handler`, gives its port. Ends when all its connections have."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with listener:
        port: int = listener.sockets[0].getsockname()[1]
        yield port
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=5)
            assert not pending


def answering(response: bytes, requests: list[bytes] | None = None) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            if requests is not None:
                requests.append(request)
            writer.write(response)
            await writer.drain()

    return handler


def fetcher(tmp_path: Path, **options: Any) -> HttpFetcher:
    extra = {name: options.pop(name) for name in ("resolver", "ssl_context") if name in options}
    return HttpFetcher(CrawlConfig(**{"timeout": 5.0, "allow_private": True, **options}), spool_dir=tmp_path, **extra)


def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and a client's that trusts it."""
    authority = trustme.CA()
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    authority.configure_trust(client_side)
    return server_side, client_side


async def until(condition: Callable[[], object]) -> None:
    """Waits for what happens in the hostile server's threads."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
