"""Rows of crawl.db as values, and how they become the values of a crawl."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from msgspec import Struct

from crawler.expiry import EARLIEST, LATEST, expiry_of
from crawler.frontier import Stored, rank
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, OutcomeKind, Outlink, Receipt

GUESS_LANE = 1 << 20
_NEVER = LATEST
MAX_DEPTH = 0xFFFF
"""Deeper than this, depths are no longer told apart."""


class Mode(enum.IntEnum):
    """What a queue row asks for."""

    FETCH = 0
    AGAIN = 1
    """A fetch of a URL that has its outcome."""
    REJUDGE = 2
    """No fetch: judge the stored outlinks again, for a better reason or depth."""


Key = tuple[int, int]
"""The name of a claim: (origin id, row id). A URL may have several rows (a fetch beyond its outcome, links to be judged
again), so its hash would not do; row id 0 is the origin's robots.txt gate."""


class QueueRow(NamedTuple):
    """A row of `queue` or `waiting`, with the text and kind of its via."""

    origin: int
    order: float
    """The lane in `queue`, the due time in `waiting`: with origin and id the row's primary key."""
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
    via_kind: int | None
    waiting: bool
    nesting: int

    @property
    def key(self) -> Key:
        return self.origin, self.id


class Reason(NamedTuple):
    """Why and how a URL is wanted: the part of a row that a promotion replaces, in the order of its columns."""

    kind: int
    depth: int
    offsite: int
    redirects: int
    seed: int

    @classmethod
    def of_link(cls, link: Outlink) -> Self:
        return cls(link.kind, link.depth, link.offsite, link.redirects, link.seed)

    @classmethod
    def of_row(cls, row: QueueRow) -> Self:
        return cls(row.kind, row.depth, row.offsite, row.redirects, row.seed)

    @classmethod
    def of_claim(cls, url: CrawlURL) -> Self:
        return cls(url.kind, url.depth, url.offsite, url.redirects, url.seed)

    @property
    def rank(self) -> int:
        return rank(Kind(self.kind), self.offsite, self.depth)

    def lane(self, url: str) -> float:
        return lane(self.kind, self.depth, url)


def lane(kind: int, depth: int, url: str) -> float:
    """The order of work inside an origin: requisites first, then pages breadth first, guesses last.

    Whole numbers, but for URLs that a signature keeps alive for a while: they lie just before their lane's whole
    number, the first to expire first."""
    whole = _whole_lane(kind, depth)
    moment = expiry_of(url) if "?" in url else None
    return whole if moment is None else whole - 1 + moment / _NEVER


def _whole_lane(kind: int, depth: int) -> int:
    if kind == Kind.REQUISITE:
        return 0
    return GUESS_LANE if kind == Kind.GUESS else 1 + min(depth, MAX_DEPTH)


def lanes_of(kind: Kind) -> tuple[float, float]:
    """The first and last lane in which rows of a kind lie."""
    return _whole_lane(kind, 0) - 1 + EARLIEST / _NEVER, _whole_lane(kind, MAX_DEPTH)


class Wanted(Struct, frozen=True):
    """Which kinds may be given out; None is any."""

    kinds: frozenset[Kind] | None = None

    @property
    def lanes(self) -> tuple[tuple[float, float], ...]:
        """The ranges of lanes that hold them, both ends included, in the order of work."""
        if self.kinds is None:
            return ((-1, GUESS_LANE),)
        return tuple(sorted({lanes_of(kind) for kind in self.kinds}))

    @property
    def sql(self) -> str:
        """A list of the kinds to stand behind IN."""
        return f"({', '.join(str(int(kind)) for kind in sorted(Kind if self.kinds is None else self.kinds))})"


def url_hash(url: str) -> int:
    """64 bits of BLAKE2b, as SQLite's signed integer."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=8).digest(), "big", signed=True)


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a normalised URL, whose path is never empty."""
    return url[: url.index("/", 8)]


def host_of(origin: str) -> str:
    """The host name of an origin, without port; IPv6 literals keep their brackets."""
    authority = origin.partition("://")[2]
    head, colon, tail = authority.rpartition(":")
    return head if colon and tail.isdigit() else authority


_KINDS = {int(kind): kind for kind in Kind}
"""`Kind(number)`, without the price of an enumeration's call."""


def crawl_url(row: QueueRow, round_: int) -> CrawlURL:
    return CrawlURL(
        url=row.url,
        kind=_KINDS[row.kind],
        depth=row.depth,
        offsite=row.offsite,
        redirects=row.redirects,
        via=row.via_url,
        seed=row.seed,
        attempt=row.attempt,
        round=round_,
        again=row.mode == Mode.AGAIN,
        rejudge=row.mode == Mode.REJUDGE,
        nesting=row.nesting,
        key=row.key,
    )


OUTCOME_COLUMNS = (
    "l.seq, l.url, l.outcome, l.reason, l.failure, l.time, l.status, l.media_type, l.bytes, l.ms, l.attempt, l.depth,"
    " l.kind, v.url, l.title, l.segment, l.offset, l.length, l.record_id, l.digest,"
    " l.fetched, l.archived, l.round"
)


def outcome_of(row: Sequence[Any]) -> Outcome:
    """A ledger row, selected by OUTCOME_COLUMNS."""
    seq, url, kind, reason, failure, time, status, media_type, size, ms = row[:10]
    attempt, depth, link_kind, via, title, segment, offset, length, record_id, digest = row[10:20]
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
        page=link_kind == Kind.NAVIGATION,
        fetched=_moment(row[20]),
        archived=_moment(row[21]),
        round=row[22],
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


StoredColumns = tuple[str | None, int | None, int | None, str | None, str | None, int | None]


def stored_columns(stored: Stored | None) -> StoredColumns:
    """segment, offset, length, record_id, digest, metadata_offset."""
    if stored is None:
        return (None, None, None, None, None, None)
    return (stored.segment, stored.offset, stored.length, stored.record_id, stored.digest, stored.metadata_offset)
