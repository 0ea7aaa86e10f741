"""The tap on a connection: a protocol and a transport, put between the socket's transport and aiohttp's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp.client_proto import ResponseHandler

from crawler.wire.throttle import Throttle
from crawler.wire.transcript import Ending, Transcript


class Tap(asyncio.Protocol):
    """Keeps every received byte for the transcript of the moment, then lets aiohttp have it.

    aiohttp closes a connection when its parser gives up, or when it believes in another end of the message than the
    framer. If the message is not whole then, the tap lingers: it goes on keeping bytes, for nobody but the archive,
    until the framer is satisfied, the peer closes, a limit is reached or nothing comes for a while.

    Under a throttle it watches over silence from the start: nobody else knows when nobody listens."""

    __slots__ = (
        "_handler",
        "_held",
        "_last",
        "_lingering",
        "_loop",
        "_stopped",
        "_throttle",
        "_timer",
        "_transcript",
        "_transport",
        "tee",
    )  # fmt: skip

    def __init__(
        self,
        handler: ResponseHandler,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        throttle: Throttle | None = None,
    ) -> None:
        self._handler = handler
        self._transport = transport
        self._loop = loop
        self._transcript: Transcript | None = None
        self._lingering = False
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._throttle = throttle
        self._held = self._stopped = False
        """Whether the throttle, and whether aiohttp, wants nothing to be read."""
        self.tee = Tee(transport, self)
        limit_buffer = getattr(transport, "set_read_buffer_limits", None)
        if throttle is not None and limit_buffer is not None:  # of TLS, which else would read far ahead
            limit_buffer(throttle.buffer)

    def begin(self, transcript: Transcript, *, reused: bool) -> None:
        """From now on the bytes of this connection belong to `transcript`."""
        self._transcript = transcript
        transcript.begin(self._transport, reused=reused)
        if self._throttle is not None:
            self._last = self._loop.time()
            self._arm(transcript)
            self._throttle.begins(self)

    # -- reading -----------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """The throttle wants nothing to be read."""
        self._held = True
        if not self._stopped and not self._transport.is_closing():
            self._transport.pause_reading()

    def let_go(self) -> None:
        """The throttle does not mind any more."""
        self._held = False
        self._last = self._loop.time()
        if not self._stopped and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_reading(self) -> None:
        """aiohttp has enough for now."""
        self._stopped = True
        if not self._held:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._stopped = False
        self._last = self._loop.time()
        if not self._held:
            self._transport.resume_reading()

    def catch_early(self) -> None:
        """A server that speaks first may have been heard before the tap was in place, on uvloop above all. aiohttp
        keeps such bytes until it prepares for the request, then hands them to itself: there they are caught."""
        handler = self._handler
        if not handler.should_close:
            return

        def caught(data: bytes) -> None:
            del handler.data_received  # uncovers the method of the class
            self._loop.call_soon(self._early, data)  # the request goes out first, as it would have

        handler.data_received = caught  # type: ignore[method-assign]

    def _early(self, data: bytes) -> None:
        if self._transcript is not None and self._transcript.ending is None:
            self.data_received(data)

    def released(self) -> None:
        """aiohttp is about to pool or close the connection; only one that is certainly at rest may serve again."""
        if self._transcript is not None:
            self._handler.force_close()
        if self._throttle is not None and not self._lingering:
            self._throttle.ends(self)

    def sent(self, data: bytes | bytearray | memoryview) -> None:
        if self._transcript is not None:
            self._transcript.request += data

    @property
    def lingering(self) -> bool:
        """True when aiohttp has closed the connection but bytes are still being kept."""
        return self._lingering

    def closing(self) -> bool:
        """aiohttp asks for the connection to be closed; True if it lives on for the rest of the message."""
        if self._lingering:
            return True
        transcript = self._transcript
        if (
            transcript is None
            or transcript.ending is not None
            or not transcript.request
            or self._transport.is_closing()
        ):
            return False
        self._lingering = transcript.refused = True
        self._last = self._loop.time()
        if self._timer is None:
            self._arm(transcript)
        self._stopped = False
        if not self._held and not self._transport.is_reading():
            self._transport.resume_reading()
        return True

    def data_received(self, data: bytes) -> None:
        transcript = self._transcript
        if transcript is None:
            # Nobody asked. RFC 9112 section 9.2: such data is no valid response, and the connection must be closed.
            self._transport.abort()
            return
        if self._throttle is not None:
            self._last = self._loop.time()
            self._throttle.received(self, len(data))
        transcript.receive(data)
        if transcript.ending is not None:
            self._last_data(transcript, data)
        elif self._lingering:
            self._last = self._loop.time()
        else:
            self._handler.data_received(data)

    def _last_data(self, transcript: Transcript, data: bytes) -> None:
        self._transcript = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if transcript.ending is not Ending.COMPLETE or self._lingering:
            self._transport.abort()
            return
        message_end = transcript.framer.message_end
        assert message_end is not None
        surplus = transcript.framer.received - message_end
        if surplus:  # kept, but not for aiohttp; and no request may follow on a connection that is out of step
            self._handler.force_close()
            data = data[:-surplus]
        if data:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        if self._transcript is not None:
            self._transcript.closed()
        self._handler.eof_received()
        return None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Never called: the connection was made before it was tapped."""

    def connection_lost(self, exc: Exception | None) -> None:
        transcript, self._transcript = self._transcript, None
        if self._timer is not None:
            self._timer.cancel()
        if self._throttle is not None:
            self._throttle.ends(self)
        if transcript is not None:
            transcript.lost = exc
            if exc is None:
                transcript.closed()  # a TLS peer that sends no close_notify is told of in no other way
            transcript.end(Ending.RESET)
        self._handler.connection_lost(exc)

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def _arm(self, transcript: Transcript) -> None:
        self._timer = self._loop.call_at(self._last + transcript.silence, self._check_silence, transcript)

    def _check_silence(self, transcript: Transcript) -> None:
        if self._held or (self._stopped and not self._lingering):
            self._last = self._loop.time()  # who is not read cannot be heard
        if transcript.ending is None and self._loop.time() < self._last + transcript.silence:
            self._arm(transcript)
            return
        transcript.end(Ending.SILENCE)
        self._transport.abort()


class Tee(asyncio.Transport):
    """What aiohttp holds for its transport: copies what is written, asks the tap before closing."""

    def __init__(self, transport: asyncio.Transport, tap: Tap) -> None:
        super().__init__()
        self._transport = transport
        self.tap = tap

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.tap.sent(data)
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        pieces = list(list_of_data)
        for piece in pieces:
            self.tap.sent(piece)
        self._transport.writelines(pieces)

    def is_closing(self) -> bool:
        return self.tap.lingering or self._transport.is_closing()

    def close(self) -> None:
        if not self.tap.closing():
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def pause_reading(self) -> None:
        self.tap.pause_reading()

    def resume_reading(self) -> None:
        self.tap.resume_reading()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()

    def write_eof(self) -> None:
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()
