"""A TCP relay that keeps every byte it passes: the witness between a client and a server.

It understands nothing while it relays; `exchanges` reads the recording afterwards, with a framing of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK = 1 << 16
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(slots=True)
class Connection:
    """One relayed connection: what each side said, in order."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class HttpExchange:
    """A request and its whole answer, as they went by."""

    request: bytes
    response: bytes

    @property
    def target(self) -> str:
        """The request target: path and query."""
        return self.request.split(b" ", 2)[1].decode("ascii")

    @property
    def status(self) -> int:
        return int(self.response.split(b" ", 2)[1])


@dataclass(slots=True)
class RecordingProxy:
    """A running relay."""

    port: int
    connections: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def exchanges(self) -> list[HttpExchange]:
        """Everything that went by, connection by connection. Raises ValueError for a broken recording."""
        return [exchange for connection in self.connections for exchange in split_exchanges(connection)]


@asynccontextmanager
async def recording_proxy(upstream_port: int) -> AsyncIterator[RecordingProxy]:
    """Relays a free loopback port to `upstream_port` of the same machine until the block is left."""
    proxy = RecordingProxy(0)
    relays: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        relays.add(task)
        task.add_done_callback(relays.discard)
        connection = Connection()
        proxy.connections.append(connection)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_relay(reader, up_writer, connection.sent))
                group.create_task(_relay(up_reader, writer, connection.received))
        finally:
            writer.close()
            up_writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=511)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


async def _relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray) -> None:
    """Passes bytes on until the source ends, then ends the sink's direction too."""
    try:
        while data := await source.read(_CHUNK):
            record += data
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
    except ConnectionError:
        sink.close()  # one side is gone: the other learns it as an end of stream


def split_exchanges(connection: Connection) -> Iterable[HttpExchange]:
    """Cuts a recording of bodiless requests and delimited answers at the message borders (RFC 9112 section 6.3)."""
    sent, received = bytes(connection.sent), bytes(connection.received)
    start = at = 0
    while start < len(sent):
        stop = sent.index(_END_OF_HEAD, start) + len(_END_OF_HEAD)
        if at == len(received):
            return  # asked, and the connection was gone before any answer
        end = _end_of_response(received, at)
        yield HttpExchange(sent[start:stop], received[at:end])
        start, at = stop, end
    if at != len(received):
        raise ValueError(f"{len(received) - at} bytes were received that no request asked for")


def _end_of_response(data: bytes, start: int) -> int:
    """The offset past the answer that begins at `start`."""
    body = data.index(_END_OF_HEAD, start) + len(_END_OF_HEAD)
    head = data[start:body].lower()
    status = int(head.split(b" ", 2)[1])
    if status in (204, 304):
        return body
    if b"\r\ntransfer-encoding: chunked\r\n" in head:
        return _end_of_chunks(data, body)
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
    if length is None:
        return len(data)  # delimited by the end of the connection
    return min(body + int(length[1]), len(data))


def _end_of_chunks(data: bytes, at: int) -> int:
    """The offset past a chunked body without trailers."""
    while True:
        line = data.index(b"\r\n", at)
        size = int(data[at:line].partition(b";")[0], 16)
        at = line + 2 + size + 2
        if size == 0:
            return at
