"""A server that answers in every wrong way there is, from raw sockets, and remembers each byte of it.

    with HostileServer() as server:
        …fetch f"http://127.0.0.1:{server.port}/case/{name}"…
        server.sent(f"/case/{name}")      # one bytes per request
        server.received(f"/case/{name}")

`/` is a page that links to every case, `/robots.txt` is 404. CASES says of each what a crawler must make of it under
the limits in LIMITS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.support.hostile_cases import CASES, LIMITS, Case, End, ok

__all__ = ["CASES", "LIMITS", "Case", "End", "HostileServer"]

_PATIENCE = 15.0


class HostileServer:
    """Listens on a free loopback port, a thread a connection."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        """With `ssl_context`, a server context with a certificate, all of it happens over TLS."""
        self._ssl_context = ssl_context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._sent: dict[str, list[bytearray]] = defaultdict(list)
        self._received: dict[str, list[bytes]] = defaultdict(list)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self.connections = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing = True
            connections = list(self._open)
        with contextlib.suppress(OSError):  # wakes the thread in accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def sent(self, path: str) -> list[bytes]:
        """What was sent for each request of `path`, in order. After a reset, the client may have got less of it."""
        with self._lock:
            return [bytes(log) for log in self._sent[path]]

    def received(self, path: str) -> list[bytes]:
        """Each request for `path`, in order."""
        with self._lock:
            return list(self._received[path])

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closing:
                    connection.close()
                    return
                self._open.add(connection)
                self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        try:
            raw.settimeout(_PATIENCE)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl_context is not None:
                connection = self._ssl_context.wrap_socket(raw, server_side=True)
            nth = 0
            while (request := _read_request(connection)) is not None:
                nth += 1
                if not self._answer(connection, request, nth):
                    return
        except OSError:
            return  # the client had enough, or the server is being closed
        finally:
            with self._lock:
                self._open.discard(raw)
            connection.close()

    def _answer(self, connection: socket.socket, request: bytes, nth: int) -> bool:
        """True if the connection is ready for another request."""
        path = request.split(b" ", 2)[1].decode("ascii")
        log = bytearray()
        with self._lock:
            self._received[path].append(request)
            self._sent[path].append(log)
        case = _case(path, nth)
        for piece in case.pieces():
            if isinstance(piece, float):
                time.sleep(piece)
                continue
            with self._lock:
                log += piece
            connection.sendall(piece)
        return _end(connection, case.end)


def _case(path: str, nth: int) -> Case:
    if path == "/":
        links = "".join(f'<a href="/case/{name}">{name}</a>\n' for name in CASES)
        return Case("index", ok(f"<!doctype html><title>Cases</title>\n{links}".encode()))
    case = CASES.get(path.removeprefix("/case/"))
    if case is None:
        return Case("missing", ok(b"not here", "Content-Type: text/plain", status="404 Not Found"), status=404)
    if case.only_fresh and nth > 1:
        return Case(case.name, b"", end=End.CLOSE)
    return case


def _end(connection: socket.socket, end: End) -> bool:
    if end is End.RESET:
        # RFC 9293 section 3.10.4: with a linger time of 0, close() aborts the connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif end is End.CLOSE and isinstance(connection, ssl.SSLSocket):
        connection.settimeout(1.0)
        connection.unwrap()
    elif end is End.HOLD:
        while connection.recv(4096):
            pass
    return end is End.KEEP


def _read_request(connection: socket.socket) -> bytes | None:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        data = connection.recv(65536)
        if not data:
            return None
        request += data
    return request


def drip(data: bytes, pause: float) -> Iterator[bytes | float]:
    """One byte at a time."""
    for at in range(len(data)):
        yield data[at : at + 1]
        yield pause
