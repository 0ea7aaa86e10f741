"""Where an HTTP/1.x response begins and ends (RFC 9112), told from its bytes alone: bytes in, offsets out, no I/O.

A client library says what it made of a response; an archive must know what was received. So this reads only as much
as the framing needs, keeps no body bytes, and is as tolerant as servers are careless: bare LF as line end, any case
of `HTTP/`, missing or odd reason phrases, white space around field names and values, empty lines before the head.
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from storage.chunked import ChunkScanner, dechunk

__all__ = ["HEAD_LIMIT", "Framing", "Head", "Headers", "ResponseFramer", "dechunk", "parse_head"]

HEAD_LIMIT = 1 << 20
"""Longest head, interim heads included, that is looked at. Browsers stop at 256 KiB, curl at 300 KiB."""

_BLANK_LIMIT = 16 << 10  # empty lines before the status line
_HTTP = b"HTTP/"
_STATUS_LINE = re.compile(r"(\S*)[ \t]+([0-9]{3})(?![0-9])[ \t]*(.*)", re.DOTALL)
_VERSION = re.compile(r"HTTP/[0-9](?:\.[0-9])?", re.IGNORECASE)

Headers = list[tuple[str, str]]


class Head(NamedTuple):
    """What a response's head says, as far as it could be read."""

    status: int | None
    """The three-digit code; None if the first line has none."""
    reason: str
    version: str | None
    """`HTTP/1.1`; None if the first line names no version in that form."""
    headers: Headers
    """Name and value in order, latin-1, surrounding white space removed, obs-fold joined by one space."""


class Framing(enum.Enum):
    """How the end of the body is found: RFC 9112 section 6.3."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


def parse_head(data: bytes) -> Head:
    """Reads a head, from the status line to the empty line or the end of `data`; skips lines that are no fields."""
    lines = data.decode("latin-1").split("\n")
    matched = _STATUS_LINE.match(lines[0])
    status, reason, version = None, "", lines[0].split(None, 1)[0] if lines[0].strip() else ""
    if matched is not None:
        version, status, reason = matched[1], int(matched[2]), matched[3].strip()
    headers: Headers = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and headers:  # obs-fold, RFC 9112 section 5.2
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))
    return Head(status, reason, version if _VERSION.fullmatch(version) else None, headers)


class ResponseFramer:
    """Finds the parts of one response in the bytes received for a request of `method`, fed in any pieces.

    `[0, start)` interim 1xx heads, `[start, head_end)` the final head, `[head_end, message_end)` the framed body;
    what follows is surplus and not looked at."""

    __slots__ = (
        "_chunks",
        "_head",
        "_length_end",
        "_method",
        "_searched",
        "complete",
        "error",
        "framing",
        "head_end",
        "headers",
        "is_http",
        "message_end",
        "reason",
        "received",
        "start",
        "status",
        "version",
    )

    def __init__(self, method: str = "GET") -> None:
        self.is_http: bool | None = None
        """None until known; False when the bytes do not begin with `HTTP/` in any case."""
        self.received = 0
        """Bytes fed so far, surplus included."""
        self.start = 0
        """Where the final head begins; grows past each interim head (1xx, but 101 is final)."""
        self.head_end: int | None = None
        self.message_end: int | None = None
        """Just past the message's last byte; None until it has been received."""
        self.status: int | None = None
        self.reason = ""
        self.version: str | None = None
        self.headers: Headers = []
        self.framing: Framing | None = None
        """None until the final head has been read, and when it contradicts itself."""
        self.complete = False
        """True once the whole message has been received."""
        self.error = ""
        """Why the framing can never become valid; empty as long as it can."""
        self._method = method
        self._head: bytearray | None = bytearray()  # bytes from `start` on; None once the final head was read
        self._searched = 0
        self._length_end = 0
        self._chunks: ChunkScanner | None = None

    @property
    def chunked(self) -> bool:
        """True if the body is in the chunked transfer coding, for `dechunk`."""
        return self.framing is Framing.CHUNKED

    def feed(self, data: bytes) -> None:
        """Takes the next received bytes. Never raises; see `error`."""
        before = self.received
        self.received = before + len(data)
        if self.complete or self.error:
            return
        if self._head is not None:
            self._feed_head(data)
        elif self.framing is Framing.LENGTH:
            if self.received >= self._length_end:
                self._finish(self._length_end)
        elif self._chunks is not None:
            self._scan_chunks(data, 0, before)

    def feed_eof(self) -> None:
        """The peer closed its side in good order; for a reset connection, do not call this."""
        if self.complete or self.error:
            return
        if self.framing is Framing.CLOSE:
            self._finish(self.received)
        elif self._chunks is not None and self._chunks.last_chunk_seen:
            # RFC 9112 section 8: a chunked body is incomplete if the zero-sized chunk has not been received.
            self._finish(self.received)
        elif self.is_http is None and self.received:
            self._fail_unless_http()

    def _feed_head(self, data: bytes) -> None:
        buffer = self._head
        assert buffer is not None
        if not buffer and data[:5] == _HTTP and (end := _head_end(data, 0)) > 0:
            head = parse_head(data[:end])
            if not _is_interim(head):  # the common case: the final head in one piece, nothing before it
                self.is_http, self._head = True, None
                self._begin_body(head, self.start + end, data, end)
                return
        buffer += data
        if self.is_http is None and not self._recognise(buffer):
            return
        while (end := _head_end(buffer, self._searched)) > 0:
            head = parse_head(bytes(buffer[:end]))
            del buffer[:end]
            self._searched = 0
            if _is_interim(head):
                self.start += end
                continue
            self._head = None
            self._begin_body(head, self.start + end, bytes(buffer), 0)
            return
        self._searched = max(0, len(buffer) - 2)
        if self.received > HEAD_LIMIT:
            self._fail(f"the head did not end within {HEAD_LIMIT} bytes")

    def _recognise(self, buffer: bytearray) -> bool:
        """Decides whether this is HTTP, past empty lines (RFC 9112 section 2.2); False while undecided or if not."""
        blank = len(buffer) - len(buffer.lstrip(b"\r\n"))
        if blank:
            del buffer[:blank]
            self.start += blank
        if len(buffer) >= len(_HTTP):
            self.is_http = buffer[: len(_HTTP)].upper() == _HTTP
        elif not _HTTP.startswith(buffer.upper()) or self.received > _BLANK_LIMIT:
            self.is_http = False
        if self.is_http is False:
            self._fail_unless_http()
        return self.is_http is True

    def _begin_body(self, head: Head, head_end: int, data: bytes, at: int) -> None:
        """`data[at:]` is what of the body came with the head."""
        self.head_end = head_end
        self.status, self.reason, self.version, self.headers = head
        if head.status is None:
            self._fail("the status line has no three-digit status code")
            return
        framing, length, problem = _framing(self._method, head.status, head.headers)
        if problem:
            self._fail(problem)
            return
        self.framing = framing
        if framing is Framing.NONE:
            self._finish(head_end)
        elif framing is Framing.LENGTH:
            self._length_end = head_end + length
            if self.received >= self._length_end:
                self._finish(self._length_end)
        elif framing is Framing.CHUNKED:
            self._chunks = ChunkScanner()
            self._scan_chunks(data, at, head_end - at)

    def _scan_chunks(self, data: bytes, at: int, offset: int) -> None:
        chunks = self._chunks
        assert chunks is not None
        stop = chunks.scan(data, at, None)
        if chunks.done:
            self._finish(offset + stop)
        elif chunks.error:
            self._fail(chunks.error)

    def _finish(self, end: int) -> None:
        self.message_end, self.complete = end, True

    def _fail_unless_http(self) -> None:
        self.is_http, self.start = False, 0
        self._fail("the bytes do not begin with HTTP/")

    def _fail(self, error: str) -> None:
        self.error, self._head = error, None


