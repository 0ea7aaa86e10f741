"""Pieces of bytes as a file, and a part of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator


class PieceStream(io.RawIOBase):
    """Reads pieces that come when they are needed."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed's name for any writable buffer
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def after(pieces: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """The pieces without their first `skip` bytes."""
    for piece in pieces:
        if skip >= len(piece):
            skip -= len(piece)
        elif skip:
            yield piece[skip:]
            skip = 0
        else:
            yield piece
