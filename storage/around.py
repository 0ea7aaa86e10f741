"""What stands around a block, in any archive: the header before it, the line ends behind it. Tolerant of form."""

from __future__ import annotations

import re

from storage.arc import decode_arc, is_arc
from storage.errors import CorruptArchive, InvalidRecord, TornRecord
from storage.header import RecordHeader, named_fields
from storage.sources import Source
from storage.tape import Tape

_END_OF_HEADER = re.compile(rb"\r*\n\r*\n")
_VERSION = re.compile(r"WARC/[0-9]\.[0-9]+")
_HEADER_BEGINS = b"WARC/"


def take_header(source: Source, offset: int, tape: Tape) -> tuple[RecordHeader, int]:
    """Takes a record's header; returns it and the length of the block. Raises CorruptArchive."""
    data = tape.header()
    try:
        if is_arc(data):
            header, end = decode_arc(data, source.name, offset)
        else:
            header, end = _decode(data)
        tape.forward(end)
        return header, header.content_length
    except InvalidRecord as error:
        if tape.exhausted and data[:5] == _HEADER_BEGINS[: len(data)]:  # the beginning of one, and no more
            raise torn(source, offset) from None
        raise CorruptArchive(error.message, path=source.label, offset=offset) from None


def _decode(data: bytes) -> tuple[RecordHeader, int]:
    if not data.startswith(_HEADER_BEGINS):
        raise InvalidRecord(f"not a WARC record: it begins {data[:40]!r}")
    end = _END_OF_HEADER.search(data)
    if end is None:
        raise InvalidRecord(f"no end of the record's header within {len(data)} bytes")
    text = data[: end.start()]
    try:
        version, *lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError:  # a target URI as some old crawlers wrote it
        version, *lines = text.decode("latin-1").split("\n")
    if _VERSION.fullmatch(version.rstrip("\r")) is None:
        raise InvalidRecord(f"not a WARC record: it begins {version[:40]!r}")
    fields = tuple(named_fields([line.rstrip("\r") for line in lines]))
    return RecordHeader(version.rstrip("\r"), fields), end.end()


def check_end(source: Source, offset: int, tape: Tape, *, packed: bool) -> None:
    """WARC 1.1 section 4 wants two line ends behind a block. Files with one or none are many, and the end of a frame
    that is whole says as much; but a plain file that ends here may have lost them, and more. Raises CorruptArchive."""
    if tape.line_ends() or (packed and tape.at_end()) or tape.peek(len(_HEADER_BEGINS)) == _HEADER_BEGINS:
        return
    if tape.at_end():
        raise torn(source, offset)
    message = "the block is not followed by a line end: its Content-Length is wrong, or bytes are missing"
    raise CorruptArchive(message, path=source.label, offset=offset)


def torn(source: Source, offset: int) -> TornRecord:
    """The error for a file that ends within the record at `offset`."""
    return TornRecord("the file ends within a record", path=source.label, offset=offset)
