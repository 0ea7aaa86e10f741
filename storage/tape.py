"""Decompressed bytes that are taken in order, from pieces that come when they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.header import HEADER_LIMIT

_END_OF_HEADER = re.compile(rb"\n\r*\n")
_NO_LINE_END = re.compile(rb"[^\r\n]")


class Tape:
    """Holds at most one piece, and a record's header while that is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._data = b""
        self._at = 0
        self.taken = 0
        """Bytes taken so far."""
        self.exhausted = False
        """True once the last piece has come."""

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            self.exhausted = True
            return False
        rest = self._data[self._at :] if self._at < len(self._data) else b""
        self._data, self._at = rest + piece if rest else piece, 0
        return True

    def at_end(self) -> bool:
        """True if nothing is left; only then is a compressed frame proved whole."""
        while self._at >= len(self._data):
            if not self._more():
                return True
        return False

    def header(self) -> bytes:
        """What comes next, as far as a record's header goes or may go; it is not taken."""
        searched = self._at
        while True:
            found = _END_OF_HEADER.search(self._data, searched)
            if found is not None or len(self._data) - self._at > HEADER_LIMIT:
                break
            behind = len(self._data) - self._at
            if not self._more():
                break
            searched = max(0, behind - 3)
        return self._data[self._at : self._at + HEADER_LIMIT if found is None else found.end()]

    def peek(self, count: int) -> bytes:
        """The next bytes, which are not taken; fewer at the end."""
        while len(self._data) - self._at < count and self._more():
            pass
        return self._data[self._at : self._at + count]

    def forward(self, count: int) -> None:
        """Takes what `header` showed."""
        self._at += count
        self.taken += count

    def take(self, count: int) -> Iterator[bytes]:
        """The next bytes, fewer at the end."""
        while count > 0 and not self.at_end():
            piece = self._data[self._at : self._at + count] if self._at or count < len(self._data) else self._data
            self.forward(len(piece))
            count -= len(piece)
            yield piece

    def pass_over(self, count: int) -> int:
        """Takes the next bytes without giving them; returns how many there were."""
        return sum(len(piece) for piece in self.take(count))

    def line_ends(self) -> int:
        """Takes all line ends that come next; returns how many (CRLF and bare LF count one)."""
        lines = 0
        while not self.at_end():
            found = _NO_LINE_END.search(self._data, self._at)
            stop = len(self._data) if found is None else found.start()
            lines += self._data.count(b"\n", self._at, stop)
            self.forward(stop - self._at)
            if found is not None:
                break
        return lines
