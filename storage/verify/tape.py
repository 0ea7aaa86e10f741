"""The decompressed bytes of a file, taken in order, with the borders of its frames known: which record shares a gzip
member with another, which lies in two. Terms are those of storage/frames.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.frames import Compression, Frame
from storage.header import HEADER_LIMIT

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_EMPTY_LINE = b"\r\n\r\n"
_LINE_ENDS = b"\r\n"


class Tape:
    """Reads on through frames. Whatever it does may raise CorruptArchive (of the frame) or OSError."""

    def __init__(self, frames: Iterator[Frame], compression: Compression) -> None:
        self._frames = frames
        self.compressed = compression is not Compression.NONE
        self._frame: Frame | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._data = b""
        self._at = 0
        self._passed = 0  # bytes of this frame that lie before `_data`
        self.crossed = False
        """True once a frame ended since this was last set to False."""

    @property
    def offset(self) -> int:
        """Where in the file the next byte lies: of a compressed file, the frame that holds it."""
        if self._frame is None:
            return 0
        return self._frame.offset if self.compressed else self._frame.offset + self._passed + self._at

    @property
    def at_frame_start(self) -> bool:
        return self._passed + self._at == 0

    @property
    def frame_length(self) -> int | None:
        """Bytes of the present frame in the file, once all of it was taken."""
        return None if self._frame is None else self._frame.length

    def more(self) -> bool:
        """True unless all has been taken; goes on to the next frame when one has been."""
        while self._at >= len(self._data):
            if self._load():
                continue
            frame = next(self._frames, None)
            if frame is None:
                return False
            self.crossed = True
            self._frame, self._pieces = frame, frame.pieces()
            self._data, self._at, self._passed = b"", 0, 0
        return True

    def in_frame(self) -> bool:
        """True if the present frame holds more. At its end, this is what has its checksum verified."""
        while self._at >= len(self._data):
            if not self._load():
                return False
        return True

    def take(self, count: int) -> bytes:
        """Up to `count` next bytes of this frame; b"" at its end."""
        if not self.in_frame():
            return b""
        data, at = self._data, self._at
        self._at = stop = min(len(data), at + count)
        return data[at:stop]

    def peek(self, count: int) -> bytes:
        """The next bytes of this frame without taking them; fewer at its end."""
        while len(self._data) - self._at < count and self._grow():
            pass
        return self._data[self._at : self._at + count]

    def take_header(self) -> tuple[bytes, bytes] | None:
        """The bytes up to the first empty line, and the line ends that make it; None if there is none in reach."""
        searched = self._at
        while (end := self._end_of_header(searched)) is None:
            back = len(self._data) - self._at - 3
            if back > HEADER_LIMIT or not self._grow():
                return None
            searched = self._at + max(back, 0)
        header, ends = self._data[self._at : end[0]], self._data[end[0] : end[1]]
        self._at = end[1]
        return header, ends

    def _end_of_header(self, start: int) -> tuple[int, int] | None:
        """Where the empty line begins and ends that is first after `start`; bare line feeds make one too."""
        data, limit = self._data, self._at + HEADER_LIMIT
        end = data.find(_EMPTY_LINE, start, limit)
        if end >= 0 and data.find(b"\n\n", start, end) < 0 and data.find(b"\n\r\n", start, end + 3) < 0:
            return end, end + 4
        found = _END_OF_HEADER.search(data, start, limit)
        return None if found is None else found.span()

    def take_line_ends(self) -> bytes:
        """All line ends that follow in this frame, up to a limit."""
        ends = b""
        while len(ends) < 64 and (next_byte := self.peek(1)) and next_byte in _LINE_ENDS:
            ends += self.take(1)
        return ends

    def skip_frame(self) -> int:
        """Takes the rest of the frame; says how many bytes."""
        count = 0
        while data := self.take(1 << 20):
            count += len(data)
        return count

    def _load(self) -> bool:
        """The next piece in place of the one taken; False at the end of the frame."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._passed += len(self._data)
        self._data, self._at = piece, 0
        return True

    def _grow(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._passed += self._at
        self._data = self._data[self._at :] + piece
        self._at = 0
        return True
