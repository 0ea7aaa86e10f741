"""Records as they lie in any archive, one after another or by their place; blocks of any size in bounded memory.

Strict about damage: a record counts only when its frame was read to the end and its checksum held. Tolerant of form,
where other tools' files differ and the meaning is plain: bare LF, WARC/0.17 to 1.1, further empty lines between
records, several records in one frame. Whether the form is right is for `verify` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import datetime

from msgspec import Struct

from storage.around import check_end, take_header, torn
from storage.errors import ArchiveError, CorruptArchive, InvalidRecord, TornRecord
from storage.frames import DICTIONARY_MAGIC, Compression, Frame, compression_of, frames
from storage.header import RecordHeader, parse_date
from storage.resync import next_record
from storage.sources import Source
from storage.tape import Tape

KEPT = 1 << 20
"""Bytes of a block that are kept in memory when a record is read; a larger one is read again when it is asked for."""

OnDamage = Callable[[ArchiveError], None]


class Location(Struct, frozen=True):
    """Where a record lies."""

    source: Source
    offset: int
    """Of the frame that holds it, in its file."""
    length: int | None
    """Bytes of the frame in the file; None where it holds more than this record."""
    skip: int = 0
    """Decompressed bytes of the frame before it; 0 in any well-made archive."""

    @property
    def segment(self) -> str:
        """The file's name, as indexes have it."""
        return self.source.name

    def error(self, message: str) -> CorruptArchive:
        return CorruptArchive(message, path=self.source.label, offset=self.offset)

    def __str__(self) -> str:
        return f"{self.source.label} at offset {self.offset}"


class StoredRecord:
    """One record of an archive."""

    __slots__ = ("_content_length", "_kept", "header", "location")

    def __init__(self, header: RecordHeader, content_length: int, kept: bytes, location: Location) -> None:
        self.header = header
        """Its version and named fields."""
        self.location = location
        self._content_length, self._kept = content_length, kept

    @property
    def type(self) -> str:
        """WARC-Type, lower-case; of an ARC record what it would be."""
        return (self.header.get("WARC-Type") or "").lower()

    @property
    def id(self) -> str:
        """WARC-Record-ID, with its angle brackets; "" if there is none."""
        return self.header.get("WARC-Record-ID") or ""

    @property
    def url(self) -> str | None:
        """WARC-Target-URI, without the angle brackets that some writers add."""
        url = self.header.get("WARC-Target-URI")
        return url[1:-1] if url is not None and url[:1] == "<" and url[-1:] == ">" else url

    @property
    def date(self) -> datetime:
        """WARC-Date. Raises CorruptArchive if it is none."""
        try:
            return parse_date(self.header.need("WARC-Date"))
        except InvalidRecord as error:
            raise self.location.error(error.message) from None

    @property
    def content_type(self) -> str:
        """Of the block; "" if it is not said."""
        return self.header.get("Content-Type") or ""

    @property
    def provisional(self) -> bool:
        """True if it was read from a file that is still being written."""
        return self.location.source.provisional

    @property
    def size(self) -> int:
        """Bytes of the block."""
        return self._content_length

    @property
    def block(self) -> bytes:
        """The block as it stands, whole in memory. Raises ArchiveError, OSError."""
        return self._kept if len(self._kept) == self.size else b"".join(self.chunks())

    def beginning(self) -> bytes:
        """The block or its first MiB, without reading more."""
        return self._kept

    def chunks(self) -> Iterator[bytes]:
        """The block in pieces of at most 1 MiB. Raises ArchiveError, OSError."""
        if len(self._kept) == self.size:
            yield self._kept
            return
        yield from _block_at(self.location)

    def __repr__(self) -> str:
        return f"<{self.type} {self.url or ''} {self.location}>"


def read_source(
    source: Source, start: int = 0, skip: int = 0, *, on_damage: OnDamage | None = None
) -> Generator[StoredRecord]:
    """The whole records of a file from an offset on, in order. Blocking.

    A file that is still being written ends at its last whole record. With `on_damage`, damage is told to it and passed
    over: what is read next is whatever then looks like a record. Raises CorruptArchive without it; OSError."""
    at: int | None = start
    try:
        with source.open() as file:
            beginning = file.read(4)
            compression = compression_of(beginning)
            while at is not None:
                try:
                    for frame in frames(file, source.label, compression, at):
                        tape = Tape(frame.pieces())
                        tape.pass_over(skip)
                        skip = 0
                        yield from _records(source, frame, tape, packed=compression is not Compression.NONE)
                    return
                except CorruptArchive as error:
                    if on_damage is None or (source.provisional and isinstance(error, TornRecord)):
                        raise
                    on_damage(error)
                    further = max(at, error.offset or 0) + 1
                at, skip = next_record(file, compression, further, dictionary=beginning == DICTIONARY_MAGIC), 0
    except TornRecord:
        if not source.provisional:
            raise


def _records(source: Source, frame: Frame, tape: Tape, *, packed: bool) -> Iterator[StoredRecord]:
    while (record := _next(source, frame, tape, packed=packed)) is not None:
        yield record


def read_at(source: Source, offset: int, skip: int = 0) -> StoredRecord:
    """The record at a place. Blocking. Raises CorruptArchive when there is none, OSError."""
    with closing(_frame_at(source, offset)) as found:
        for frame, packed in found:
            tape = Tape(frame.pieces())
            tape.pass_over(skip)
            record = _next(source, frame, tape, packed=packed, to_end=False)
            if record is not None:
                return record
    raise CorruptArchive("there is no record here: the file has ended", path=source.label, offset=offset)


def _frame_at(source: Source, offset: int) -> Generator[tuple[Frame, bool]]:
    with source.open() as file:
        compression = compression_of(file.read(4))
        for frame in frames(file, source.label, compression, offset):
            yield frame, compression is not Compression.NONE
            return


def _block_at(location: Location) -> Iterator[bytes]:
    """The block of the record at a place, and the proof that its frame is whole."""
    with closing(_frame_at(location.source, location.offset)) as found:
        for frame, packed in found:
            tape = Tape(frame.pieces())
            tape.pass_over(location.skip)
            tape.line_ends()
            place = frame.offset + (0 if packed else tape.taken)
            _, length = take_header(location.source, place, tape)
            for piece in tape.take(length):
                yield piece
                length -= len(piece)
            if length:
                raise torn(location.source, place)
            check_end(location.source, place, tape, packed=packed)


def _next(source: Source, frame: Frame, tape: Tape, *, packed: bool, to_end: bool = True) -> StoredRecord | None:
    """The next record of a frame; None at its end. `to_end` also proves the frame whole behind a large block."""
    tape.line_ends()
    if tape.at_end():
        return None
    start = tape.taken
    offset, skip = (frame.offset, start) if packed else (frame.offset + start, 0)
    header, length = take_header(source, offset, tape)
    kept = b"".join(tape.take(min(length, KEPT)))
    passed = len(kept)
    if length > KEPT:
        if not to_end:
            return StoredRecord(header, length, kept, Location(source, offset, None, skip))
        passed += tape.pass_over(length - KEPT)
    if passed != length:
        raise torn(source, offset)
    check_end(source, offset, tape, packed=packed)
    size: int | None = tape.taken - start
    if packed:
        size = frame.length if tape.at_end() and not skip else None
    return StoredRecord(header, length, kept, Location(source, offset, size, skip))
