"""WARC records as values, in the terms of WARC 1.1. Bytes and files are elsewhere."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class RecordType(enum.StrEnum):
    """WARC 1.1 section 6."""

    WARCINFO = "warcinfo"
    RESPONSE = "response"
    RESOURCE = "resource"
    REQUEST = "request"
    METADATA = "metadata"
    REVISIT = "revisit"
    CONVERSION = "conversion"
    CONTINUATION = "continuation"


class Block(Protocol):
    """A record's block that is not held in memory; it can be read more than once."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in pieces of at most 1 MiB."""


class HttpPayload(Struct, frozen=True):
    """How to find the payload inside an application/http block, so that its digest can be taken."""

    head_end: int
    """Offset just past the empty line that ends the head."""
    chunked: bool
    """True if the body is in the chunked transfer coding: the payload is what it carries (WARC 1.1 section 5.9)."""
    digest: str | None = None
    """The labelled digest, where it has been taken before; the writer takes it otherwise."""


class Record(Struct, frozen=True):
    """One record to be written. Content-Length, the digests and WARC-Type are the writer's to add."""

    type: RecordType
    id: str
    """`<urn:uuid:…>`, with the angle brackets."""
    date: datetime
    """UTC; written with microseconds (WARC 1.1 section 5.4)."""
    block: bytes | Block
    content_type: str | None = None
    target_uri: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """Further named fields, in order: ("WARC-Concurrent-To", "<urn:uuid:…>"), ("WARC-IP-Address", "192.0.2.1"), …"""
    payload: HttpPayload | None = None


class Written(Struct, frozen=True):
    """Where a record came to lie in the archive."""

    segment: str
    """The segment's final name, without `.open`."""
    offset: int
    length: int
    """Bytes of the compressed member."""
    record_id: str
    block_digest: str
    payload_digest: str | None
