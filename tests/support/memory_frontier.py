"""A frontier in memory: a second implementation of `crawler.frontier.Frontier`, plain where the first one is quick.

It holds nothing on disk. What a crash leaves is its `Memory`: opened again over the same, it goes on from the last
transaction. Each claim looks at all rows; each transaction works on a copy of the state that takes its place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import Struct

from crawler.clock import Clock, SystemClock
from crawler.earlier.revisit import Original, Previous
from crawler.frontier import (
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
from crawler.liveness import DEFAULT_PROBES, PARK_AFTER
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, Outlink
from crawler.politeness import HostWish, Pace, Start
from crawler.seedoptions import HostLimits
from tests.support.memory_pacing import Pacing, lives_after, stored
from tests.support.memory_queueing import Queueing
from tests.support.memory_settling import Claim, Settling, gone, is_page, original_of, previous_of, tallies
from tests.support.memory_state import Mode, Row, State, host_of, origin_of

T = TypeVar("T")
ROW, GATE = 1, 2
"""The second number of a claim's key: what the first one counts."""


@dataclass
class Memory:
    """What outlasts the frontier that is open on it."""

    state: State = field(default_factory=State)


class _Offer(Struct, frozen=True):
    """What an origin could give now, or when it may have something."""

    row: Row | None = None
    gate: bool = False
    moment: float = float("inf")

    @property
    def now(self) -> bool:
        return self.gate or self.row is not None


