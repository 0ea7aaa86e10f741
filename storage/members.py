"""The gzip members of a segment, one a record (WARC 1.1 annex D), read strictly and in bounded memory.

A member counts only when its end and its checksum have been seen: a file torn in its last member is told from one that
ends, at every byte. Nothing is ever recognised by what lies inside a member: crawled pages contain WARC bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from zlib_ng import zlib_ng

from storage.errors import CorruptArchive, TornRecord

GZIP = 31
GzipError: type[Exception] = zlib_ng.error  # type: ignore[assignment] # its stub calls the class an instance
READ = 64 << 10
"""Bytes read at a time. What follows a member's end is copied once a member, so more would cost more."""

INFLATE = 1 << 20
"""Bytes that one piece of decompressed data holds at most."""


class Scan(Struct, frozen=True):
    """What a file was found to hold."""

    length: int
    records: int
    sha256: str
    """Of the bytes of the file, in hex."""


class Readable(Protocol):
    """What is needed of a file."""

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Member:
    """One gzip member while it is read; `length` is known when its pieces are exhausted."""

    def __init__(self, source: FileInput, offset: int) -> None:
        self.offset = offset
        self.length: int | None = None
        self._source = source

    def pieces(self) -> Iterator[bytes]:
        """The decompressed bytes in pieces of at most 1 MiB. Raises CorruptArchive for a torn or damaged member."""
        source, inflate = self._source, zlib_ng.decompressobj(GZIP)
        data = source.take()
        while True:
            if not data:
                raise source.torn(self.offset)
            while data:
                try:
                    piece = inflate.decompress(data, INFLATE)
                except GzipError as error:
                    raise source.corrupt(f"not a gzip member: {error}", self.offset) from None
                if piece:
                    yield piece
                data = inflate.unconsumed_tail
                if inflate.eof:
                    source.give_back(inflate.unused_data)
                    self.length = source.position - self.offset
                    return
            data = source.take()


def members(path: Path, start: int = 0, stop: int | None = None) -> Generator[Member]:
    """The members of a file between two offsets; each must be exhausted before the next is asked for.

    Raises CorruptArchive where a member is torn, damaged, or goes beyond `stop`; OSError."""
    with path.open("rb", buffering=0) as file:
        yield from members_in(FileInput(file, path, start, stop))


def scan(path: Path, length: int, digest: hashlib._Hash | None = None) -> Scan:
    """Reads the first `length` bytes, which must be whole members; says what they are. For a worker thread.

    `digest` is a fresh sha256 to use, for a caller who wants to go on with it.
    Raises CorruptArchive, naming the offset of the member that is not whole; OSError."""
    digest = hashlib.sha256() if digest is None else digest
    records = 0
    with path.open("rb", buffering=0) as file:
        source = FileInput(file, path, 0, length)
        source.watch = digest.update
        for member in members_in(source):
            for _ in member.pieces():
                pass
            records += 1
        if source.position != length:
            raise source.corrupt(f"the file is shorter than the {length} bytes expected", source.position)
    return Scan(length, records, digest.hexdigest())


def members_in(source: FileInput) -> Iterator[Member]:
    """The same for a file that is open already."""
    while source.more():
        member = Member(source, source.position)
        yield member
        if member.length is None:
            raise ValueError("a member was left before its end")


class FileInput:
    """The bytes of a file up to a limit, with what the decompressor did not use given back."""

    def __init__(self, file: Readable, path: Path | str, start: int, stop: int | None) -> None:
        self._file, self._path, self._stop = file, path, stop
        self._read = start  # offset up to which the file has been read
        self._rest = b""
        self.watch: Callable[[bytes], None] = _ignore
        file.seek(start)

    @property
    def position(self) -> int:
        """Offset of the next byte that `take` gives."""
        return self._read - len(self._rest)

    def more(self) -> bool:
        """True unless the end has been reached."""
        self._rest = self.take()
        return bool(self._rest)

    def take(self) -> bytes:
        """The next bytes, b"" at the end."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        data = self._file.read(READ if self._stop is None else min(READ, self._stop - self._read))
        self._read += len(data)
        self.watch(data)
        return data

    def give_back(self, data: bytes) -> None:
        self._rest = data

    def peek(self, count: int) -> bytes:
        """The next bytes without taking them; fewer at the end."""
        data = b""
        while len(data) < count and (more := self.take()):
            data += more
        self._rest = data
        return data[:count]

    def skip(self, count: int) -> None:
        """Passes over the next bytes."""
        position = self.position + count
        self._rest, self._read = b"", position
        self._file.seek(position)

    def torn(self, offset: int) -> TornRecord:
        return TornRecord("the file ends within a record", path=str(self._path), offset=offset)

    def corrupt(self, message: str, offset: int) -> CorruptArchive:
        return CorruptArchive(message, path=str(self._path), offset=offset)


def _ignore(data: object, /) -> None:
    """Nobody wants to see the raw bytes."""
