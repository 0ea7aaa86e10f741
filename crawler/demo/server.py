"""The demonstration site's server: a free port of the loopback interface, for as long as a crawl needs it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from crawler.demo.responses import REFUSAL, Answer, Manner, answer

_SLOW_SECONDS = 1.0


class DemoServer:
    """Serves the bundled site: `async with DemoServer() as server: … server.port …`.

    The flaky page refuses the first request of each server's life, so every run, resumed or not, sees the same."""

    def __init__(self, *, slow_seconds: float = _SLOW_SECONDS) -> None:
        self._slow_seconds = slow_seconds
        self._refused: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it was started."""
        return self._port

    async def __aenter__(self) -> Self:
        """Raises OSError if there is no free port."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=self._slow_seconds)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        found = answer(request.path)
        if found.manner is Manner.SLOW:
            await asyncio.sleep(self._slow_seconds)
        if found.manner is Manner.FLAKY and request.path not in self._refused:
            self._refused.add(request.path)
            found = REFUSAL
        if found.etag and request.headers.get("If-None-Match") == found.etag:
            return web.Response(status=304, headers={"ETag": found.etag, "Server": "annals-demo"})
        return await _send(request, found)


async def _send(request: web.Request, found: Answer) -> web.StreamResponse:
    headers = {**dict(found.headers), "Server": "annals-demo"}
    if found.manner is not Manner.CHUNKED:
        return web.Response(status=found.status, headers=headers, body=b"".join(found.chunks))
    response = web.StreamResponse(status=found.status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for chunk in found.chunks:
        await response.write(chunk)
    await response.write_eof()
    return response
