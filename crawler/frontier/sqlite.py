"""The embedded frontier: one SQLite file, one thread that uses it, and a working set in memory.

`claim` is answered from memory while it can be; the store is asked for more rows of an origin when its own are used
up, and after a commit touched it. Commits and reads run one after the other in the store's thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from crawler.clock import Clock, SystemClock
from crawler.errors import LedgerError
from crawler.frontier import Commit, CommitFailed, CommitItem, Counts, HostReport, Readiness, RobotsAnswer, SegmentState
from crawler.frontier.commit import Applied, Transaction
from crawler.frontier.rows import QueueRow, crawl_url, lane, origin_of, url_hash
from crawler.frontier.schedule import OriginQueue, WorkingSet
from crawler.frontier.store import EVERY_LANE, HostRow, OriginRow, Store
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, Outlink
from crawler.politeness import Pace

T = TypeVar("T")

PREFETCH = 64
"""Rows of one origin held in memory."""
WORKING_SET = 1024
"""Origins held in memory; others wait in the store for their turn."""
TURN = 64
"""Claims an origin is given before another that waits in the store takes its place."""
KNOWN_LIMIT = 50_000
"""URLs remembered as seen, to save asking the store: about 12 MB."""


class SqliteFrontier:
    """Implements `crawler.frontier.Frontier`; see there for the meaning of each method."""

    def __init__(
        self,
        store: Store,
        *,
        delay: float | None,
        per_host: int,
        robots: bool = True,
        depth_matters: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._delay, self._per_host, self._robots = delay, per_host, robots
        self._depth_matters = depth_matters
        self._clock = clock or SystemClock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frontier")
        self._set = WorkingSet()
        self._paces: dict[str, Pace] = {}
        self._claims: dict[tuple[int, int], QueueRow] = {}
        self._robots_claims: dict[tuple[int, int], OriginQueue] = {}
        self._known: dict[str, int] = {}
        self._last_lane = EVERY_LANE
        self._overflow = True
        self._served: dict[int, float] = {}
        self._changed = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, **options: object) -> SqliteFrontier:
        """Opens or creates the database. Raises LedgerError naming the file."""
        store = await asyncio.get_running_loop().run_in_executor(None, Store, path)
        return cls(store, **options)  # type: ignore[arg-type]

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        """Runs in the store's thread; a cancel of the caller does not interrupt it. Raises LedgerError."""
        try:
            return await self._in_thread(function, *args)
        except sqlite3.Error as error:
            raise LedgerError(f"{self._store.path}: {error}") from error

    async def _in_thread(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    # -- what is known -----------------------------------------------------------------------------------------

    @property
    def known(self) -> Mapping[str, int]:
        return self._known

    def _remember(self, marked: Sequence[tuple[str, int]]) -> None:
        known = self._known
        for url, value in marked:
            if known.get(url, value) >= value:
                known[url] = value
        if len(known) > KNOWN_LIMIT:
            for url in list(islice(known, KNOWN_LIMIT // 2)):
                del known[url]

    async def counts(self) -> Counts:
        return self._store.counts

    @property
    def in_flight(self) -> int:
        """Claimed and neither committed nor released."""
        return len(self._claims) + len(self._robots_claims)

    @property
    def store(self) -> Store:
        """The open store, for reading the ledger between commits."""
        return self._store

    # -- queueing ----------------------------------------------------------------------------------------------

    async def add_seeds(self, urls: Sequence[str]) -> Sequence[int]:
        return await self._transact(lambda transaction: transaction.add_seeds(urls))

    async def settle(self, name: str, value: str) -> str:
        """What this crawl was begun with, and can never change: `value`, unless an earlier run settled another."""
        return await self._transact(lambda transaction: transaction.store.settle(name, value))

    async def add(self, links: Sequence[Outlink]) -> int:
        """Queues URLs durably, outside any commit (submitted URLs); returns how many were new or promoted."""
        return await self._transact(lambda transaction: transaction.queue_links([(link, None) for link in links]))

    async def requeue_failed(self, kinds: frozenset[FailureKind] | None = None) -> int:
        def work(transaction: Transaction) -> int:
            rows = [row for row in self._store.failed() if kinds is None or row[3] in kinds]
            return transaction.queue_failed(rows)

        return await self._transact(work)

    async def seeds(self) -> Mapping[int, Sequence[str]]:
        return await self._run(self._store.seeds)

    # -- claiming ----------------------------------------------------------------------------------------------

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        # Lanes follow kinds: requisites are lane 0, pages above it, guesses last.
        if kinds is None:
            self._last_lane = EVERY_LANE
        else:
            self._last_lane = max((lane(kind, 0xFFFF) for kind in kinds), default=-1)
        for origin in self._set.origins.values():
            self._invalidate(origin)
        self._overflow = True
        self._changed.set()

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        found: list[CrawlURL] = []
        while len(found) < limit:
            now = self._clock.time()
            if self._overflow and len(self._set.origins) <= WORKING_SET // 2:
                await self._load_more()
            origin = self._set.take(now)
            if origin is None:
                if not await self._load_more():
                    break
                continue
            url = await self._claim_from(origin, now)
            if url is not None:
                found.append(url)
        return found

    async def _claim_from(self, origin: OriginQueue, now: float) -> CrawlURL | None:
        """One URL of the origin whose turn it is; leaves the origin where it stands next."""
        if self._overflow and origin.served >= TURN and not origin.claimed and not origin.robots_in_flight:
            self._unload(origin)  # its share is used up; others wait in the store
            return None
        if not origin.urls:
            if not origin.loaded:
                await self._reload(origin, now)
            if not origin.urls:
                self._rest(origin)
                return None
        if self._robots and origin.robots_needed(now):
            return await self._claim_robots(origin, now)
        row = origin.urls.popleft()
        if not origin.urls:
            origin.loaded = False
        self._start(origin, now)
        origin.claimed.add(row.id)
        self._claims[row.origin, row.hash] = row
        self._set.turn(origin)
        return crawl_url(row)

    def _rest(self, origin: OriginQueue) -> None:
        """Nothing to give now: until a row is due, until a commit brings more, or out of memory if others wait."""
        if origin.next_due is not None:
            origin.loaded = False
            self._set.set_timer(origin, origin.next_due)
        elif self._overflow and not origin.claimed and not origin.robots_in_flight:
            self._unload(origin)

    async def _claim_robots(self, origin: OriginQueue, now: float) -> CrawlURL | None:
        row = origin.row
        if origin.robots_in_flight:
            return None
        if row.robots_due > now:
            self._set.set_timer(origin, row.robots_due)
            return None
        origin.robots_in_flight = True
        key = (row.id, 0)
        self._robots_claims[key] = origin
        self._start(origin, now)
        url = row.robots_url or f"{row.name}/robots.txt"
        attempt, again = await self._run(self._robots_attempt, url)
        return CrawlURL(url, Kind.ROBOTS, redirects=row.robots_hops, attempt=attempt, again=again, key=key)

    def _robots_attempt(self, url: str) -> tuple[int, bool]:
        return self._store.next_attempt(self._store.origin_id(origin_of(url)), url_hash(url))

    def _start(self, origin: OriginQueue, now: float) -> None:
        origin.pace.started(now)
        origin.served += 1

    async def _reload(self, origin: OriginQueue, now: float) -> None:
        origin.urls.clear()
        origin.loaded = True
        rows, due = await self._run(
            self._store.load_urls, origin.row.id, now, set(origin.claimed), PREFETCH, self._last_lane
        )
        if origin.loaded:  # not touched meanwhile
            # What was claimed while the store was asked must not come twice.
            origin.urls.extend(row for row in rows if row.id not in origin.claimed)
        origin.next_due = due

    async def _load_more(self) -> bool:
        """Loads origins that wait in the store; False when none does."""
        if not self._overflow:
            return False
        self._overflow = False
        room = max(1, WORKING_SET - len(self._set.origins))
        held = list(self._set.origins)
        rows = await self._run(self._store.load_origins, held, room + 1, self._last_lane)
        added = 0
        for row in rows[:room]:
            if row.id not in self._set.origins:
                await self._load(row)
                added += 1
        self._overflow = self._overflow or len(rows) > room
        return added > 0

    async def _load(self, row: OriginRow) -> None:
        pace = self._paces.get(row.host)
        if pace is None:
            stored = await self._run(self._store.load_host, row.host)
            pace = self._paces.setdefault(row.host, Pace(row.host, self._delay, self._per_host))
            if stored is not None:
                pace.smoothed, pace.backoff, pace.next_ready = stored.smoothed, stored.backoff, stored.next_ready
                pace.done = stored.done
        self._slow_down(row, pace)
        if row.id not in self._set.origins:
            self._set.add(OriginQueue(row, pace))

    def _unload(self, origin: OriginQueue) -> None:
        self._set.drop(origin)
        self._served[origin.row.id] = self._clock.time()
        if not any(other.pace is origin.pace for other in self._set.origins.values()) and not origin.pace.active:
            self._paces.pop(origin.row.host, None)

    def _invalidate(self, origin: OriginQueue) -> None:
        """The store's rows changed: reads them again at the origin's next turn."""
        origin.urls.clear()
        origin.loaded = False
        self._set.turn(origin)

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        for url in urls:
            origin = self._end_claim(url)
            if origin is not None:
                self._invalidate(origin)
        self._changed.set()

    def _end_claim(self, url: CrawlURL) -> OriginQueue | None:
        """Takes the URL out of flight and frees its host's slot."""
        origin: OriginQueue | None
        if url.kind is Kind.ROBOTS:
            origin = self._robots_claims.pop(url.key)
            origin.robots_in_flight = False
        else:
            row = self._claims.pop(url.key)
            origin = self._set.origins[row.origin]
            origin.claimed.discard(row.id)
        return origin

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        """The request is over, though not yet committed: frees the host's slot."""
        origin = self._origin(url)
        origin.pace.ended()
        if report is not None and report.pushback:
            origin.pace.hold(self._clock.time(), report.retry_after)
        self._set.slot_free(origin.pace)
        self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    async def stored_outlinks(self, url: CrawlURL) -> tuple[str, int] | None:
        return await self._run(self._store.metadata_place, *url.key)

    def _origin(self, url: CrawlURL) -> OriginQueue:
        return self._set.origins[url.key[0]]

    async def wait(self) -> Readiness:
        while True:
            if self._set.turning or self._overflow:
                return Readiness.WAIT
            wake = self._set.next_wake()
            if wake is None and not self.in_flight:
                return Readiness.EMPTY
            self._changed.clear()
            pause = None if wake is None else max(0.0, wake - self._clock.time())
            if await self._pause(pause):
                return Readiness.WAIT

    async def _pause(self, seconds: float | None) -> bool:
        """Waits for a change or for the time to pass, by the crawl's own clock."""
        changed = asyncio.ensure_future(self._changed.wait())
        waits = [changed]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))  # type: ignore[arg-type]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return True

    # -- committing --------------------------------------------------------------------------------------------

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        now = self._clock.time()
        hosts = self._hear(commit.items, now)
        ready = [(moment, origin) for origin, moment in self._served.items()]

        def work(transaction: Transaction) -> list[Outcome | None]:
            transaction.apply(commit, hosts, ready, now)
            return transaction.applied.outcomes

        outcomes, applied = await self._guarded(work)
        self._served.clear()
        for item in commit.items:
            await self._committed(item, now)
        self._take_over(applied)
        return outcomes

    def _hear(self, items: Sequence[CommitItem], now: float) -> list[HostRow]:
        """Lets the hosts of these attempts learn from them; returns their rows."""
        paces: dict[str, Pace] = {}
        for item in items:
            pace = self._origin(item.url).pace
            report = item.host
            pace.heard(now, report.answer_ms, report.pushback, report.retry_after)
            pace.done += 1
            paces[pace.name] = pace
        return [HostRow(p.name, p.smoothed, p.backoff, p.next_ready, p.done) for p in paces.values()]

    async def _committed(self, item: CommitItem, now: float) -> None:
        origin = self._end_claim(item.url)
        if origin is not None and item.url.kind is Kind.ROBOTS:
            origin.row = await self._run(self._store.load_origin, origin.row.id)
            self._slow_down(origin.row, origin.pace)
            self._set.turn(origin)

    def _slow_down(self, row: OriginRow, pace: Pace) -> None:
        """A host's origins share its pace: the longest Crawl-delay among them counts."""
        if self._robots:
            pace.crawl_delay = max(pace.crawl_delay, row.robots_delay)

    def _take_over(self, applied: Applied) -> None:
        self._remember(applied.marked)
        for origin_id, delta in applied.queued.items():
            origin = self._set.origins.get(origin_id)
            if origin is not None:
                origin.row.queued += delta
        for origin_id in applied.touched:
            origin = self._set.origins.get(origin_id)
            if origin is None:
                self._overflow = True
            else:
                self._invalidate(origin)
        self._changed.set()

    async def _transact(self, work: Callable[[Transaction], T]) -> T:
        result, applied = await self._guarded(work)
        self._take_over(applied)
        return result

    async def _guarded(self, work: Callable[[Transaction], T]) -> tuple[T, Applied]:
        """Runs a transaction in the store's thread; on failure says what the reopened file holds."""

        def run() -> tuple[T, Applied]:
            transaction = Transaction(self._store, self._claims, depth_matters=self._depth_matters)
            return transaction.run(work), transaction.applied

        commits = self._store.commits
        try:
            return await self._in_thread(run)
        except sqlite3.Error as error:
            await self._ask_again(error)
            held = self._store.commits > commits
            raise CommitFailed(f"{self._store.path}: {error}", held=held, full=_is_full(error)) from error

    async def _ask_again(self, error: sqlite3.Error) -> None:
        """What holds after a failed transaction, only the file knows. Raises LedgerError when it cannot be read."""
        if _is_full(error) and not self._store.db.in_transaction:
            await self._run(self._store.refresh)
        else:
            await self._run(self._store.reopen)

    @property
    def current_counts(self) -> Counts:
        """As of the last commit."""
        return self._store.counts

    def paces(self) -> Iterator[tuple[Pace, int]]:
        """The hosts in memory, with the queue length of their origins."""
        queued: dict[str, int] = {}
        for origin in self._set.origins.values():
            queued[origin.row.host] = queued.get(origin.row.host, 0) + origin.row.queued
        for host, count in queued.items():
            yield self._paces[host], count

    async def tallies(self) -> tuple[dict[int, int], dict[str, int]]:
        """The round's outcomes by status and by media type."""
        return await self._run(self._store.tallies)

    async def seed_outcomes(self, numbers: Sequence[int]) -> list[Outcome]:
        """The outcomes that these seeds have so far."""
        return await self._run(self._store.seed_outcomes, numbers)

    async def segments(self) -> Sequence[SegmentState]:
        return await self._run(self._store.segments)

    async def save_segment(self, segment: SegmentState) -> None:
        try:
            await self._in_thread(self._store.save_segment, segment)
        except sqlite3.Error as error:
            await self._ask_again(error)
            held = segment in await self.segments()
            raise CommitFailed(f"{self._store.path}: {error}", held=held, full=_is_full(error)) from error

    # -- robots and the ledger ---------------------------------------------------------------------------------

    def robots_text(self, url: CrawlURL) -> RobotsAnswer | None:
        row = self._origin(url).row
        if row.robots is None and row.robots_refusal is None:
            return None
        failure = None if row.robots_failure is None else FailureKind(row.robots_failure)
        return RobotsAnswer(text=row.robots, refusal=row.robots_refusal, failure=failure)

    def outcomes(self, since: int) -> Iterator[Outcome]:
        return self._store.iterate_outcomes(since)

    async def close(self) -> None:
        await self._run(self._store.close)
        self._thread.shutdown(wait=False)


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
