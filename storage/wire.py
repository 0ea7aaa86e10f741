"""A record as the bytes of a segment: one gzip member a record (WARC 1.1 annex D), headers by section 4. No I/O.

    WARC/1.1 CRLF
    WARC-Type, WARC-Record-ID, WARC-Date, WARC-Target-URI, the record's own fields in their order,
    WARC-Payload-Digest, WARC-Block-Digest, Content-Type, Content-Length, each ended by CRLF
    CRLF block CRLF CRLF

Digests and length stand before the block, so a block that is not in memory is read twice. The
same record always gives the same bytes: the gzip header holds no time and no name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from zlib_ng import zlib_ng

from storage.digests import DigestAlgorithm, digests_of
from storage.errors import InvalidRecord
from storage.records import Block, Record, RecordType

VERSION_LINE = "WARC/1.1\r\n"
END_OF_RECORD = b"\r\n\r\n"
GZIP = 31
"""zlib's number for a 32 KiB window and the gzip format."""

ONE_SHOT = 1 << 20
"""Largest block in memory that is compressed in one call; beyond it the compressed bytes come in pieces."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""WARC 1.1 section 4: a field name is a token of RFC 2616 section 2.2."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""C0, DEL and C1 controls and Unicode's own line separators: whatever a reader could take for the end of a line."""

_RECORD_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]+>")
"""WARC 1.1 section 5.2: a URI in angle brackets."""

_OWN = frozenset(
    {
        "content-length",
        "content-type",
        "warc-block-digest",
        "warc-date",
        "warc-record-id",
        "warc-target-uri",
        "warc-type",
    }
)
"""Fields that are written from the record's attributes and may not be given beside them."""

_NEED_TARGET = frozenset(set(RecordType) - {RecordType.WARCINFO, RecordType.METADATA})
"""WARC 1.1 section 5.14: WARC-Target-URI is mandatory in these."""

_BLOCK_IS_PAYLOAD = frozenset({RecordType.RESOURCE, RecordType.CONVERSION})
"""WARC 1.1 sections 6.4 and 6.8: the payload is the block, so one digest serves for both."""


class EncodedRecord(Struct, frozen=True):
    """A record on its way to a file."""

    pieces: Iterable[bytes]
    """The gzip member; can be taken once. For a block that is not in memory each piece is made when asked for."""
    block_digest: str
    payload_digest: str | None


def encode(
    record: Record, *, digest: DigestAlgorithm, level: int, extra: tuple[tuple[str, str], ...] = ()
) -> EncodedRecord:
    """Encodes a record; `level` is the compressor's (0 to 9), `extra` follows the record's own fields.

    Raises InvalidRecord when the record breaks a rule of the standard, so that no reader could be sure of it; taking
    the pieces raises it when a Block gives other than the bytes it promised."""
    block = record.block
    block_digest, payload = digests_of(block, record.payload, digest)
    if payload is None and record.type in _BLOCK_IS_PAYLOAD:
        payload = block_digest
    fields = record.fields + extra
    header = _header(record, fields, payload, block_digest, _size(block))
    if payload is None:
        payload = _given_digest(fields)
    if isinstance(block, bytes) and len(block) <= ONE_SHOT:
        member = zlib_ng.compress(b"".join((header, block, END_OF_RECORD)), level, GZIP)
        return EncodedRecord((member,), block_digest, payload)
    return EncodedRecord(_compressed(record.id, header, block, level), block_digest, payload)


def warc_date(date: datetime) -> str:
    """`2026-01-02T03:04:05.678901Z` (WARC 1.1 section 5.4). Raises InvalidRecord unless `date` is in UTC."""
    if date.tzinfo is not UTC and date.utcoffset() != timedelta(0):
        raise InvalidRecord(f"the date {date.isoformat()} is not in UTC")
    return f"{date.isoformat(timespec='microseconds')[:26]}Z"