def _head_end(buffer: bytes | bytearray, searched: int) -> int:
    """The offset past the first empty line, -1 if there is none yet."""
    crlf = buffer.find(b"\n\r\n", searched)
    bare = buffer.find(b"\n\n", searched) if crlf < 0 else buffer.find(b"\n\n", searched, crlf + 1)
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else -1


def _is_interim(head: Head) -> bool:
    """RFC 9110 section 15.2: any number of 1xx responses may come first; 101 is the last one in HTTP."""
    return head.status is not None and 100 <= head.status < 200 and head.status != 101


def _framing(method: str, status: int, headers: Headers) -> tuple[Framing, int, str]:
    """RFC 9112 section 6.3: the framing, the length if that is it, and what is wrong with it."""
    if method == "HEAD" or status in (101, 204, 304) or (method == "CONNECT" and 200 <= status < 300):
        return Framing.NONE, 0, ""
    lengths: list[str] = []
    codings = ""
    for name, value in headers:
        size = len(name)
        if size == 14 and name.lower() == "content-length":
            lengths += [item.strip() for item in value.split(",")]
        elif size == 17 and name.lower() == "transfer-encoding":
            codings = f"{codings},{value}" if codings else value
    if codings:  # overrides Content-Length
        last = codings.rpartition(",")[2].strip().lower()
        return (Framing.CHUNKED if last == "chunked" else Framing.CLOSE), 0, ""
    if not lengths:
        return Framing.CLOSE, 0, ""
    first = lengths[0]
    if not (first.isascii() and first.isdecimal()) or len(first) > 40:
        return Framing.NONE, 0, f"Content-Length is no number: {first[:40]!r}"
    if any(item != first for item in lengths):
        return Framing.NONE, 0, f"Content-Length differs: {', '.join(lengths)[:80]}"
    return Framing.LENGTH, int(first), ""