class MemoryFrontier:
    """Implements `crawler.frontier.Frontier`; see there for the meaning of each method."""

    def __init__(
        self,
        memory: Memory,
        *,
        delay: float | None,
        per_host: int,
        per_ip: int | None = None,
        hosts: Mapping[str, HostLimits] | None = None,
        probes: int = DEFAULT_PROBES,
        robots: bool = True,
        depth_matters: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._memory, self._probes, self._robots, self._depth_matters = memory, probes, robots, depth_matters
        self._clock = clock or SystemClock()
        shared = per_host if per_ip is None else per_ip
        self._pacing = Pacing(HostLimits(delay, per_host), shared, hosts or {}, robots=robots)
        self._pacing.restore(memory.state, self._clock.time())
        self._kinds: frozenset[Kind] | None = None
        self._claims: dict[tuple[int, int], Claim] = {}
        self._starts: dict[tuple[int, int], Start] = {}
        self._unanswered: dict[tuple[int, int], str] = {}
        """The origins of requests that got no answer and are not committed yet."""
        self._origins: dict[str, int] = {}
        self._served: Counter[str] = Counter()
        """When each host and origin had its last turn."""
        self._turns = 0
        self._changed = asyncio.Event()

    @property
    def _state(self) -> State:
        return self._memory.state

    async def close(self) -> None:
        """Nothing is held."""

    # -- what comes next ---------------------------------------------------------------------------------------

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        self._kinds = kinds
        self._changed.set()

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        found: list[CrawlURL] = []
        while len(found) < limit and (url := self._next()) is not None:
            found.append(url)
        return found

    def _next(self) -> CrawlURL | None:
        now = self._clock.time()
        queued = self._queued()
        for origin in sorted(queued, key=lambda origin: (self._served[host_of(origin)], self._served[origin])):
            offer = self._offer(origin, queued[origin], now)
            if offer.now:
                self._turns += 1
                self._served[origin] = self._served[host_of(origin)] = self._turns
                return self._give_gate(origin, now) if offer.row is None else self._give(origin, offer.row, now)
        return None

    def _queued(self) -> dict[str, list[Row]]:
        """The rows that may be given some time, by origin, in order of their finding."""
        claimed = {claim.row.id for claim in self._claims.values() if claim.row is not None}
        found: dict[str, list[Row]] = {}
        for row in self._state.rows.values():
            if row.id not in claimed and (self._kinds is None or row.link.kind in self._kinds):
                found.setdefault(origin_of(row.url), []).append(row)
        return found

    def _offer(self, origin: str, rows: Sequence[Row], now: float) -> _Offer:
        due = [row for row in rows if row.due is None or row.due <= now]
        if not due:
            return _Offer(moment=min(row.due for row in rows if row.due is not None))
        moment = self._pacing.moment(self._pacing.of(host_of(origin)))
        if moment > now:
            return _Offer(moment=moment)
        state, life = self._state, self._state.life(origin)
        busy = any(claim.origin == origin for claim in self._claims.values())
        silent = sum(each == origin for each in self._unanswered.values())
        if silent and life.silences < PARK_AFTER <= life.silences + silent:
            return _Offer()  # about to be parked
        gate = state.gate(origin)
        first = min(due, key=lambda row: row.turn)
        if life.parked and not life.is_dead(now):
            if life.until > now or busy:
                return _Offer(moment=life.until if life.until > now else float("inf"))
            ask_rules = self._robots
        else:
            ask_rules = self._robots and not life.parked and (gate.expires is None or gate.expires <= now)
        if not ask_rules:
            return _Offer(row=first)
        if any(claim.row is None and claim.origin == origin for claim in self._claims.values()):
            return _Offer()
        return _Offer(gate=True) if gate.due <= now else _Offer(moment=gate.due)

    def _give(self, origin: str, row: Row, now: float) -> CrawlURL:
        link, key = row.link, (row.id, ROW)
        via = None if row.via is None else self._state.ledger[row.via].outcome.url
        attempt = row.attempt if row.mode is Mode.REJUDGE else max(row.attempt, self._next_attempt(row.url))
        url = CrawlURL(
            row.url, link.kind, link.depth, link.offsite, link.redirects, via, link.seed, attempt, self._state.round,
            again=row.mode is Mode.AGAIN, rejudge=row.mode is Mode.REJUDGE,
            nesting=self._state.nesting(link.kind, row.via), key=key,
        )  # fmt: skip
        self._claims[key] = Claim(url, origin, row)
        self._start(key, origin, now)
        if url.rejudge:
            self._pacing.of(host_of(origin)).spared(self._starts[key])
        return url

    def _give_gate(self, origin: str, now: float) -> CrawlURL:
        gate = self._state.gate(origin)
        text = gate.elsewhere or f"{origin}/robots.txt"
        key = (self._origins.setdefault(origin, len(self._origins)), GATE)
        url = CrawlURL(
            text, Kind.ROBOTS, redirects=gate.hops, attempt=self._next_attempt(text), round=self._state.round,
            again=self._state.seq_of(text) is not None, key=key,
        )  # fmt: skip
        self._claims[key] = Claim(url, origin, None)
        self._start(key, origin, now)
        return url

    def _next_attempt(self, url: str) -> int:
        in_flight = [claim.url.attempt for claim in self._claims.values() if claim.url.url == url]
        return max([self._state.last_attempt(url), *in_flight]) + 1

    def _start(self, key: tuple[int, int], origin: str, now: float) -> None:
        self._starts[key] = self._pacing.of(host_of(origin)).started(now)

    async def wait(self) -> Readiness:
        now = self._clock.time()
        queued = self._queued()
        offers = [self._offer(origin, rows, now) for origin, rows in queued.items()]
        if any(offer.now for offer in offers):
            return Readiness.WAIT
        if not offers and not self._claims:
            return Readiness.EMPTY
        if not self._changed.is_set():
            await self._pause(min((offer.moment for offer in offers), default=float("inf")) - now)
        self._changed.clear()
        return Readiness.WAIT

    async def _pause(self, seconds: float) -> None:
        """Waits for a change, or for the time to pass."""
        timer: asyncio.Future[None] | None = None
        if seconds < float("inf"):
            timer = asyncio.ensure_future(self._clock.sleep(seconds))
            timer.add_done_callback(self._time_passed)
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.remove_done_callback(self._time_passed)
                timer.cancel()

    def _time_passed(self, _: asyncio.Future[None]) -> None:
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        claim, now = self._claims[url.key], self._clock.time()
        pace = self._pacing.of(host_of(claim.origin))
        if report is not None and report.silence is not None:
            self._unanswered[url.key] = claim.origin
        start = self._starts.pop(url.key, None)
        if start is None:
            return
        if report is not None and not report.asked:
            pace.spared(start)
        if report is not None and report.pushback:
            pace.hold(now, report.retry_after)
        pace.ended(start)
        if report is not None:
            self._pacing.learn_address(claim, report)
        self._changed.set()

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        for url in urls:
            self._end(url)
        self._changed.set()

    def _end(self, url: CrawlURL) -> None:
        del self._claims[url.key]
        self._unanswered.pop(url.key, None)

    # -- hosts -------------------------------------------------------------------------------------------------

    def wish(self, host: str, wish: HostWish) -> None:
        self._pacing.wish(host, wish)
        self._changed.set()

    def paces(self) -> list[tuple[Pace, int]]:
        queued = Counter(host_of(origin_of(row.url)) for row in self._state.rows.values())
        busy = {host_of(claim.origin) for claim in self._claims.values()}
        return [(pace, queued[host]) for host, pace in self._pacing.paces.items() if queued[host] or host in busy]

    def robots_text(self, url: CrawlURL) -> RobotsAnswer | None:
        gate = self._state.gate(self._claims[url.key].origin)
        if gate.text is None and gate.refusal is None:
            return None
        failure = None if gate.failure is None else FailureKind(gate.failure)
        return RobotsAnswer(text=gate.text, refusal=gate.refusal, failure=failure)

    def verdict(self, url: CrawlURL) -> tuple[str, FailureKind | None] | None:
        life = self._state.life(self._claims[url.key].origin)
        return (life.dead, life.failure) if life.dead is not None and life.is_dead(self._clock.time()) else None

    # -- transactions ------------------------------------------------------------------------------------------

    async def _transact(self, work: Callable[[Queueing], T]) -> T:
        """Does the work on a copy of the state, which then takes its place: all of it or nothing."""
        await asyncio.sleep(0)  # as one that asks a store: others run meanwhile, and a cancel comes before it
        queueing = Queueing(self._state.copy(), depth_matters=self._depth_matters)
        result = work(queueing)
        self._memory.state = queueing.finished()
        self._changed.set()
        return result

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        def work(queueing: Queueing) -> list[Outcome | None]:
            now = self._clock.time()
            items = [(self._claims[item.url.key], item) for item in commit.items]
            paces = self._pacing.after(items, self._state, now)
            lives = lives_after(items, self._state, now, self._probes)
            outcomes = Settling(queueing, self._claims, now).apply(commit, stored(paces), lives)
            # Nothing can fail from here on.
            for host, pace in paces.items():
                self._pacing.of(host).learn(pace)
            self._pacing.heed_rules(queueing.state)
            for item in commit.items:
                self._end(item.url)
            return outcomes

        return await self._transact(work)

    async def add_seeds(self, urls: Sequence[str]) -> Sequence[int]:
        return await self._transact(lambda queueing: queueing.add_seeds(urls))

    async def begin_round(self, urls: Sequence[str]) -> Sequence[int]:
        return await self._transact(lambda queueing: queueing.begin_round(urls))

    async def add(self, links: Sequence[Outlink]) -> int:
        return await self._transact(lambda queueing: queueing.queue((link, None) for link in links))

    async def submit(self, links: Sequence[Outlink]) -> Sequence[Outcome | None]:
        return await self._transact(lambda queueing: queueing.submit(links))

    async def requeue_failed(self, kinds: frozenset[FailureKind] | None = None) -> int:
        return await self._transact(lambda queueing: queueing.requeue_failed(kinds))

    async def queue_missing(self, links: Sequence[Needed]) -> int:
        return await self._transact(lambda queueing: queueing.queue_missing(links))

    async def settle(self, name: str, value: str) -> str:
        return await self._transact(lambda queueing: queueing.state.settled.setdefault(name, value))

    async def save_segment(self, segment: SegmentState) -> None:
        await self._transact(lambda queueing: queueing.state.segments.update({segment.number: segment}))

    # -- rules that changed ------------------------------------------------------------------------------------

    async def rules(self) -> str | None:
        return self._state.rules

    async def keep_rules(self, rules: str) -> None:
        await self._transact(lambda queueing: setattr(queueing.state, "rules", rules))

    async def rejudge_settled(self, rules: str) -> int:
        def work(queueing: Queueing) -> int:
            queueing.state.rules = rules
            return queueing.rejudge_settled()

        return await self._transact(work)

    async def excluded(self, since: int) -> Sequence[ExcludedURL]:
        return Queueing(self._state, depth_matters=False).excluded(since)

    async def requeue_excluded(self, seqs: Sequence[int]) -> None:
        await self._transact(lambda queueing: queueing.requeue_excluded(seqs))

    # -- what is known -----------------------------------------------------------------------------------------

    @property
    def known(self) -> Mapping[str, int]:
        state = self._state
        return {url: seen.rank for url, seen in state.seen.items() if seen.round == state.round}

    @property
    def round(self) -> int:
        return self._state.round

    @property
    def current_counts(self) -> Counts:
        return self._state.counts

    async def counts(self) -> Counts:
        return self._state.counts

    async def seeds(self) -> Mapping[int, Sequence[str]]:
        found = {number: [url] for url, number in self._state.seeds.items()}
        for number, url in self._state.joined:
            found.setdefault(number, []).append(url)
        return found

    async def stored_outlinks(self, url: CrawlURL) -> tuple[str, int] | None:
        seq = self._state.seq_of(url.url)
        entry = None if seq is None else self._state.ledger[seq]
        if entry is None or entry.outcome.receipt is None or entry.metadata_offset is None:
            return None
        return entry.outcome.receipt.segment, entry.metadata_offset

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        return {digest: original_of(self._state, digest) for digest in digests if digest in self._state.payloads}

    async def previous(self, url: CrawlURL) -> Previous | None:
        claim = self._claims.get(url.key)
        return None if claim is None or claim.row is None else previous_of(self._state, url.url)

    async def gone(self) -> int:
        return gone(self._state)

    async def tallies(self) -> Tallies:
        return tallies(self._state)

    async def pages_by_host(self) -> Mapping[str, int]:
        outcomes = (entry.outcome for entry in self._state.ledger.values())
        pages = (each.url for each in outcomes if each.round == self._state.round and is_page(each))
        return Counter(host_of(origin_of(url)) for url in pages)

    async def seed_outcomes(self, numbers: Sequence[int]) -> Sequence[Outcome]:
        named = {number: url for url, number in self._state.seeds.items()}
        seqs = [self._state.seq_of(named[number]) for number in numbers]
        return [self._state.ledger[seq].outcome for seq in seqs if seq is not None]

    def outcomes(self, since: int) -> Iterator[Outcome]:
        ledger = self._state.ledger
        return (ledger[seq].outcome for seq in range(since + 1, len(ledger) + 1))

    async def cookies(self) -> bytes | None:
        return self._state.cookies

    async def segments(self) -> Sequence[SegmentState]:
        return [segment for _, segment in sorted(self._state.segments.items())]
