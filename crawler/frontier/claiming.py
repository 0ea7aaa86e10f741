"""Giving out URLs from the rows in memory, in turn and when their host may be asked; and waiting for more."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Final

from crawler.clock import Clock
from crawler.frontier import HostReport, Readiness
from crawler.frontier.applied import Applied
from crawler.frontier.ledger import next_attempt_of
from crawler.frontier.loading import Departures, Loading
from crawler.frontier.originqueue import OriginQueue, State
from crawler.frontier.rows import Key, Mode, QueueRow, crawl_url, host_of, origin_of
from crawler.frontier.store import Store
from crawler.frontier.thread import StoreThread
from crawler.model import CrawlURL, Kind
from crawler.politeness import HostWish, Pace, Start
from crawler.seedoptions import HostLimits

TURN = 64
"""Claims an origin is given before another that waits in the store takes its place."""
GATE: Final = 0
"""Stands for a row id in the key of a robots.txt claim."""


class Claiming:
    """What is given out now and next. Used by the event loop's thread alone; the store is asked in its own."""

    def __init__(
        self, store: Store, thread: StoreThread, clock: Clock, *, delay: float | None, per_host: int, per_ip: int,
        robots: bool, hosts: Mapping[str, HostLimits],
    ) -> None:  # fmt: skip
        self._store, self._thread, self._clock, self._robots = store, thread, clock, robots
        self._loading = Loading(
            store, thread, delay=delay, per_host=per_host, per_ip=per_ip, robots=robots, hosts=hosts
        )
        self._set = self._loading.set
        self.rows: dict[Key, QueueRow] = {}
        """The claimed rows."""
        self._gates: dict[Key, CrawlURL] = {}
        """The claimed robots.txt, each under the origin that it gates."""
        self._starts: dict[Key, Start] = {}
        """Of each request under way."""
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    # -- giving out --------------------------------------------------------------------------------------------

    async def claim(self, limit: int) -> list[CrawlURL]:
        """Up to `limit` URLs; if it is cancelled or fails, none of them stays claimed."""
        found: list[CrawlURL] = []
        async with self._one_at_a_time:
            try:
                while len(found) < limit and (url := await self._next()) is not None:
                    found.append(url)
            except BaseException:
                for url in found:
                    self.fetched(url)
                    self.release(url)
                raise
        return found

    async def _next(self) -> CrawlURL | None:
        while True:
            now = self._clock.time()
            if self._loading.outside <= now and self._loading.half_empty:
                await self._loading.load(now)
            origin = self._set.take(now)
            if origin is None:
                if not await self._loading.load(now):
                    return None
                continue
            try:
                url = await self._claim_from(origin, now)
            finally:
                self._set.had_turn(origin, now)
            if url is not None:
                return url

    async def _claim_from(self, origin: OriginQueue, now: float) -> CrawlURL | None:
        """One URL of the origin whose turn it is; leaves the origin where it stands next."""
        if origin.served >= TURN and self._loading.outside <= now:
            if not origin.busy:
                self._loading.unload(origin, now)
            return None  # its share is used up; if it is busy it goes when its last claim ends
        if origin.next_due is not None and origin.next_due <= now:
            origin.urls.clear()  # what waited comes before the rows already here
            origin.loaded = False
        if not origin.urls:
            if not origin.loaded and not await self._loading.reload(origin, now):
                return None
            if not origin.urls:
                self._rest(origin)
                return None
            if origin.pace.ready_at() > now or self._set.lines.must_wait(origin, now):
                self._set.turn(origin)
                return None
        life = origin.row.life
        if origin.doubtful:
            return None  # the commit that ends the doubt gives it another turn
        if life.parked and not life.is_dead(now):
            return await self._probe(origin, now)
        if self._robots and origin.robots_needed(now) and not life.parked:
            return await self._claim_robots(origin, now)
        if self._robots and origin.rules_needed() and not await self._loading.read_rules(origin):
            return None
        return self._claim_row(origin, now)

    async def _probe(self, origin: OriginQueue, now: float) -> CrawlURL | None:
        """The one URL that a parked origin is asked for at the end of its interval: robots.txt, or else its next."""
        if origin.row.life.until > now:
            self._set.set_timer(origin, origin.row.life.until)
            return None
        if origin.busy:
            return None
        return await self._claim_robots(origin, now) if self._robots else self._claim_row(origin, now)

    def _claim_row(self, origin: OriginQueue, now: float) -> CrawlURL:
        row = origin.urls.popleft()
        if not origin.urls:
            origin.loaded = False
        if self._gates or row.attempt > 1:
            row = row._replace(attempt=max(row.attempt, self._attempts_in_flight(row.url) + 1))
        self._start(row.key, origin, now)
        if row.mode == Mode.REJUDGE:
            origin.pace.spared(self._starts[row.key])  # its host is not asked
        origin.claimed.add(row.id)
        self.rows[row.key] = row
        self._set.turn(origin)
        return crawl_url(row, self._store.round)

    async def _claim_robots(self, origin: OriginQueue, now: float) -> CrawlURL | None:
        row = origin.row
        if origin.robots_in_flight:
            return None
        if row.robots_due > now:
            self._set.set_timer(origin, row.robots_due)
            return None
        text, round_ = row.robots_url or f"{row.name}/robots.txt", self._store.round
        origin.robots_in_flight = True
        try:
            attempt, again = await self._thread.read(lambda: next_attempt_of(self._store.db, round_, text))
        except BaseException:
            origin.robots_in_flight = False
            self._set.turn(origin)
            raise
        attempt = max(attempt, self._attempts_in_flight(text) + 1)
        hops, key = row.robots_hops, (row.id, GATE)
        url = CrawlURL(text, Kind.ROBOTS, redirects=hops, attempt=attempt, round=round_, again=again, key=key)
        self._gates[url.key] = url
        self._start(url.key, origin, now)
        return url

    def _attempts_in_flight(self, url: str) -> int:
        """The highest attempt in flight for a URL. A robots.txt may be asked for by several origins, when redirects
        lead to it, and as a page: each of these attempts has a number of its own."""
        gates = (gate.attempt for gate in self._gates.values() if gate.url == url)
        rows = (row.attempt for row in self.rows.values() if row.url == url)
        return max((*gates, *rows), default=0)

    def _start(self, key: Key, origin: OriginQueue, now: float) -> None:
        self._starts[key] = origin.pace.started(now)
        self._set.lines.started(origin.pace.shared, now)
        origin.served += 1

    def _rest(self, origin: OriginQueue) -> None:
        """Nothing to give now: until a row is due, until a claim ends, or until a commit brings more."""
        if origin.next_due is not None:
            origin.loaded = False
            self._set.set_timer(origin, origin.next_due)
        elif not origin.busy:
            self._loading.drop(origin)

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        self._loading.restrict(kinds)
        self._changed.set()

    # -- the end of a claim ------------------------------------------------------------------------------------

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None:
        """The request is over, though not yet committed: frees the host's slot."""
        origin, now = self.origin(url), self._clock.time()
        pace = origin.pace
        if report is not None and report.silence is not None:
            origin.unanswered.add(url.key)
        start = self._starts.pop(url.key, None)
        if start is None:
            return  # told before
        if report is not None and not report.asked:
            pace.spared(start)
            self._set.sooner(pace)
        if report is not None and report.pushback:
            pace.hold(now, report.retry_after)
        self._set.ended(pace, start, now)
        if report is not None and report.address is not None and report.address != pace.address:
            self._learn_address(url, pace, report.address)
        self._changed.set()

    def _learn_address(self, url: CrawlURL, pace: Pace, address: str) -> None:
        # The robots.txt that a redirect led to may be another host's.
        if host_of(origin_of(url.url)) == pace.name:
            pace.address = address
            self._loading.share(pace)

    def release(self, url: CrawlURL) -> None:
        """Gives the URL back: it may be claimed again."""
        self._loading.invalidate(self._end(url))
        self._changed.set()

    def _end(self, url: CrawlURL) -> OriginQueue:
        origin = self.origin(url)
        origin.unanswered.discard(url.key)
        if url.key[1] == GATE:
            del self._gates[url.key]
            origin.robots_in_flight = False
        else:
            del self.rows[url.key]
            origin.claimed.discard(url.key[1])
        if not origin.busy:
            origin.rules, origin.rules_read = None, False
        if not origin.busy and origin.state is State.IDLE:
            self._set.turn(origin)  # so that it is dropped if it has nothing more to give
        return origin

    def origin(self, url: CrawlURL) -> OriginQueue:
        """The loaded origin of a claimed URL."""
        return self._set.origins[url.key[0]]

    # -- after a transaction -----------------------------------------------------------------------------------

    def departures(self) -> Departures:
        """What left memory since the store was told: for the next commit."""
        return self._loading.departures()

    def take_over(self, applied: Applied, ended: Iterable[CrawlURL], stored: Departures, now: float) -> None:
        """What a transaction did, the claims that it ended, and which departures it stored."""
        for url in ended:
            self._end(url)
        self._loading.take_over(applied, stored, now)
        self._changed.set()

    # -- waiting -----------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """Claimed and neither committed nor released."""
        return len(self.rows) + len(self._gates)

    def wake(self) -> None:
        self._changed.set()

    async def wait(self) -> Readiness:
        now = self._clock.time()
        if self._set.turning or self._loading.may_load(now):
            return Readiness.WAIT
        outside = self._loading.outside
        moments = [self._set.next_wake(), outside if now < outside < math.inf else None]
        wake = min((moment for moment in moments if moment is not None), default=None)
        if wake is None and not self.in_flight and not self._set.held:
            return Readiness.EMPTY
        # What happened since the last claim looked must not be waited for.
        if not self._changed.is_set() and (wake is None or wake > now):
            await self._pause(None if wake is None else wake - now)
        self._changed.clear()
        return Readiness.WAIT

    async def _pause(self, seconds: float | None) -> None:
        """Waits for a change, or for the time to pass by the crawl's own clock."""
        timer: asyncio.Future[None] | None = None
        if seconds is not None:
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

    def wish(self, host: str, wish: HostWish) -> None:
        self._loading.wish(host, wish)
        self._changed.set()

    def hosts(self) -> Iterable[tuple[Pace, int]]:
        """The hosts in memory, with the queue length of their origins."""
        for origins in self._set.hosts():
            yield origins[0].pace, sum(origin.row.queued for origin in origins)
