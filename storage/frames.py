"""The compressed frames of a record file: gzip members, Zstandard frames, or a plain file as one frame.

A frame holds one record in any well-made archive, so that a record can be read by its offset alone. WARC files in
Zstandard may open with a dictionary in a skippable frame of its own ("WARC file compression with Zstandard", IIPC).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Protocol

from storage.errors import CorruptArchive
from storage.members import FileInput, Readable, members_in
from storage.zstd import ZstdDict, ZstdError, decompressor

PIECE = 1 << 20
"""Bytes that one piece of decompressed data holds at most."""

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"
DICTIONARY_LIMIT = 16 << 20


class Compression(enum.Enum):
    """How the records of a file are packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class Frame(Protocol):
    """One frame while it is read."""

    offset: int
    length: int | None
    """Bytes in the file; known when the pieces are exhausted."""

    def pieces(self) -> Iterator[bytes]:
        """The decompressed bytes in pieces of at most 1 MiB. Raises CorruptArchive for a torn or damaged frame."""


def compression_of(start: bytes) -> Compression:
    """What the first four bytes of a file tell."""
    if start.startswith(GZIP_MAGIC[:2]):
        return Compression.GZIP
    if start[:4] in (ZSTD_MAGIC, DICTIONARY_MAGIC):
        return Compression.ZSTD
    return Compression.NONE


def frames(file: Readable, label: str, compression: Compression, start: int = 0) -> Iterator[Frame]:
    """The frames from an offset on; each must be exhausted before the next is asked for.

    `label` names the file in errors. Raises CorruptArchive, OSError."""
    if compression is Compression.GZIP:
        return members_in(FileInput(file, label, start, None))
    if compression is Compression.ZSTD:
        dictionary = _dictionary(file, label)
        return _zstd_frames(FileInput(file, label, start, None), dictionary)
    return _plain(FileInput(file, label, start, None))


class PlainFrame:
    """The rest of an uncompressed file."""

    def __init__(self, source: FileInput, offset: int) -> None:
        self.offset = offset
        self.length: int | None = None
        self._source = source

    def pieces(self) -> Iterator[bytes]:
        while data := self._source.take():
            yield data


def _plain(source: FileInput) -> Iterator[Frame]:
    if source.more():
        yield PlainFrame(source, source.position)


class ZstdFrame:
    """One Zstandard frame while it is read."""

    def __init__(self, source: FileInput, offset: int, dictionary: ZstdDict | None) -> None:
        self.offset = offset
        self.length: int | None = None
        self._source, self._dictionary = source, dictionary

    def pieces(self) -> Iterator[bytes]:
        source, inflate = self._source, decompressor(self._dictionary)
        while not inflate.eof:
            data = source.take() if inflate.needs_input else b""
            if not data and inflate.needs_input:
                raise source.torn(self.offset)
            try:
                piece = inflate.decompress(data, PIECE)
            except ZstdError as error:
                raise source.corrupt(f"not a Zstandard frame: {error}", self.offset) from None
            if piece:
                yield piece
        source.give_back(inflate.unused_data)
        self.length = source.position - self.offset


def _zstd_frames(source: FileInput, dictionary: ZstdDict | None) -> Iterator[Frame]:
    while source.more():
        if not source.position and dictionary is not None:
            source.skip(8 + int.from_bytes(source.peek(8)[4:], "little"))
            continue
        frame = ZstdFrame(source, source.position, dictionary)
        yield frame
        if frame.length is None:
            raise ValueError("a frame was left before its end")


def _dictionary(file: Readable, label: str) -> ZstdDict | None:
    """The dictionary that the file opens with, itself compressed or not."""
    file.seek(0)
    head = file.read(8)
    if head[:4] != DICTIONARY_MAGIC:
        return None
    size = int.from_bytes(head[4:], "little")
    data = file.read(size) if size <= DICTIONARY_LIMIT else b""
    try:
        if data[:4] == ZSTD_MAGIC:
            data = decompressor().decompress(data, DICTIONARY_LIMIT)
        return ZstdDict(data, is_raw=False)
    except (ZstdError, ValueError) as error:
        raise CorruptArchive(f"the dictionary of this file cannot be read: {error}", path=label, offset=0) from None
