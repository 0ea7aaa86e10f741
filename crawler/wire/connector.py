"""The connector that taps every connection it gives out."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from crawler.wire.capture import CURRENT
from crawler.wire.tap import Tap, Tee


class ResendVetoed(aiohttp.ClientError):
    """aiohttp was about to send a request again by itself; the archive must know of each request it sends."""


class TapConnector(aiohttp.TCPConnector):
    """A TCPConnector whose connections report to the capture in `CURRENT`.

    Only the documented coroutine `connect()` is overridden, and the tap is put in place by asyncio's own
    `set_protocol()` and `connection_made()`."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Gives a tapped connection. Raises ResendVetoed if the capture already had one, LookupError without one."""
        capture = CURRENT.get()
        if capture.begun:
            raise ResendVetoed("the connection was lost before the response was whole")
        connection = await super().connect(req, traces, timeout)
        while capture.fresh and isinstance(connection.transport, Tee):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        transport, handler = connection.transport, connection.protocol
        if transport is None or handler is None:
            return connection  # lost already: aiohttp will find out as it writes
        if isinstance(transport, Tee):
            tap, reused = transport.tap, True
        else:
            tap, reused = Tap(handler, transport, asyncio.get_running_loop()), False
            transport.set_protocol(tap)
            handler.connection_made(tap.tee)
            tap.catch_early()
        tap.begin(capture, reused=reused)
        connection.add_callback(tap.released)
        return connection
