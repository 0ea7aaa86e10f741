"""Bytes as they are received: in memory while few, in an unlinked temporary file once many."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

MEMORY_LIMIT = 1 << 20
"""Bytes kept in memory before a spool moves to its file."""

PIECE = 1 << 20
"""Longest piece that `chunks` yields."""


class SpoolError(OSError):
    """The temporary file could not be made or written (disk full, most often); a local fault, not the server's."""


class Spool:
    """A `crawler.model.Body` that grows by `write`.

    Received pieces are copied: keeping the event loop's receive buffers alive instead costs more than the copy."""

    __slots__ = ("_buffer", "_directory", "_file", "_memory_limit", "_size")

    def __init__(self, directory: Path, memory_limit: int = MEMORY_LIMIT) -> None:
        """`directory` is where the file would be made: on the disk that holds the archive, not in memory."""
        self._buffer = bytearray()
        self._file: FileIO | None = None
        self._size = 0
        self._directory = directory
        self._memory_limit = memory_limit

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    @property
    def in_memory(self) -> int:
        """Bytes of memory held now; 0 when they are in the file, or freed."""
        return len(self._buffer)

    def write(self, data: bytes) -> None:
        """Appends `data`. Raises SpoolError; then what was written before is still there."""
        if self._file is None:
            if self._size + len(data) <= self._memory_limit:
                self._buffer += data
                self._size += len(data)
                return
            self._move_to_file()
        self._append(data)
        self._size += len(data)

    def read(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer at the end. Raises OSError."""
        stop = min(stop, self._size)
        if start >= stop:
            return b""
        if self._file is None:
            with memoryview(self._buffer) as view:  # one copy; slicing the bytearray first would make two
                return bytes(view[start:stop])
        return b"".join(self._pread(start, stop))

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes [start, stop) in pieces of at most 1 MiB. Raises OSError."""
        end = self._size if stop is None else min(stop, self._size)
        for at in range(start, end, PIECE):
            yield self.read(at, min(at + PIECE, end))

    def close(self) -> None:
        """Frees the memory or the file; may be called twice. What was held reads as empty afterwards."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._buffer = bytearray()
        self._size = 0

    def _move_to_file(self) -> None:
        try:
            # Unlinked from the start (O_TMPFILE where there is one): nothing is left behind by a crash.
            file = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._error("cannot make a temporary file", error) from error
        try:
            _write_all(file.fileno(), self._buffer)
        except OSError as error:
            file.close()
            raise self._error("cannot spool a response", error) from error
        self._file, self._buffer = file, bytearray()

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        try:
            _write_all(self._file.fileno(), data)
        except OSError as error:
            self._file.seek(self._size)  # a part may have been written: what comes next belongs in its place
            raise self._error("cannot spool a response", error) from error

    def _error(self, what: str, error: OSError) -> SpoolError:
        return SpoolError(error.errno, f"{what}: {error.strerror}", str(self._directory))

    def _pread(self, start: int, stop: int) -> Iterator[bytes]:
        assert self._file is not None
        while start < stop:
            piece = os.pread(self._file.fileno(), stop - start, start)
            if not piece:
                return
            yield piece
            start += len(piece)


def _write_all(handle: int, data: bytes | bytearray) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(view):  # an unbuffered write may be short
            done += os.write(handle, view[done:])
