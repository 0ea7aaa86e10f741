"""Reading records back by where they lie. Strict: what is not exactly a record is an error with file and offset.

Blocks come whole in memory, so this is for single records and for small archives; bulk reading is another matter.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from storage.digests import DigestAlgorithm, digest_of
from storage.errors import CorruptArchive, InvalidRecord
from storage.header import HEADER_LIMIT, RecordHeader, decode_header, decode_record
from storage.members import Member, members
from storage.records import Record
from storage.wire import END_OF_RECORD

BEGINNING = 256 << 10
"""Bytes of a block in which a response's head lies, as far as browsers read it."""

_ALGORITHMS = frozenset(DigestAlgorithm)


class ReadRecord(Struct, frozen=True):
    """A record, where it lies, and what the writer said about it."""

    record: Record
    block: bytes
    """The record's block, as bytes for certain."""
    header: RecordHeader
    offset: int
    length: int
    """Bytes of the compressed member."""
    block_digest: str | None
    payload_digest: str | None
    warcinfo_id: str | None


def read_record(path: str | Path, offset: int) -> ReadRecord:
    """The record at `offset` of a segment, its block digest verified. Blocking.

    Raises CorruptArchive when there is no whole valid record at that place; OSError."""
    with closing(read_records(path, offset)) as records:
        for record in records:
            return record
    raise CorruptArchive("there is no record here: the file has ended", path=str(path), offset=offset)


def read_records(path: str | Path, start: int = 0, stop: int | None = None) -> Generator[ReadRecord]:
    """The records between two offsets, in order. Blocking. Raises as `read_record`."""
    path = Path(path)
    with closing(members(path, start, stop)) as found:
        for member in found:
            data = b"".join(member.pieces())
            try:
                record = _parse(member, data)
            except InvalidRecord as error:
                raise CorruptArchive(error.message, path=str(path), offset=member.offset) from error
            yield record


def read_beginning(path: str | Path, offset: int, least: int = BEGINNING) -> tuple[RecordHeader, bytes]:
    """The header of the record at `offset`, and at least the first `least` bytes of its block, or all of it: for the
    head of a response, however long its body. The member's checksum is not verified. Blocking.

    Raises CorruptArchive when no record begins there; OSError."""
    path = Path(path)
    data = b""
    with closing(members(path, offset)) as found:
        for member in found:
            for piece in member.pieces():
                data += piece
                if len(data) >= HEADER_LIMIT + least:
                    break
            break
    try:
        header, start = decode_header(data)
        return header, data[start : start + header.content_length]
    except InvalidRecord as error:
        raise CorruptArchive(error.message, path=str(path), offset=offset) from error


def _parse(member: Member, data: bytes) -> ReadRecord:
    header, start = decode_header(data)
    end = start + header.content_length
    if data[end:] != END_OF_RECORD:
        raise InvalidRecord(f"a block of {end - start} bytes must be followed by two line ends and nothing else")
    block = data[start:end]
    block_digest = header.get("WARC-Block-Digest")
    _verify(block, block_digest)
    assert member.length is not None
    return ReadRecord(
        decode_record(header, block),
        block,
        header,
        member.offset,
        member.length,
        block_digest,
        header.get("WARC-Payload-Digest"),
        header.get("WARC-Warcinfo-ID"),
    )


def _verify(block: bytes, block_digest: str | None) -> None:
    if block_digest is None:
        return
    label, _, _ = block_digest.partition(":")
    if label in _ALGORITHMS and digest_of(block, DigestAlgorithm(label)) != block_digest:
        raise InvalidRecord(f"the block does not match its digest {block_digest}")
