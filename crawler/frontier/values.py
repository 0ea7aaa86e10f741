"""What a frontier is told and what it tells: frozen values, the same for every implementation."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from crawler.errors import LedgerError
from crawler.model import CrawlURL, FailureKind, Kind, OutcomeKind, Outlink


class Stored(Struct, frozen=True):
    """Where the records of one attempt lie; as the ledger keeps it."""

    segment: str
    offset: int
    length: int
    record_id: str
    digest: str | None
    metadata_offset: int
    """Offset of the attempt's metadata record, which lists its outlinks."""


class Finished(Struct, frozen=True):
    """This attempt settles the URL: its outcome enters the ledger with the next sequence number."""

    kind: OutcomeKind
    reason: str | None = None


class RetryAt(Struct, frozen=True):
    """This attempt failed or asked for another; the URL waits in the frontier until then."""

    seconds: float
    reason: str


class Settled(Struct, frozen=True):
    """An additional attempt of a URL that has its outcome already: kept, but no second outcome."""


Disposition = Finished | RetryAt | Settled


class RobotsAnswer(Struct, frozen=True):
    """What a robots.txt exchange means for its host: its rules, or the next place to look."""

    text: str | None = None
    """The rules; "" allows everything, None without a `refusal` means a redirect to `next_url`."""
    refusal: str | None = None
    """Why nothing may be asked of the host: its robots.txt could not be had."""
    failure: FailureKind | None = None
    """What kept it from being had."""
    next_url: str | None = None
    expires_in: float = 86400.0
    crawl_delay: float = 0.0


class HostReport(Struct, frozen=True):
    """What an attempt says about its host: the raw material of politeness."""

    answer_ms: int | None = None
    """Time to the first byte of a good answer; None when there was none."""
    pushback: bool = False
    """429, 503 or a timeout: slow down."""
    retry_after: float | None = None
    """Seconds the host asked for."""
    asked: bool = True
    """False when a rule said no before anything was sent: then no delay need follow."""
    answered: bool = False
    """True if a byte came back, whatever it said: somebody is there."""
    silence: str | None = None
    """Why nobody answered (no address, no connection, no byte in time), or None."""
    address: str | None = None
    """The IP address connected to; None when it is not known, as through a proxy."""


class CommitItem(Struct, frozen=True):
    """One attempt, ready to enter the ledger."""

    url: CrawlURL
    disposition: Disposition
    time: datetime
    stored: Stored | None
    outlinks: Sequence[Outlink] = ()
    joins: str | None = None
    """A seed's redirect led to this URL outside its scope: it joins that seed's scope."""
    status: int | None = None
    failure: FailureKind | None = None
    media_type: str | None = None
    title: str | None = None
    bytes: int = 0
    ms: int = 0
    robots: RobotsAnswer | None = None
    host: HostReport = field(default_factory=HostReport)
    fetched: datetime | None = None
    """When its answer was there; None when nothing was asked."""
    original: bool = False
    """Its record holds a whole payload, so that later ones with the same digest may refer to it."""


class SegmentState(Struct, frozen=True):
    """The ledger's row for a segment."""

    name: str
    number: int
    state: str
    """`open`, `sealing` or `sealed`."""
    length: int
    """Committed bytes; what lies beyond is not part of the archive."""
    records: int = 0
    sha256: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    previous_sha256: str | None = None


class Commit(Struct, frozen=True):
    """One transaction."""

    items: Sequence[CommitItem] = ()
    segment: SegmentState | None = None
    """The segment with its new committed length."""
    cookies: bytes | None = None
    """The cookie jar as it is now; None if it has not changed."""


class Needed(Struct, frozen=True):
    """A link that an archived document needs."""

    link: Outlink
    via: int
    """The seq of the document's outcome."""


class Counts(Struct, frozen=True):
    """How the round stands."""

    queued: int = 0
    waiting: int = 0
    archived: int = 0
    revisited: int = 0
    failed: int = 0
    excluded: int = 0
    pages: int = 0
    bytes: int = 0
    seq: int = 0
    new: int = 0
    """In a later round: good answers without one before."""
    changed: int = 0
    """Good answers with another payload than before."""
    unchanged: int = 0
    """Good answers with the same payload, or 304."""

    @property
    def done(self) -> int:
        return self.archived + self.revisited + self.failed + self.excluded


class Tallies(Struct, frozen=True):
    """What the round's URLs of all kinds were answered with, as a reader of the archive counts them."""

    statuses: Mapping[int, int]
    """HTTP status -> number of URLs."""
    types: Mapping[str, int]
    """Media type -> number of URLs."""
    absent: int
    """Those of `statuses` that are robots.txt or sitemaps, only looked for and absent (404, 410): no broken links."""


class CommitFailed(LedgerError):
    """A transaction failed. `held` tells what the reopened file says: whether it took effect all the same."""

    def __init__(self, message: str, *, held: bool, full: bool) -> None:
        super().__init__(message)
        self.held, self.full = held, full


class Readiness(enum.Enum):
    """Why a claim gave nothing."""

    WAIT = "wait"
    """Something is queued but not ready, or is in flight and may bring more."""
    EMPTY = "empty"
    """Nothing is queued and nothing is claimed."""


class ExcludedURL(Struct, frozen=True):
    """A URL whose outcome is that a rule said no."""

    seq: int
    url: str
    rule: str
    kind: Kind
    depth: int
    offsite: int
    seed: int
    nesting: int = 0


class StoredPace(Struct, frozen=True):
    """A host's politeness as stored: what of `crawler.politeness.Pace` outlasts a run."""

    name: str
    smoothed: float | None
    backoff: float
    next_ready: float
    done: int
    address: str | None


def rank(kind: Kind, offsite: int, depth: int) -> int:
    """One number for how good a reason is; smaller is better: kind first, then hops off site, then depth."""
    # Asked once a link: comparisons cost half of what min() does.
    return kind << 20 | (offsite if offsite < 15 else 15) << 16 | (depth if depth < 0xFFFF else 0xFFFF)


def unrank(value: int) -> tuple[Kind, int, int]:
    """The kind, hops off site and depth that `rank` was made of."""
    return Kind(value >> 20), value >> 16 & 15, value & 0xFFFF
