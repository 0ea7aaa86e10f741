"""The embedded frontier: one SQLite file, one thread that uses it, and a working set in memory.

`claim` is answered from memory while it can be. Commits and reads run one after the other in the store's thread; what a
transaction did is taken over in one piece after it, so no other task ever sees half of it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from crawler.clock import Clock, SystemClock
from crawler.concurrency.shielded import obtained, outlast
from crawler.concurrency.threads import started_in_thread
from crawler.earlier.revisit import Original, Previous
from crawler.errors import LedgerError
from crawler.frontier import (
    Commit,
    CommitFailed,
    CommitItem,
    Counts,
    ExcludedURL,
    HostReport,
    Needed,
    Readiness,
    RobotsAnswer,
    SegmentState,
    StoredPace,
    Tallies,
    reconsidering,
)
from crawler.frontier import ledger as questions
from crawler.frontier.applied import Applied
from crawler.frontier.claiming import Claiming
from crawler.frontier.commit import Transaction
from crawler.frontier.learning import lives_after, paces_after, told
from crawler.frontier.loading import Departures
from crawler.frontier.payloads import find_originals
from crawler.frontier.rounds import gone, previous_of
from crawler.frontier.setback import bring_near
from crawler.frontier.store import Store
from crawler.frontier.thread import StoreThread
from crawler.liveness import DEFAULT_PROBES
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, Outlink
from crawler.politeness import HostWish, Pace
from crawler.seedoptions import HostLimits

T = TypeVar("T")
log = logging.getLogger(__name__)

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
        per_ip: int | None = None,
        hosts: Mapping[str, HostLimits] | None = None,
        probes: int = DEFAULT_PROBES,
        robots: bool = True,
        depth_matters: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """`per_ip` is as `per_host` by default, and 0 where the hosts of one address share nothing. `hosts` names
        those that have limits of their own."""
        self._store = store
        self._probes = probes
        self._depth_matters = depth_matters
        self._clock = clock or SystemClock()
        self._thread = StoreThread(store.path)
        self._claiming = Claiming(
            store, self._thread, self._clock, delay=delay, per_host=per_host,
            per_ip=per_host if per_ip is None else per_ip, robots=robots, hosts=hosts or {},
        )  # fmt: skip
        self._known: dict[str, int] = {}

    @classmethod
    async def open(cls, path: Path, **options: object) -> SqliteFrontier:
        """Opens or creates the database. Raises LedgerError naming the file. A cancel takes effect when nothing is open
        any more: whoever gave the directory's lock back before that would share the database with its next owner."""
        opening = started_in_thread(None, Store, path)
        store = await obtained(opening, lambda store: outlast(started_in_thread(None, store.close)))
        frontier = cls(store, **options)  # type: ignore[arg-type]
        try:
            await frontier._ask(bring_near, frontier._clock.time())
        except BaseException:
            await frontier.close()
            raise
        return frontier

    async def close(self) -> None:
        await self._thread.close(self._store.close)

    # -- claiming ----------------------------------------------------------------------------------------------

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        self._claiming.restrict(kinds)

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        return await self._claiming.claim(limit)

    async def wait(self) -> Readiness:
        return await self._claiming.wait()

    def wake(self) -> None:
        self._claiming.wake()

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        self._claiming.fetched(url, report)

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        for url in urls:
            self._claiming.release(url)

    def wish(self, host: str, wish: HostWish) -> None:
        """What is to hold for a host from now on, while this frontier is open."""
        self._claiming.wish(host, wish)

    def paces(self) -> Iterable[tuple[Pace, int]]:
        """The hosts in memory, with the queue length of their origins."""
        return self._claiming.hosts()

    def robots_text(self, url: CrawlURL) -> RobotsAnswer | None:
        origin = self._claiming.origin(url)
        row = origin.row
        if not row.has_robots and row.robots_refusal is None:
            return None
        failure = None if row.robots_failure is None else FailureKind(row.robots_failure)
        return RobotsAnswer(
            text=origin.rules if row.robots is None else row.robots, refusal=row.robots_refusal, failure=failure
        )

    def verdict(self, url: CrawlURL) -> tuple[str, FailureKind | None] | None:
        life = self._claiming.origin(url).row.life
        return None if life.dead is None or not life.is_dead(self._clock.time()) else (life.dead, life.failure)

    # -- transactions ------------------------------------------------------------------------------------------

    async def add_seeds(self, urls: Sequence[str]) -> Sequence[int]:
        return await self._transact(lambda transaction: transaction.queueing.add_seeds(urls))

    @property
    def round(self) -> int:
        return self._store.round

    async def begin_round(self, urls: Sequence[str]) -> Sequence[int]:
        numbers = await self._transact(lambda transaction: transaction.begin_round(urls))
        self._known.clear()
        return numbers

    async def settle(self, name: str, value: str) -> str:
        """What this crawl was begun with, and can never change: `value`, unless an earlier run settled another."""
        return await self._transact(lambda transaction: transaction.store.settle(name, value))

    async def add(self, links: Sequence[Outlink]) -> int:
        """Queues URLs durably, outside any commit (submitted URLs); returns how many were new or promoted."""
        pairs = [(link, None) for link in links]
        return await self._transact(lambda transaction: transaction.queueing.queue_links(pairs))

    async def submit(self, links: Sequence[Outlink]) -> Sequence[Outcome | None]:
        return await self._transact(lambda transaction: transaction.queueing.submit(links))

    async def requeue_failed(self, kinds: frozenset[FailureKind] | None = None) -> int:
        def work(transaction: Transaction) -> int:
            failed = questions.failed(self._store.db, self._store.round)
            return transaction.queueing.queue_failed([row for row in failed if kinds is None or row[3] in kinds])

        return await self._transact(work)

    async def queue_missing(self, links: Sequence[Needed]) -> int:
        def work(transaction: Transaction) -> int:
            return transaction.queueing.queue_missing(links, questions.failed(self._store.db, self._store.round))

        return await self._transact(work)

    # -- rules that changed ------------------------------------------------------------------------------------

    async def rules(self) -> str | None:
        """What `keep_rules` or `rejudge_settled` was given last."""
        return await self._thread.read(self._store.rules)

    async def keep_rules(self, rules: str) -> None:
        await self._transact(lambda transaction: transaction.store.keep_rules(rules))

    async def rejudge_settled(self, rules: str) -> int:
        """Queues every stored page of the round to be judged again, and keeps the rules; returns how many."""

        def work(transaction: Transaction) -> int:
            transaction.store.keep_rules(rules)
            return reconsidering.queue_settled(transaction)

        return await self._transact(work)

    async def excluded(self, since: int) -> Sequence[ExcludedURL]:
        """The next of the round's excluded URLs with seq > `since`; none at the end."""
        return await self._ask(reconsidering.excluded, self._store.round, since)

    async def requeue_excluded(self, seqs: Sequence[int]) -> None:
        """Offers these excluded URLs after all."""
        await self._transact(lambda transaction: reconsidering.queue_excluded(transaction, seqs))

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        now = self._clock.time()
        paces = paces_after(commit.items, self._claiming.origin, now)
        left = self._claiming.departures()
        rows = {**left.paces, **paces}.values()
        hosts = [StoredPace(p.name, p.smoothed, p.backoff, p.next_ready, p.done, p.address) for p in rows]
        lives = lives_after(commit.items, self._claiming.origin, now, self._probes)

        def work(transaction: Transaction) -> list[Outcome | None]:
            transaction.apply(commit, hosts, lives, left.ready_at, now)
            return transaction.applied.outcomes

        origins = {item.url.key[0]: self._claiming.origin(item.url) for item in commit.items} if lives else {}
        sentences = [told(origins[id_], life, now) for id_, life in lives.items()]
        outcomes = await self._transact(work, commit.items, paces, left, now)
        for sentence in filter(None, sentences):
            log.info("%s", sentence)
        return outcomes

    async def _transact(
        self,
        work: Callable[[Transaction], T],
        items: Sequence[CommitItem] = (),
        paces: Mapping[str, Pace] | None = None,
        left: Departures | None = None,
        now: float | None = None,
    ) -> T:
        """Runs a transaction and takes over what it did. A cancel takes effect after both, never between them."""
        moment = self._clock.time() if now is None else now
        task = asyncio.get_running_loop().create_task(self._guarded(work, moment), name="transaction")
        cancels = await outlast(task)
        result, applied = task.result()
        # From here to the end of the caller's own step nobody else runs: who is woken by this sees all of it.
        for item in items:
            pace = self._claiming.origin(item.url).pace
            if paces is not None and pace.name in paces:
                pace.learn(paces[pace.name])
        self._claiming.take_over(applied, [item.url for item in items], left or Departures(), moment)
        self._remember(applied.marked)
        if cancels:
            raise asyncio.CancelledError
        return result

    async def _guarded(self, work: Callable[[Transaction], T], now: float) -> tuple[T, Applied]:
        """Runs a transaction in the store's thread; on failure says what the file holds."""

        def run() -> tuple[T, Applied]:
            commits = self._store.commits
            transaction = Transaction(self._store, self._claiming.rows, self._known, depth_matters=self._depth_matters)
            try:
                return transaction.run(work, now), transaction.applied
            except sqlite3.Error as error:
                raise self._failed(error, lambda: self._store.commits > commits) from error

        return await self._thread.run(run)

    def _failed(self, error: sqlite3.Error, took_effect: Callable[[], bool]) -> LedgerError:
        """What holds after a failed transaction, only the file knows. In the store's thread, in one piece with the
        transaction: of those that wait for it, none may come in between and be taken for this one.

        LedgerError alone when the file cannot be read."""
        full = _is_full(error)
        try:
            if full and not self._store.db.in_transaction:
                self._store.refresh()
            else:
                self._store.reopen()
            held = took_effect()
        except sqlite3.Error as unreadable:
            return LedgerError(f"{self._store.path}: {unreadable}")
        except LedgerError as unreadable:
            return unreadable
        return CommitFailed(f"{self._store.path}: {error}", held=held, full=full)

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
            for url in list(islice(known, len(known) - KNOWN_LIMIT // 2)):
                del known[url]

    async def seeds(self) -> Mapping[int, Sequence[str]]:
        return await self._thread.read(self._store.seeds)

    async def counts(self) -> Counts:
        return self._store.counts

    @property
    def current_counts(self) -> Counts:
        """As of the last commit."""
        return self._store.counts

    async def stored_outlinks(self, url: CrawlURL) -> tuple[str, int] | None:
        row = self._claiming.rows[url.key]
        return await self._ask(questions.metadata_place, row.origin, row.hash)

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        return await self._ask(find_originals, digests)

    async def previous(self, url: CrawlURL) -> Previous | None:
        row = self._claiming.rows.get(url.key)
        return None if row is None else await self._ask(previous_of, row.origin, row.hash)

    async def gone(self) -> int:
        return await self._ask(gone, self._store.round)

    async def tallies(self) -> Tallies:
        """The round's outcomes by status and by media type."""
        return await self._ask(questions.tallies, self._store.round)

    async def pages_by_host(self) -> dict[str, int]:
        """The round's pages so far by host name."""
        return await self._ask(questions.pages_by_host, self._store.round)

    async def seed_outcomes(self, numbers: Sequence[int]) -> list[Outcome]:
        """The outcomes that these seeds have so far."""
        return await self._ask(questions.seed_outcomes, self._store.round, numbers)

    def outcomes(self, since: int) -> Iterator[Outcome]:
        return questions.iterate_outcomes(self._store.path, since)

    async def _ask(self, question: Callable[..., T], *args: object) -> T:
        return await self._thread.read(lambda: question(self._store.db, *args))

    # -- segments ----------------------------------------------------------------------------------------------

    async def cookies(self) -> bytes | None:
        return await self._thread.read(self._store.cookies)

    async def segments(self) -> Sequence[SegmentState]:
        return await self._thread.read(self._store.segments)

    async def save_segment(self, segment: SegmentState) -> None:
        def run() -> None:
            try:
                self._store.save_segment(segment)
            except sqlite3.Error as error:
                raise self._failed(error, lambda: segment in self._store.segments()) from error

        await self._thread.run(run)


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
