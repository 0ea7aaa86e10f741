"""The connector that taps every connection it gives out."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp

from crawler.wire.tap import Tap, Tee
from crawler.wire.throttle import Throttle
from crawler.wire.transcript import CURRENT, Transcript


class AddressBarred(OSError):
    """The address may not be connected to; the transcript's `barred` says why."""


class ProxyFailed(aiohttp.ClientError):
    """The proxy could not be reached, or would not connect; the text says why."""


class ResendVetoed(aiohttp.ClientError):
    """aiohttp was about to send a request again by itself; the archive must know of each request it sends."""


class TapConnector(aiohttp.TCPConnector):
    """A TCPConnector whose connections report to the transcript in `CURRENT`.

    Only the documented coroutine `connect()` is overridden, and the tap is put in place by asyncio's own
    `set_protocol()` and `connection_made()`. The documented `socket_factory` is asked for a socket for each address
    just before that very address is connected to: no later resolution comes between the check and the connection."""

    def __init__(self, *, limit_rate: int | None = None, **options: Any) -> None:
        """`limit_rate`: bytes a second that all its connections together may receive. To be called in the loop."""
        loop = asyncio.get_running_loop()
        self._throttle = None if limit_rate is None else Throttle(limit_rate, loop.time, loop.call_later)
        super().__init__(socket_factory=self._permitted_socket, **options)

    def _permitted_socket(self, info: Any) -> socket.socket:
        """A socket for an address of getaddrinfo's form. Raises AddressBarred, and LookupError without a transcript."""
        made = _permitted_socket(info)
        if self._throttle is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._throttle.buffer)
        return made

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Gives a tapped connection. Raises ResendVetoed if the transcript already had one, LookupError without one."""
        transcript = CURRENT.get()
        if transcript.begun:
            raise ResendVetoed("the connection was lost before the response was whole")
        connection = await super().connect(req, traces, timeout)
        while transcript.fresh and isinstance(connection.transport, Tee):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        transport, handler = connection.transport, connection.protocol
        if transport is None or handler is None:
            return connection  # lost already: aiohttp will find out as it writes
        try:
            _check_peer(transcript, transport)
        except AddressBarred:
            connection.close()
            raise
        if isinstance(transport, Tee):
            tap, reused = transport.tap, True
        else:
            tap, reused = Tap(handler, transport, asyncio.get_running_loop(), self._throttle), False
            transport.set_protocol(tap)
            handler.connection_made(tap.tee)
            tap.catch_early()
        tap.begin(transcript, reused=reused)
        connection.add_callback(tap.released)
        return connection


def _permitted_socket(info: Any) -> socket.socket:
    """A socket for an address of getaddrinfo's form. Raises AddressBarred, and LookupError without a transcript."""
    family, type_, proto, _, address = info
    _permit(CURRENT.get(), address)
    return socket.socket(family, type_, proto)


def _check_peer(transcript: Transcript, transport: asyncio.Transport) -> None:
    """What the socket says itself, for a connection that is new and for one that served before."""
    peer = transport.get_extra_info("peername")
    if isinstance(peer, tuple):
        _permit(transcript, peer)


def _permit(transcript: Transcript, address: tuple[Any, ...]) -> None:
    refusal = transcript.access(address[0], address[1])
    if refusal is not None:
        transcript.barred.append(refusal)
        raise AddressBarred("not a public address")
