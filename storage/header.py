"""A record's header read back from bytes, strictly by WARC 1.1 section 4. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec import Struct

from storage.errors import InvalidRecord
from storage.httpmessage import Framing, ResponseFramer
from storage.records import HttpPayload, Record, RecordType

VERSIONS = ("WARC/1.1", "WARC/1.0")
HEADER_LIMIT = 1 << 20
"""Longest header that is read; the standard sets no limit."""

_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
"""WARC 1.1 section 5.4: seconds, with one to nine digits of a fraction."""

_KNOWN = frozenset(
    {
        "content-length",
        "content-type",
        "warc-block-digest",
        "warc-date",
        "warc-payload-digest",
        "warc-record-id",
        "warc-target-uri",
        "warc-type",
        "warc-warcinfo-id",
    }
)
"""Fields that the attributes of a record or of what was read about it stand for."""


class RecordHeader(Struct, frozen=True):
    """The version and the named fields of one record, in order."""

    version: str
    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first field of that name in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)

    def need(self, name: str) -> str:
        """The same for a mandatory field. Raises InvalidRecord."""
        value = self.get(name)
        if value is None:
            raise InvalidRecord(f"the record has no {name}")
        return value

    @property
    def content_length(self) -> int:
        """Bytes of the block. Raises InvalidRecord."""
        value = self.need("Content-Length")
        if not (value.isascii() and value.isdecimal() and len(value) < 20):
            raise InvalidRecord(f"Content-Length is no number: {value[:40]!r}")
        return int(value)


def decode_header(data: bytes) -> tuple[RecordHeader, int]:
    """Reads the header that `data` begins with; returns it and the offset of the block. Raises InvalidRecord."""
    end = data.find(b"\r\n\r\n", 0, HEADER_LIMIT)
    if end < 0:
        raise InvalidRecord(f"no end of the record's header within {min(len(data), HEADER_LIMIT)} bytes")
    try:
        version, *lines = data[:end].decode().split("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"the record's header is not UTF-8: {error}") from None
    if version not in VERSIONS:
        raise InvalidRecord(f"not a WARC record: it begins {version[:40]!r}")
    return RecordHeader(version, tuple(named_fields(lines))), end + 4


def decode_record(header: RecordHeader, block: bytes) -> Record:
    """The record that was written as `header` and `block`. Raises InvalidRecord.

    Of the fields those remain that a writer is given; digests, length and WARC-Warcinfo-ID are what it adds, except
    that a revisit's payload digest is its own, being that of a payload it does not hold."""
    try:
        type_ = RecordType(header.need("WARC-Type"))
    except ValueError:
        raise InvalidRecord(f"unknown WARC-Type {header.need('WARC-Type')[:40]!r}") from None
    payload = _payload(type_, header, block)
    own = _KNOWN - {"warc-payload-digest"} if type_ is RecordType.REVISIT and payload is None else _KNOWN
    return Record(
        type_,
        header.need("WARC-Record-ID"),
        parse_date(header.need("WARC-Date")),
        block,
        header.get("Content-Type"),
        header.get("WARC-Target-URI"),
        tuple([(name, value) for name, value in header.fields if name.lower() not in own]),
        payload,
    )


def parse_date(text: str) -> datetime:
    """A WARC-Date; what is finer than a microsecond is cut off. Raises InvalidRecord."""
    found = _DATE.fullmatch(text)
    if found is not None:
        fraction = (found[2] or "")[:6].ljust(6, "0")
        try:
            return datetime.fromisoformat(f"{found[1]}.{fraction}").replace(tzinfo=UTC)
        except ValueError:
            pass  # a thirteenth month; told below like any other wrong form
    raise InvalidRecord(f"WARC-Date {text[:40]!r} is not in the form 2026-01-02T03:04:05.678901Z")


def named_fields(lines: list[str]) -> list[tuple[str, str]]:
    """The named fields on these lines, which are without their ends. Raises InvalidRecord for one that is none."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and fields:  # a folded value, section 4
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if not colon or not name:
            raise InvalidRecord(f"not a named field: {line[:80]!r}")
        fields.append((name, value.strip(" \t")))
    return fields


def _payload(type_: RecordType, header: RecordHeader, block: bytes) -> HttpPayload | None:
    """Where the payload lies that WARC-Payload-Digest speaks of, if it is within a response's block."""
    media_type = (header.get("Content-Type") or "").partition(";")[0].strip().lower()
    if type_ is not RecordType.RESPONSE or media_type != "application/http" or not header.get("WARC-Payload-Digest"):
        return None
    framer = ResponseFramer()
    framer.feed(block)
    if framer.head_end is None:
        return None
    return HttpPayload(framer.head_end, framer.framing is Framing.CHUNKED)
