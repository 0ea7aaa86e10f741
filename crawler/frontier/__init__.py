"""What is left to do, durably. The protocol that the embedded SQLite store implements, and any later one must.

Rules that every implementation keeps (tests/unit/frontier_conformance.py holds each of them):

- A URL is queued at most once a round; a better reason or depth promotes it where it waits.
- `claim` gives only what may be fetched now: the host's delay has passed, its robots.txt is known, no back-off holds
  it. A claimed URL is not given again by the same session, and is still queued after a crash.
- Hosts at one address, as their attempts report it, share its slots and spacing. An origin that stops answering is only
  probed; once it is taken for dead (`verdict`), its URLs are given at once, to be failed without being asked for.
- `commit` is one transaction: all of the batch or nothing. Only after it returns is anything done.
- Sequence numbers of outcomes have no gaps and follow the order of the items in the batch.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from crawler.errors import LedgerError
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, OutcomeKind, Outlink
from crawler.revisit import Original, Previous


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the records of one attempt lie; as the ledger keeps it."""

    segment: str
    offset: int
    length: int
    record_id: str
    digest: str | None
    metadata_offset: int
    """Offset of the attempt's metadata record, which lists its outlinks."""


@dataclass(frozen=True, slots=True)
class Finished:
    """This attempt settles the URL: its outcome enters the ledger with the next sequence number."""

    kind: OutcomeKind
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RetryAt:
    """This attempt failed or asked for another; the URL waits in the frontier until then."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """An additional attempt of a URL that has its outcome already: kept, but no second outcome."""


Disposition = Finished | RetryAt | Settled


@dataclass(frozen=True, slots=True)
class RobotsAnswer:
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


@dataclass(frozen=True, slots=True)
class HostReport:
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


@dataclass(frozen=True, slots=True)
class CommitItem:
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


@dataclass(frozen=True, slots=True)
class SegmentState:
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


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction."""

    items: Sequence[CommitItem] = ()
    segment: SegmentState | None = None
    """The segment with its new committed length."""
    cookies: bytes | None = None
    """The cookie jar as it is now; None if it has not changed."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A link that an archived document needs."""

    link: Outlink
    via: int
    """The seq of the document's outcome."""


@dataclass(frozen=True, slots=True)
class Counts:
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


class Frontier(Protocol):
    """The only thing that decides what comes next."""

    @property
    def known(self) -> Mapping[str, int]:
        """URLs certainly queued or done, durably, with their rank: a bounded memory that saves work, never complete."""

    async def add_seeds(self, urls: Sequence[str]) -> Sequence[int]:
        """Makes these the seeds, in this order, queueing those that are new; returns each one's number."""

    @property
    def round(self) -> int:
        """The number of the round at hand, from 1."""

    async def begin_round(self, urls: Sequence[str]) -> Sequence[int]:
        """Begins the next round, in one transaction: nothing is seen in it but these seeds, which are queued. Figures
        begin anew, sequence numbers, hosts, rules and cookies go on. Returns as `add_seeds`.

        Raises ValueError while the round at hand is not finished."""

    async def previous(self, url: CrawlURL) -> Previous | None:
        """A claimed URL's last capture in an earlier round that has a payload of its own (so no 304)."""

    async def gone(self) -> int:
        """URLs that had a good answer in the round before and in this one are missing (404, 410) or were not met."""

    async def seeds(self) -> Mapping[int, Sequence[str]]:
        """Each seed's number with its URL and then the URLs that joined its scope."""

    async def submit(self, links: Sequence[Outlink]) -> Sequence[Outcome | None]:
        """Queues URLs that are wanted for themselves, outside any commit, unless they are queued as pages already; for
        each the outcome that it has, if it has one. One transaction. Raises LedgerError."""

    async def requeue_failed(self, kinds: frozenset[FailureKind] | None = None) -> int:
        """Offers the round's failed URLs again, with a new attempt; returns how many."""

    async def queue_missing(self, links: Sequence[Needed]) -> int:
        """Queues requisites that were found missing, and offers those among them again that failed; returns how many.
        One transaction."""

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        """From now on `claim` gives only these kinds; None lifts it. What is not given stays queued."""

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        """Up to `limit` URLs that may be fetched now, hosts fairly in turn."""

    async def wait(self) -> Readiness:
        """Returns WAIT when a claim may succeed again, or EMPTY when nothing that may be given is left or in flight."""

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        """Gives back claimed URLs that were not fetched; they stay queued."""

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        """The claimed URL's request is over, though not committed: its host may be asked again, unless the report
        says that it pushed back: that holds from this moment, while all else is learned at the commit. Further calls
        for the claim do nothing."""

    def wake(self) -> None:
        """Makes a `wait` return, for whoever has a reason of its own to look again."""

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        """Committed records that hold the payloads with these digests, by digest, as far as there are any."""

    async def stored_outlinks(self, url: CrawlURL) -> tuple[str, int] | None:
        """Segment and offset of the metadata record with a settled URL's outlinks."""

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        """One transaction; for each item its outcome with its sequence number, None where it has none."""

    async def segments(self) -> Sequence[SegmentState]: ...

    async def save_segment(self, segment: SegmentState) -> None:
        """A transaction of its own: birth, `sealing`, `sealed`."""

    async def cookies(self) -> bytes | None:
        """The cookie jar as committed last, of this run or an earlier one; None if there was none yet."""

    async def counts(self) -> Counts: ...

    def robots_text(self, url: CrawlURL) -> RobotsAnswer | None:
        """The rules known for the URL's origin."""

    def verdict(self, url: CrawlURL) -> tuple[str, FailureKind | None] | None:
        """Why the claimed URL's origin is taken for dead, and what kind of failure said so; None while it is not."""

    def outcomes(self, since: int) -> Iterator[Outcome]:
        """The ledger's outcomes with seq > `since`, in order."""

    async def close(self) -> None: ...


def rank(kind: Kind, offsite: int, depth: int) -> int:
    """One number for how good a reason is; smaller is better: kind first, then hops off site, then depth."""
    # Asked once a link: comparisons cost half of what min() does.
    return kind << 20 | (offsite if offsite < 15 else 15) << 16 | (depth if depth < 0xFFFF else 0xFFFF)


def unrank(value: int) -> tuple[Kind, int, int]:
    """The kind, hops off site and depth that `rank` was made of."""
    return Kind(value >> 20), value >> 16 & 15, value & 0xFFFF
