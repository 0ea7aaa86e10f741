"""What one request sent and received: filled in by the tap, judged by the fetcher."""

from __future__ import annotations

import asyncio
import enum
import ssl
import time
from contextvars import ContextVar
from datetime import UTC, datetime

from crawler.network.access import Access, public_only
from crawler.wire.spool import Spool, SpoolError
from storage import ResponseFramer

STRAY_LIMIT = 4 << 20
"""Bytes still kept once it is certain that no valid framing will come of them."""

STRAY_SILENCE = 1.0
"""Seconds without a byte after which such a connection is given up: its sender has likely said all it wanted."""


class Ending(enum.Enum):
    """Why nothing more is kept."""

    COMPLETE = enum.auto()
    """The message is whole."""
    LENGTH = enum.auto()
    """The most that may be kept was reached."""
    SILENCE = enum.auto()
    """Nothing came for too long, after aiohttp had given up."""
    CLOSED = enum.auto()
    """The peer closed in good order before the message was whole."""
    RESET = enum.auto()
    """The connection broke; `Transcript.lost` says how."""
    FAULT = enum.auto()
    """The bytes could not be kept; `Transcript.fault` says why."""
    ABANDONED = enum.auto()
    """The fetcher wanted no more."""


class Transcript:
    """One request and its response, as bytes, with what the connection told about itself."""

    __slots__ = (
        "_limit",
        "_max_body",
        "_settled",
        "_silence",
        "_stray",
        "_transport",
        "access",
        "barred",
        "ending",
        "fault",
        "first_byte",
        "framer",
        "fresh",
        "lost",
        "peer",
        "refused",
        "request",
        "response",
        "reused",
        "sent_at",
        "started",
        "tls",
    )

    def __init__(
        self, response: Spool, *, method: str = "GET", max_body: int, silence: float, fresh: bool = False
    ) -> None:
        """Keeps at most `max_body` bytes of the framed body; once aiohttp has given up, waits `silence` seconds for
        more bytes of a message whose framing is valid. `fresh` demands a connection that has not served before."""
        self.access: Access = public_only
        """What its connection may lead to."""
        self.barred: list[str] = []
        """Why addresses were not connected to."""
        self.fresh = fresh
        self.request = bytearray()
        self.response = response
        self.framer = ResponseFramer(method)
        self.started: datetime | None = None
        """When the request began to be sent; None as long as there is no connection."""
        self.sent_at = 0.0
        self.first_byte: float | None = None
        """On the monotonic clock, like `sent_at`."""
        self.reused = False
        """True on a connection that had served a request before."""
        self.peer: str | None = None
        self.tls: tuple[str, str] | None = None
        self.ending: Ending | None = None
        self.lost: BaseException | None = None
        self.fault: SpoolError | None = None
        self.refused = False
        """True when aiohttp closed the connection before the message was whole."""
        self._transport: asyncio.Transport | None = None
        self._max_body = max_body
        self._silence = silence
        self._limit: int | None = None
        self._stray = False
        self._settled: asyncio.Future[None] | None = None

    @property
    def begun(self) -> bool:
        """True once a connection was given to it."""
        return self.started is not None

    @property
    def silence(self) -> float:
        """Seconds to wait for more when aiohttp no longer does."""
        return min(STRAY_SILENCE, self._silence) if self.framer.error else self._silence

    def begin(self, transport: asyncio.Transport, *, reused: bool) -> None:
        """A connection was found or made; the request is about to be written to it."""
        self._transport = transport
        self.reused = reused
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else None
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is not None:
            version, cipher = tls.version(), tls.cipher()
            if version is not None and cipher is not None:
                self.tls = (version.lower().replace("tlsv", "tls/"), cipher[0])
        self.sent_at = time.monotonic()
        self.started = datetime.now(UTC)

    def receive(self, data: bytes) -> None:
        """Keeps received bytes, as many as are wanted; sets `ending` when these were the last."""
        framer = self.framer
        if self.first_byte is None:
            self.first_byte = time.monotonic()
        framer.feed(data)
        if self._limit is None or framer.error:
            self._set_limit()
        excess = 0 if self._limit is None else framer.received - self._limit
        whole_within = framer.message_end is not None and (self._limit is None or framer.message_end <= self._limit)
        try:
            self.response.write(data if excess <= 0 or whole_within else data[:-excess])
        except SpoolError as error:
            self.fault = error
            self.end(Ending.FAULT)
            return
        if whole_within:
            self.end(Ending.COMPLETE)
        elif excess > 0:
            self.end(Ending.LENGTH)

    def closed(self) -> None:
        """The peer said that it will send no more."""
        if self.ending is None:
            self.framer.feed_eof()
            self.end(Ending.COMPLETE if self.framer.complete else Ending.CLOSED)

    def end(self, ending: Ending) -> None:
        """Sets the ending; the first one stands."""
        if self.ending is not None:
            return
        self.ending = ending
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    async def settled(self) -> None:
        """Waits for the ending."""
        if self.ending is None:
            self._settled = asyncio.get_running_loop().create_future()
            await self._settled

    def abandon(self) -> None:
        """No more is wanted: unless the message is whole, the connection is closed now. May be called at any time."""
        transport, self._transport = self._transport, None
        if self.ending is not Ending.COMPLETE:
            self.end(Ending.ABANDONED)
            if transport is not None:
                transport.abort()

    def close(self) -> None:
        """Throws everything away."""
        self.abandon()
        self.response.close()

    def _set_limit(self) -> None:
        framer = self.framer
        if framer.error:
            if not self._stray:
                self._stray = True
                most = min((framer.head_end or 0) + self._max_body, framer.received + STRAY_LIMIT)
                self._limit = max(most, framer.received)
        elif framer.head_end is not None:
            self._limit = framer.head_end + self._max_body


CURRENT: ContextVar[Transcript] = ContextVar("transcript")
"""The transcript that the next connection taken in this context belongs to."""
