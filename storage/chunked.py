"""The chunked transfer coding (RFC 9112 section 7.1), read as tolerantly as servers write it.

Bare LF ends a line as well as CRLF; white space around a size, leading zeros and any extension are passed over."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator

LINE_LIMIT = 16 << 10
"""Longest chunk-size line (extensions included) and longest trailer section; llhttp and curl allow about as much."""

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\Z", re.DOTALL)


def dechunk(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The payload that a chunked body carries, as it streams by (RFC 9112 section 7.1).

    Never raises for what the bytes hold: it ends at the last chunk, at the end of a torn body, or where the framing
    stops making sense, having given all that came before. ResponseFramer is the one to ask whether the body was whole.
    """
    scanner = ChunkScanner()
    for piece in pieces:
        spans: list[tuple[int, int]] = []
        scanner.scan(piece, 0, spans)
        for start, stop in spans:
            yield piece[start:stop]
        if scanner.done or scanner.error:
            return


class _ChunkState(enum.Enum):
    SIZE = 0
    DATA = 1
    DATA_END = 2
    TRAILER = 3


class ChunkScanner:
    """Walks a chunked body piece by piece, holding at most one unfinished line."""

    __slots__ = ("_left", "_line", "_state", "_trailers", "done", "error")

    def __init__(self) -> None:
        self._state = _ChunkState.SIZE
        self._left = 0
        self._line = b""
        self._trailers = 0
        self.done = False
        self.error = ""

    @property
    def last_chunk_seen(self) -> bool:
        """True once the zero-sized chunk came, whether or not the trailer section has ended."""
        return self._state is _ChunkState.TRAILER

    def scan(self, data: bytes, at: int, spans: list[tuple[int, int]] | None) -> int:
        """Reads `data` from `at`; appends where payload lies to `spans`; returns the offset it stopped at."""
        size = len(data)
        while at < size and not (self.done or self.error):
            if self._state is _ChunkState.DATA:
                stop = min(size, at + self._left)
                if spans is not None:
                    spans.append((at, stop))
                self._left -= stop - at
                at = stop
                if not self._left:
                    self._state = _ChunkState.DATA_END
                continue
            end = data.find(b"\n", at)
            line = self._line + data[at : size if end < 0 else end]
            if self._refuses(line):
                return at
            if end < 0:
                self._line = line
                return size
            self._line = b""
            at = end + 1
            self._take_line(line)
        return at

    def _refuses(self, line: bytes) -> bool:
        """True, with `error` set, for a line that can become nothing valid, whether or not it has ended."""
        if self._state is _ChunkState.DATA_END and line not in (b"", b"\r"):
            self.error = "no line end after the data of a chunk"
        elif len(line) + self._trailers > LINE_LIMIT:
            self.error = "a chunk-size line or the trailer section is too long"
        return bool(self.error)

    def _take_line(self, line: bytes) -> None:
        if self._state is _ChunkState.SIZE:
            matched = _CHUNK_SIZE.match(line)
            if matched is None:
                self.error = f"bad chunk size {line[:40]!r}"
                return
            self._left = int(matched[1], 16)
            self._state = _ChunkState.DATA if self._left else _ChunkState.TRAILER
        elif self._state is _ChunkState.DATA_END:
            self._state = _ChunkState.SIZE
        elif line in (b"", b"\r"):
            self.done = True
        else:
            self._trailers += len(line)
