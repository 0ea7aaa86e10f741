"""What the parts of a crawl may ask of a frontier: one protocol for each, and `Frontier`, which is all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from crawler.earlier.revisit import Original, Previous
from crawler.frontier.values import (
    Commit,
    Counts,
    ExcludedURL,
    HostReport,
    Needed,
    Readiness,
    RobotsAnswer,
    SegmentState,
    Tallies,
)
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, Outlink
from crawler.politeness import HostWish, Pace


class Slots(Protocol):
    """The slots of hosts, as far as they are given back: by whoever ends a request, dispatcher or visit."""

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        """The claimed URL's request is over, though not committed: its host may be asked again, unless the report
        says that it pushed back: that holds from this moment, while all else is learned at the commit. Further calls
        for the claim do nothing."""


class WorkQueue(Slots, Protocol):
    """What comes next: asked by the dispatcher."""

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        """From now on `claim` gives only these kinds; None lifts it. What is not given stays queued."""

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        """Up to `limit` URLs that may be fetched now, hosts fairly in turn. Cancelled, it leaves nothing claimed."""

    async def wait(self) -> Readiness:
        """Returns WAIT when a claim may succeed again, or EMPTY when nothing that may be given is left or in flight."""

    def wake(self) -> None:
        """Makes a `wait` return, for whoever has a reason of its own to look again."""

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        """Gives back claimed URLs that were not fetched; they stay queued."""


class Knowledge(Slots, Protocol):
    """What is known of URLs and their hosts: asked by each visit, so nothing of it takes long."""

    @property
    def known(self) -> Mapping[str, int]:
        """URLs certainly queued or done, durably, with their rank: a bounded memory that saves work, never complete."""

    def robots_text(self, url: CrawlURL) -> RobotsAnswer | None:
        """The rules known for the claimed URL's origin."""

    def verdict(self, url: CrawlURL) -> tuple[str, FailureKind | None] | None:
        """Why the claimed URL's origin is taken for dead, and what kind of failure said so; None while it is not."""

    async def stored_outlinks(self, url: CrawlURL) -> tuple[str, int] | None:
        """Segment and offset of the metadata record with a claimed URL's outlinks, once it is settled."""

    async def previous(self, url: CrawlURL) -> Previous | None:
        """A claimed URL's last capture in an earlier round that has a payload of its own (so no 304)."""


class Ledger(Protocol):
    """What is done, durably: written by the archiver alone, read by whoever wants to know."""

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        """One transaction; for each item its outcome with its sequence number, None where it has none.

        Raises CommitFailed, which tells whether it took effect all the same."""

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        """Committed records that hold the payloads with these digests, by digest, as far as there are any."""

    def outcomes(self, since: int) -> Iterator[Outcome]:
        """The ledger's outcomes with seq > `since`, in order. From any thread, and after `close` too."""

    async def counts(self) -> Counts: ...

    @property
    def current_counts(self) -> Counts:
        """As of the last transaction: no I/O."""


class SegmentLedger(Protocol):
    """The archive's segments, as far as they are committed: kept by the sink."""

    async def segments(self) -> Sequence[SegmentState]:
        """In the order of their numbers."""

    async def save_segment(self, segment: SegmentState) -> None:
        """A transaction of its own: birth, `sealing`, `sealed`. Raises CommitFailed."""

    async def counts(self) -> Counts:
        """The last outcome's number, among others."""


class HostControl(Protocol):
    """How single hosts are treated, seen and changed while a crawl runs."""

    def wish(self, host: str, wish: HostWish) -> None:
        """What is to hold for a host from now on, while this frontier is open."""

    def paces(self) -> Iterable[tuple[Pace, int]]:
        """The hosts in memory, with the queue length of their origins. To be read only."""


class RuleLedger(Protocol):
    """Which rules were in force, and what is queued anew when they take in more than before."""

    async def rules(self) -> str | None:
        """What `keep_rules` or `rejudge_settled` was given last."""

    async def keep_rules(self, rules: str) -> None: ...

    async def rejudge_settled(self, rules: str) -> int:
        """Queues every stored page of the round to be judged again, and keeps the rules; returns how many. One
        transaction."""

    async def excluded(self, since: int) -> Sequence[ExcludedURL]:
        """The next of the round's excluded URLs with seq > `since`; none at the end."""

    async def requeue_excluded(self, seqs: Sequence[int]) -> None:
        """Offers these excluded URLs after all: each gets another outcome. One transaction."""


class Submissions(Protocol):
    """URLs that come from outside while the crawl runs."""

    async def submit(self, links: Sequence[Outlink]) -> Sequence[Outcome | None]:
        """Queues URLs that are wanted for themselves, outside any commit, unless they are queued as pages already; for
        each the outcome that it has, if it has one. One transaction. Raises LedgerError."""


class Rounds(Protocol):
    """What a run begins with: seeds, rounds, and what earlier runs left."""

    async def settle(self, name: str, value: str) -> str:
        """What this crawl was begun with, and can never change: `value`, unless an earlier run settled another."""

    async def add_seeds(self, urls: Sequence[str]) -> Sequence[int]:
        """Makes these the seeds, in this order, queueing those that are new; returns each one's number."""

    async def seeds(self) -> Mapping[int, Sequence[str]]:
        """Each seed's number with its URL and then the URLs that joined its scope."""

    async def add(self, links: Sequence[Outlink]) -> int:
        """Queues URLs durably, outside any commit; returns how many were new or promoted."""

    @property
    def round(self) -> int:
        """The number of the round at hand, from 1."""

    async def begin_round(self, urls: Sequence[str]) -> Sequence[int]:
        """Begins the next round, in one transaction: nothing is seen in it but these seeds, which are queued. Figures
        begin anew, sequence numbers, hosts, rules and cookies go on. Returns as `add_seeds`.

        Raises ValueError while the round at hand is not finished."""

    async def requeue_failed(self, kinds: frozenset[FailureKind] | None = None) -> int:
        """Offers the round's failed URLs again, with a new attempt; returns how many."""

    async def queue_missing(self, links: Sequence[Needed]) -> int:
        """Queues requisites that were found missing, and offers those among them again that failed; returns how many.
        One transaction."""

    async def cookies(self) -> bytes | None:
        """The cookie jar as committed last, of this run or an earlier one; None if there was none yet."""


class Figures(Protocol):
    """What is told of a round when a run begins or ends."""

    async def tallies(self) -> Tallies:
        """The round's outcomes by status and by media type."""

    async def pages_by_host(self) -> Mapping[str, int]:
        """The round's pages so far by host name."""

    async def seed_outcomes(self, numbers: Sequence[int]) -> Sequence[Outcome]:
        """The outcomes that these seeds have so far."""

    async def gone(self) -> int:
        """URLs that had a good answer in the round before and in this one are missing (404, 410) or were not met."""


class Frontier(
    WorkQueue, Knowledge, Ledger, SegmentLedger, HostControl, RuleLedger, Submissions, Rounds, Figures, Protocol
):
    """The only thing that decides what comes next, and the only one that knows what is done."""

    async def close(self) -> None:
        """Lets go of the store. Called by whoever opened it, after everything else."""
