"""Hosts on one IP address: a line of origins for each address that may not be asked at this moment.

Terms. An origin *queues* when its host may be asked but its address may not, or others queue there already. The first
of a line is *offered* its address once that is free: it takes its turn in the ring, and whatever it makes of it, the
next is offered then. So the cost of a request is that of one origin, however many share its address.

Invariants.
- At most one origin of a line is offered its address at a time.
- An address that is free and has a line is offered, or a moment is set at which it will be.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from weakref import WeakValueDictionary

from msgspec import field

from crawler.frontier.originqueue import OriginQueue
from crawler.politeness import Address

LONGEST_ESTIMATE = 600.0
"""Seconds after which an origin at the end of a long line is looked at again at the latest."""
LEAST_ESTIMATE = 0.05
LEAST_RECENT = 1024


class Line(Address, eq=False, weakref=True):
    """An address with those who wait for it, first come first served."""

    waiting: dict[int, OriginQueue] = field(default_factory=dict)
    """By origin id, in order."""
    offered: OriginQueue | None = None
    last_turn: float = 0.0
    """When the last of them may have its turn, by estimate."""
    timer: float | None = None


class Lines:
    """The lines of all addresses that a loaded host is at."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, Line] = WeakValueDictionary()
        self._recent: dict[str, Line] = {}
        """Those that were asked a short while ago: what they are owed must outlast their hosts' stay in memory."""
        self._many = LEAST_RECENT
        self._timed: list[tuple[float, int, Line]] = []
        self._tick = 0

    def at(self, address: str, slots: int) -> Line:
        """The address's budget, the same for all its hosts."""
        line = self._known.get(address)
        if line is None:
            line = self._known[address] = Line(address, slots)
        return line

    def started(self, line: Address | None, now: float) -> None:
        """A request to the address began."""
        if isinstance(line, Line):
            self._recent[line.name] = line
            if len(self._recent) > self._many:
                self._recent = {name: each for name, each in self._recent.items() if each.next_ready > now}
                self._many = max(LEAST_RECENT, 2 * len(self._recent))

    @staticmethod
    def must_wait(origin: OriginQueue, now: float) -> bool:
        """Whether the origin has to queue before it may be asked."""
        line = origin.pace.shared
        if not isinstance(line, Line):
            return False
        if line.offered is origin:
            return not line.is_free(now)
        return bool(line.waiting) or line.offered is not None or not line.is_free(now)

    def join(self, origin: OriginQueue, now: float) -> float:
        """Puts the origin at the end of its line; returns when its turn may come, by estimate."""
        line = origin.pace.shared
        assert isinstance(line, Line)
        each = max(origin.pace.spacing, origin.pace.smoothed or 0.0, LEAST_ESTIMATE)
        line.last_turn = min(max(line.last_turn, now) + each, now + LONGEST_ESTIMATE)
        line.waiting[origin.row.id] = origin
        origin.line = line
        return line.last_turn

    def leave(self, origin: OriginQueue) -> None:
        """Takes the origin out of the line in which it stands."""
        assert isinstance(origin.line, Line)
        del origin.line.waiting[origin.row.id]
        origin.line = None

    def withdraw(self, origin: OriginQueue) -> Line | None:
        """The origin had its turn: returns the line that may offer its address to the next."""
        line = origin.line
        if isinstance(line, Line) and line.offered is origin:
            line.offered, origin.line = None, None
            return line
        shared = origin.pace.shared
        return shared if isinstance(shared, Line) else None

    def offer(self, line: Line, now: float) -> OriginQueue | None:
        """The first in line if the address is free, out of the line; else sees to it that it is asked again."""
        if not line.waiting or line.offered is not None or line.active >= line.slots:
            return None
        if line.next_ready > now:
            self._set_timer(line)
            return None
        origin = line.waiting.pop(next(iter(line.waiting)))
        line.offered = origin
        return origin

    def _set_timer(self, line: Line) -> None:
        if line.timer is None or line.next_ready < line.timer:
            line.timer = line.next_ready
            self._tick += 1
            heapq.heappush(self._timed, (line.timer, self._tick, line))

    def due(self, now: float) -> Iterator[Line]:
        """The lines whose moment has come."""
        while self._timed and (self._timed[0][0] <= now or self._timed[0][0] != self._timed[0][2].timer):
            moment, _, line = heapq.heappop(self._timed)
            if moment == line.timer:
                line.timer = None
                yield line

    def next_wake(self) -> float | None:
        """The next moment at which an address that somebody waits for may be asked."""
        while self._timed and (self._timed[0][0] != self._timed[0][2].timer or not self._timed[0][2].waiting):
            moment, _, line = heapq.heappop(self._timed)
            if moment == line.timer:
                line.timer = None
        return self._timed[0][0] if self._timed else None
