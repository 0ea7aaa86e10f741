"""Rows of crawl.db as values, and how they become the values of a crawl."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from crawler.frontier import Stored
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, OutcomeKind, Receipt

GUESS_LANE = 1 << 20
MAX_DEPTH = 0xFFFF
"""Deeper than this, depths are no longer told apart."""


class Mode(enum.IntEnum):
    """What a queue row asks for."""

    FETCH = 0
    AGAIN = 1
    """A fetch of a URL that has its outcome."""
    REJUDGE = 2
    """No fetch: judge the stored outlinks again, for a better reason or depth."""


class QueueRow(NamedTuple):
    """A row of `queue` or `waiting`, with the text of its via."""

    origin: int
    order: float
    """The lane in `queue`, the due time in `waiting`: with origin and id the row's key."""
    id: int
    hash: int
    url: str
    kind: int
    depth: int
    offsite: int
    redirects: int
    via: int | None
    seed: int
    attempt: int
    mode: int
    via_url: str | None
    waiting: bool


def lane(kind: int, depth: int) -> int:
    """The order of work inside an origin: requisites first, then pages breadth first, guesses last."""
    if kind == Kind.REQUISITE:
        return 0
    return GUESS_LANE if kind == Kind.GUESS else 1 + min(depth, MAX_DEPTH)


def url_hash(url: str) -> int:
    """64 bits of BLAKE2b, as SQLite's signed integer. Never 0, which stands for an origin's robots.txt gate."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=8).digest(), "big", signed=True) or 1


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a normalised URL, whose path is never empty."""
    return url[: url.index("/", 8)]


def host_of(origin: str) -> str:
    """The host name of an origin, without port; IPv6 literals keep their brackets."""
    authority = origin.partition("://")[2]
    head, colon, tail = authority.rpartition(":")
    return head if colon and tail.isdigit() else authority


def crawl_url(row: QueueRow) -> CrawlURL:
    return CrawlURL(
        url=row.url,
        kind=Kind(row.kind),
        depth=row.depth,
        offsite=row.offsite,
        redirects=row.redirects,
        via=row.via_url,
        seed=row.seed,
        attempt=row.attempt,
        again=row.mode == Mode.AGAIN,
        rejudge=row.mode == Mode.REJUDGE,
        key=(row.origin, row.hash),
    )


OUTCOME_COLUMNS = (
    "l.seq, l.url, l.outcome, l.reason, l.failure, l.time, l.status, l.media_type, l.bytes, l.ms, l.attempt, l.depth,"
    " l.kind, v.url, l.title, l.segment, l.offset, l.length, l.record_id, l.digest"
)


def outcome_of(row: Sequence[Any]) -> Outcome:
    """A ledger row, selected by OUTCOME_COLUMNS."""
    (seq, url, kind, reason, failure, time, status, media_type, size, ms, attempt, depth, link_kind, via, title) = row[:15]
    segment, offset, length, record_id, digest = row[15:]
    receipt = None if segment is None else Receipt(seq, segment, offset, length, record_id, digest)
    return Outcome(
        kind=OutcomeKind(kind),
        url=url,
        seq=seq,
        time=datetime.fromtimestamp(time, UTC),
        reason=reason,
        failure=None if failure is None else FailureKind(failure),
        status=status,
        media_type=media_type,
        bytes=size,
        ms=ms,
        attempt=attempt,
        depth=depth,
        via=via,
        seed=via is None and link_kind == Kind.NAVIGATION,
        title=title,
        receipt=receipt,
    )


def stored_columns(stored: Stored | None) -> tuple[str | None, int | None, int | None, str | None, str | None, int | None]:
    """segment, offset, length, record_id, digest, metadata_offset."""
    if stored is None:
        return (None, None, None, None, None, None)
    return (stored.segment, stored.offset, stored.length, stored.record_id, stored.digest, stored.metadata_offset)