def _header(
    record: Record, fields: tuple[tuple[str, str], ...], payload: str | None, block_digest: str, size: int
) -> bytes:
    type_, target = record.type, record.target_uri
    if target is None and type_ in _NEED_TARGET:
        raise _invalid(record, f"a {type_} record needs a WARC-Target-URI")
    names = tuple([name for name, _ in fields])
    problem = _problem_with_names(type_, names, target is not None, payload is not None)
    if problem:
        raise _invalid(record, problem)
    values = [record.id, target or "", record.content_type or ""]
    values += [value for _, value in fields]
    if not "".join(values).isprintable() or values != [value.strip() for value in values]:
        _refuse_controls(record, values)
    if _RECORD_ID.fullmatch(record.id) is None:
        raise _invalid(record, "the record's id is not a URI in angle brackets")
    lines = [f"{VERSION_LINE}WARC-Type: {type_}\r\nWARC-Record-ID: {record.id}\r\nWARC-Date: {warc_date(record.date)}"]
    if target is not None:
        lines.append(f"WARC-Target-URI: {target}")
    lines += [f"{name}: {value}" for name, value in fields]
    if payload is not None:
        lines.append(f"WARC-Payload-Digest: {payload}")
    lines.append(f"WARC-Block-Digest: {block_digest}")
    if record.content_type is not None:
        lines.append(f"Content-Type: {record.content_type}")
    lines.append(f"Content-Length: {size}\r\n\r\n")
    try:
        return "\r\n".join(lines).encode()
    except UnicodeEncodeError:
        raise _invalid(record, "a header value holds half a surrogate pair, which UTF-8 cannot carry") from None


@functools.lru_cache(maxsize=1024)
def _problem_with_names(type_: RecordType, names: tuple[str, ...], has_target: bool, has_payload: bool) -> str:
    """What is wrong with this set of field names, or "". Cached: a crawl uses a handful of sets."""
    lower = [name.lower() for name in names]
    for name in names:
        if _TOKEN.fullmatch(name) is None:
            return f"{name!r} is not a field name"
        if name.lower() in _OWN or (name.lower() == "warc-payload-digest" and has_payload):
            return f"{name} is written by the encoder and may not be among the fields"
    if type_ is RecordType.WARCINFO and (has_target or "warc-warcinfo-id" in lower):
        return "a warcinfo record may have neither WARC-Target-URI nor WARC-Warcinfo-ID"
    if type_ is not RecordType.WARCINFO and "warc-filename" in lower:
        return "only a warcinfo record may have WARC-Filename"
    if type_ is RecordType.REVISIT and "warc-profile" not in lower:
        return "a revisit record needs a WARC-Profile"
    if type_ is RecordType.CONTINUATION and not {"warc-segment-number", "warc-segment-origin-id"} <= set(lower):
        return "a continuation record needs WARC-Segment-Number and WARC-Segment-Origin-ID"
    return ""


def _refuse_controls(record: Record, values: list[str]) -> None:
    """The slow path, for values that are not plainly printable; many such are innocent (a private-use character)."""
    for value in values:
        found = _CONTROL.search(value)
        if found is not None:
            raise _invalid(record, f"a header value holds the control character {found[0]!r}: {value[:200]!r}")
        if value != value.strip():
            raise _invalid(record, f"a header value has white space around it, which no reader keeps: {value[:200]!r}")


def _given_digest(fields: tuple[tuple[str, str], ...]) -> str | None:
    """A revisit names the digest of a payload it does not hold."""
    return next((value for name, value in fields if name.lower() == "warc-payload-digest"), None)


def _size(block: bytes | Block) -> int:
    return len(block) if isinstance(block, bytes) else block.size


def _compressed(record_id: str, header: bytes, block: bytes | Block, level: int) -> Iterator[bytes]:
    compressor = zlib_ng.compressobj(level, zlib_ng.DEFLATED, GZIP)
    yield compressor.compress(header)
    given = 0
    for piece in _slices(block) if isinstance(block, bytes) else block.chunks():
        given += len(piece)
        if compressed := compressor.compress(piece):
            yield compressed
    if given != _size(block):
        raise InvalidRecord(f"record {record_id}: its block promised {_size(block)} bytes and gave {given}")
    yield compressor.compress(END_OF_RECORD) + compressor.flush()


def _slices(block: bytes) -> Iterator[memoryview]:
    view = memoryview(block)
    for start in range(0, len(block), ONE_SHOT):
        yield view[start : start + ONE_SHOT]


def _invalid(record: Record, message: str) -> InvalidRecord:
    return InvalidRecord(f"{record.type} record {record.id[:80]!r}: {message}")
