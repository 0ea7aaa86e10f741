"""What a capture may stand back for: an earlier record with the same payload. Values and decisions, without I/O.

WARC 1.1 section 6.7: a `revisit` record refers to a record that holds the payload, by URL and date (replay tools go by
these) and by its id. Only whole records that are no revisits themselves are referred to, and only such as are durable
or are written before it in the same batch.
"""

from __future__ import annotations

import enum
from datetime import datetime

from msgspec import Struct

from crawler.model import Exchange

LEAST_PAYLOAD = 512
"""Bytes of payload below which a revisit is not worth it. Its record takes about 630 bytes, compressed; a response with
512 bytes of payload takes 800 for text and 1,170 for an image."""


class Profile(enum.StrEnum):
    """WARC 1.1 section 6.7."""

    IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"


class Original(Struct, frozen=True):
    """A whole record that holds a payload."""

    url: str
    time: datetime
    """Its WARC-Date."""
    record_id: str | None
    """None where the record itself cannot be read."""
    digest: str | None
    """Of its payload, with label."""


class Revisit(Struct, frozen=True):
    """What a revisit record says of the record it refers to."""

    profile: Profile
    original: Original


class Previous(Struct, frozen=True):
    """The last capture of a URL in an earlier round that has a payload of its own, as the ledger has it."""

    seq: int
    time: datetime
    status: int | None
    media_type: str | None
    title: str | None
    segment: str
    offset: int
    metadata_offset: int
    """Of the record that lists its outlinks."""
    digest: str | None


def worth_comparing(exchange: Exchange | None) -> bool:
    """True for a whole answer whose payload is long enough for a revisit to save something."""
    if exchange is None or not exchange.whole or exchange.message is None:
        return False
    return exchange.message.end - exchange.message.head_end >= LEAST_PAYLOAD
