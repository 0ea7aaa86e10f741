"""Where to read on after damage: the next place of a file that looks like the beginning of a record.

A guess, since what was archived may hold records too; it is made only after an error was found and told.
"""

from __future__ import annotations

import re

from zlib_ng import zlib_ng

from storage.frames import GZIP_MAGIC, ZSTD_MAGIC, Compression
from storage.members import GZIP, GzipError, Readable
from storage.zstd import ZstdError, decompressor

_WINDOW = 1 << 20
_OVERLAP = 64
_BEGINNING = b"WARC/"
_PLAIN = re.compile(rb"WARC/[01]\.[0-9]+\r?\n[A-Za-z-]+:")


def next_record(file: Readable, compression: Compression, start: int, *, dictionary: bool = False) -> int | None:
    """The offset of what may be the first record at or after `start`, None if there is none. Blocking; OSError.

    With a `dictionary` no frame can be looked into, so that any is taken for a record."""
    base = start
    while True:
        file.seek(base)
        data = _read(file, _WINDOW + _OVERLAP)
        if not data:
            return None
        for at in _candidates(data, compression):
            if compression is Compression.NONE or dictionary or _begins_record(file, base + at, compression):
                return base + at
        if len(data) <= _OVERLAP:
            return None
        base += len(data) - _OVERLAP


def _candidates(data: bytes, compression: Compression) -> list[int]:
    if compression is Compression.NONE:
        return [found.start() for found in _PLAIN.finditer(data)]
    magic = GZIP_MAGIC if compression is Compression.GZIP else ZSTD_MAGIC
    return [found.start() for found in re.finditer(re.escape(magic), data)]


def _begins_record(file: Readable, offset: int, compression: Compression) -> bool:
    file.seek(offset)
    data = _read(file, 4096)
    try:
        if compression is Compression.GZIP:
            return zlib_ng.decompressobj(GZIP).decompress(data, 16).startswith(_BEGINNING)
        return decompressor().decompress(data, 16).startswith(_BEGINNING)
    except (GzipError, ZstdError):
        return False


def _read(file: Readable, count: int) -> bytes:
    pieces: list[bytes] = []
    while count and (data := file.read(count)):
        pieces.append(data)
        count -= len(data)
    return b"".join(pieces)
