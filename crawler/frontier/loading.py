"""Between memory and store: which origins are in the working set, and their next rows.

An origin is in the working set or *outside*, in the store alone. It leaves the set when it has nothing to give, when
its share is used up while others wait outside, or when it has to wait long and the set is full. So memory is bounded,
and no origin waits for another that has to wait itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct, field

from crawler.frontier import StoredPace
from crawler.frontier.applied import Applied
from crawler.frontier.originqueue import OriginQueue, State
from crawler.frontier.rows import Wanted
from crawler.frontier.schedule import WorkingSet
from crawler.frontier.store import OriginRow, Store
from crawler.frontier.thread import StoreThread
from crawler.model import Kind
from crawler.politeness import MAX_RETRY_AFTER, HostWish, Pace
from crawler.seedoptions import HostLimits

PREFETCH = 64
"""Rows of one origin held in memory."""
WORKING_SET = 1024
"""Origins held in memory; others wait in the store for their turn."""


class Departures(Struct, frozen=True):
    """What the store does not know yet of the origins and hosts that left the working set."""

    ready_at: Mapping[int, float] = field(default_factory=dict)
    """When each of these origins may be served next."""
    paces: Mapping[str, Pace] = field(default_factory=dict)


class Loading:
    """The working set and what is known of the origins outside it."""

    def __init__(
        self, store: Store, thread: StoreThread, *, delay: float | None, per_host: int, per_ip: int, robots: bool,
        hosts: Mapping[str, HostLimits],
    ) -> None:  # fmt: skip
        self._store, self._thread = store, thread
        self._hosts = hosts
        self._delay, self._per_host, self._per_ip, self._robots = delay, per_host, per_ip, robots
        self.set = WorkingSet()
        self._wishes: dict[str, HostWish] = {}
        self.outside = 0.0
        """When an origin outside may have something to give: infinity when none has."""
        self._wanted = Wanted()
        self._rested: dict[int, float] = {}
        """Values of `origins.ready_at` that are not yet in the store."""
        self._cooling: dict[str, Pace] = {}
        """Paces of hosts that left the set since the last commit, which may not be in the store as they are now."""

    def may_load(self, now: float) -> bool:
        """True if `load` may bring something."""
        return self.outside <= now and (len(self.set) < WORKING_SET or bool(self.set.longest_waiting(now, 1)))

    @property
    def half_empty(self) -> bool:
        return len(self.set) <= WORKING_SET // 2

    async def reload(self, origin: OriginQueue, now: float) -> bool:
        """Reads the origin's next rows; False if it must be looked at again, since something happened meanwhile."""
        origin.loaded = True
        try:
            rows, due = await self._thread.read(
                self._store.load_urls, origin.row.id, now, frozenset(origin.claimed), PREFETCH, self._wanted
            )
        except BaseException:
            self.invalidate(origin)
            raise
        if not origin.loaded or origin.state is not State.IDLE:
            self.invalidate(origin)
            return False
        # What was claimed while the store was asked must not come twice.
        origin.urls.extend(row for row in rows if row.id not in origin.claimed)
        origin.next_due = due
        return True

    async def read_rules(self, origin: OriginQueue) -> bool:
        """Reads a long robots.txt; False if the origin must be looked at again, since something happened meanwhile."""
        origin.rules_read = True
        try:
            rules = await self._thread.read(self._store.robots_text, origin.row.id)
        except BaseException:
            origin.rules_read = False
            self.set.turn(origin)
            raise
        if not origin.rules_read or not origin.urls or origin.state is not State.IDLE:
            origin.rules_read = False
            self.set.turn(origin)
            return False
        origin.rules = rules
        return True

    async def load(self, now: float) -> bool:
        """Takes origins in from outside; False if there was none, or no room for any."""
        if self.outside > now:
            return False
        room = WORKING_SET - len(self.set) or self._make_room(now)
        if room <= 0:
            return False
        self.outside = math.inf  # unless somebody knows better meanwhile
        try:
            rows, next_ready = await self._thread.read(
                self._store.load_origins, list(self.set.origins), dict(self._rested), room, now, self._wanted
            )
        except BaseException:
            self.outside = 0.0
            raise
        self.outside = min(self.outside, next_ready)
        for row, host in rows:
            self._rested.pop(row.id, None)
            self.set.add(OriginQueue(row, self._pace(row, host, now)))
        return bool(rows)

    def _make_room(self, now: float) -> int:
        """Sends out those that have to wait longest; returns how many."""
        waiting = self.set.longest_waiting(now, max(1, WORKING_SET // 4))
        for origin in waiting:
            self.unload(origin, origin.wake_at)
        return len(waiting)

    def _pace(self, row: OriginRow, stored: StoredPace | None, now: float) -> Pace:
        pace = self.set.pace(row.host) or self._cooling.pop(row.host, None)
        if pace is None:
            limits = self._limits(row.host)
            pace = Pace(row.host, limits.delay, limits.per_host)
            if stored is not None:
                pace.smoothed, pace.backoff, pace.done = stored.smoothed, stored.backoff, stored.done
                # No further off than a host may ask for, if the clock was set back since.
                pace.next_ready = min(stored.next_ready, now + MAX_RETRY_AFTER)
                pace.address = stored.address
                self.share(pace)
                if pace.shared is not None:  # it may have been asked just before the last run ended
                    recent = min(pace.next_ready, now + pace.spacing)
                    pace.shared.next_ready = max(pace.shared.next_ready, recent)
        if row.host in self._wishes:
            self._grant(pace, self._wishes[row.host])
        self._slow_down(pace, row)
        return pace

    def _limits(self, host: str) -> HostLimits:
        return self._hosts.get(host) or HostLimits(self._delay, self._per_host)

    def _grant(self, pace: Pace, wish: HostWish) -> None:
        limits = self._limits(pace.name)
        pace.wished(wish, limits.delay, limits.per_host)

    def wish(self, host: str, wish: HostWish) -> None:
        """What is to hold for a host from now on."""
        self._wishes[host] = wish
        pace = self.set.pace(host)
        if pace is not None:
            self._grant(pace, wish)
            self.set.look_again(pace)

    def share(self, pace: Pace) -> None:
        """The host is at its address: from now on it shares that one's budget."""
        if self._per_ip and pace.address is not None:
            pace.shared = line = self.set.lines.at(pace.address, self._per_ip)
            if pace.name in self._hosts and pace.per_host > self._per_host:
                line.slots = max(line.slots, pace.per_host)  # more was asked for this host by name

    def _slow_down(self, pace: Pace, *rows: OriginRow) -> None:
        """A host's origins share its pace: the longest Crawl-delay among them counts, by the newest of each one's
        robots.txt. `rows` are origins that are not in the set yet."""
        if self._robots:
            delays = [origin.row.robots_delay for origin in self.set.of_host(pace.name)]
            pace.crawl_delay = max((*delays, *(row.robots_delay for row in rows)), default=0.0)

    def drop(self, origin: OriginQueue) -> None:
        """Forgets an origin that has nothing to give and is not busy."""
        if self.set.drop(origin):
            self._cooling[origin.pace.name] = origin.pace

    def unload(self, origin: OriginQueue, ready_at: float) -> None:
        """Sends an origin out that has something to give, but not before others or before its time."""
        self.drop(origin)
        self._rested[origin.row.id] = ready_at
        self.outside = min(self.outside, ready_at)

    def invalidate(self, origin: OriginQueue) -> None:
        """The store's rows changed: reads them again at the origin's next turn."""
        origin.urls.clear()
        origin.loaded = False
        if origin.state is not State.QUEUED:  # it keeps its place in the line
            self.set.turn(origin)

    def restrict(self, kinds: frozenset[Kind] | None) -> None:
        """Only rows of these kinds are read from now on; None means all."""
        self._wanted = Wanted(kinds)
        self.set.restricted = kinds is not None
        for origin in self.set.origins.values():
            self.invalidate(origin)
            self.set.turn(origin)
        self.outside = 0.0

    def departures(self) -> Departures:
        """What left the set since the store was told: for the next commit."""
        return Departures(dict(self._rested), dict(self._cooling))

    def take_over(self, applied: Applied, stored: Departures, now: float) -> None:
        """What a transaction did, and which departures it stored."""
        for id_, moment in stored.ready_at.items():
            if self._rested.get(id_) == moment:
                del self._rested[id_]
        for host, pace in stored.paces.items():
            if self._cooling.get(host) is pace:
                del self._cooling[host]
        for id_, row in applied.robots.items():
            origin = self.set.origins.get(id_)
            if origin is not None:
                origin.row = row
                origin.rules_read = False
                self._slow_down(origin.pace)
                self.invalidate(origin)
        for id_, life in applied.lives.items():
            origin = self.set.origins.get(id_)
            if origin is not None:
                origin.row.life = life
                self.set.turn(origin)
        for id_, delta in applied.queued.items():
            origin = self.set.origins.get(id_)
            if origin is not None:
                origin.row.queued += delta
        for id_ in applied.touched:
            self._touched(id_, now)

    def _touched(self, id_: int, now: float) -> None:
        """An origin got new or moved rows."""
        origin = self.set.origins.get(id_)
        if origin is not None:
            self.invalidate(origin)
            return
        self.outside = 0.0
        if id_ in self._rested:
            self._rested[id_] = min(self._rested[id_], now)
