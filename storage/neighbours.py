"""The other records of a capture event: the request, the metadata. They lie beside each other in every archive.

Which record comes before another is found from the file itself: the frame that begins at a magic number within reach
and ends exactly where the other begins. No bytes of a body can pass for one, because a body's own frame ends later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from storage.errors import ArchiveError
from storage.frames import GZIP_MAGIC, ZSTD_MAGIC, Compression, compression_of
from storage.sources import Source
from storage.stored import StoredRecord, read_at, read_source

REACH = 4
"""Records looked at on either side."""

_WINDOWS = (4 << 10, 64 << 10, 1 << 20)
"""Bytes of the file that are searched for the beginning of the record before."""

_MAGIC = {Compression.GZIP: GZIP_MAGIC, Compression.ZSTD: ZSTD_MAGIC, Compression.NONE: b"WARC/"}


def concurrent(record: StoredRecord) -> list[StoredRecord]:
    """The records of the same event near it, in the order of the file. Blocking. Raises OSError."""
    before: list[StoredRecord] = []
    known = _ids(record)
    for other in _before(record):
        if not _belongs(other, record, known):
            break
        known |= _ids(other)
        before.insert(0, other)
    after: list[StoredRecord] = []
    for other in _after(record):
        if not _belongs(other, record, known):
            break
        known |= _ids(other)
        after.append(other)
    return before + after


def _ids(record: StoredRecord) -> set[str]:
    return {record.id, *_concurrent_to(record)} - {""}


def _concurrent_to(record: StoredRecord) -> list[str]:
    return [value for name, value in record.header.fields if name.lower() == "warc-concurrent-to"]


def _belongs(other: StoredRecord, record: StoredRecord, known: set[str]) -> bool:
    """WARC 1.1 section 5.7; where neither says so, one URL and one date must do."""
    if known & _ids(other):
        return True
    silent = not _concurrent_to(other) and not _concurrent_to(record)
    same = other.url == record.url and other.header.get("WARC-Date") == record.header.get("WARC-Date")
    return silent and same and other.type in ("request", "metadata")


def _after(record: StoredRecord) -> Iterator[StoredRecord]:
    place = record.location
    start = place.offset if place.length is None else place.offset + place.length
    try:
        with closing(read_source(place.source, start, place.skip if place.length is None else 0)) as records:
            yield from islice(records, 1 if place.length is None else 0, REACH)
    except ArchiveError:
        return  # what is damaged there is not this record's to tell


def _before(record: StoredRecord) -> Iterator[StoredRecord]:
    if record.location.skip:
        yield from _before_in_frame(record)
        return
    for _ in range(REACH):
        found = _just_before(record.location.source, record.location.offset)
        if found is None:
            return
        yield found
        record = found


def _before_in_frame(record: StoredRecord) -> Iterator[StoredRecord]:
    """In a file that has many records in one frame, there is no other way than from its beginning."""
    place = record.location
    last: deque[StoredRecord] = deque(maxlen=REACH)
    with closing(read_source(place.source, place.offset)) as records:
        for other in records:
            if (other.location.offset, other.location.skip) == (place.offset, place.skip):
                break
            last.append(other)
    yield from reversed(last)


def _just_before(source: Source, offset: int) -> StoredRecord | None:
    with source.open() as file:
        magic = _MAGIC[compression_of(file.read(4))]
        searched = offset
        for window in _WINDOWS:
            start = max(0, offset - window)
            file.seek(start)
            data = b""
            wanted = searched - start + len(magic)
            while len(data) < wanted and (more := file.read(wanted - len(data))):
                data += more
            at = len(data)
            while (at := data.rfind(magic, 0, at + len(magic) - 1)) >= 0:
                found = _ends_at(source, start + at, offset)
                if found is not None:
                    return found
            searched = start
    return None


def _ends_at(source: Source, start: int, end: int) -> StoredRecord | None:
    try:
        record = read_at(source, start)
    except ArchiveError:
        return None
    length = record.location.length
    return record if length is not None and start + length == end else None
