"""The working set: which origins are in memory, whose turn it is, and what may be claimed now. No I/O, no clock.

Terms. An origin is *turning* when it may have something to give now and waits its turn in the ring; *timed* when it
must not be asked before a moment; *parked* when all slots of its host are taken; *idle* when it has nothing to give
until one of its claims ends or a commit brings more. It is *busy* while something of it is claimed.
A host's pace is shared by all its origins.

Invariants.
- Every loaded origin is in exactly one of these states, and stands in the ring exactly once while turning.
- A claimed row's id stays in `claimed` until it is committed or released, so that a reload never offers it twice.
- A busy origin is never dropped.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawler.frontier.rows import QueueRow
from crawler.frontier.store import OriginRow
from crawler.politeness import Pace


class State(enum.Enum):
    TURNING = "turning"
    TIMED = "timed"
    PARKED = "parked"
    IDLE = "idle"


@dataclass(slots=True, eq=False)
class OriginQueue:
    """One loaded origin: the next rows of its queue, and what of it is in flight."""

    row: OriginRow
    pace: Pace
    urls: deque[QueueRow] = field(default_factory=deque)
    claimed: set[int] = field(default_factory=set)
    loaded: bool = False
    """True when `urls` are the next rows of the store; False asks for a reload."""
    next_due: float | None = None
    """When its next waiting row is due, if it has one."""
    robots_in_flight: bool = False
    state: State = State.IDLE
    wake_at: float = 0.0
    served: int = 0
    """Claims since it was loaded: its share before another origin takes its place."""

    def robots_needed(self, now: float) -> bool:
        expires = self.row.robots_expires
        return expires is None or expires <= now

    @property
    def busy(self) -> bool:
        return self.robots_in_flight or bool(self.claimed)


class WorkingSet:
    """The loaded origins, the paces of their hosts, and the ring in which they take turns."""

    def __init__(self) -> None:
        self.origins: dict[int, OriginQueue] = {}
        self._hosts: dict[str, list[OriginQueue]] = {}
        self._ring: deque[OriginQueue] = deque()
        self._timed: list[tuple[float, int, OriginQueue]] = []
        self._tick = 0
        self._parked: dict[str, list[OriginQueue]] = {}
        self.restricted = False
        """True when not every queued row may be given, so that queue lengths say little."""

    def __len__(self) -> int:
        return len(self.origins)

    def add(self, origin: OriginQueue) -> None:
        self.origins[origin.row.id] = origin
        self._hosts.setdefault(origin.pace.name, []).append(origin)
        self.turn(origin)

    def drop(self, origin: OriginQueue) -> bool:
        """Forgets an origin that is idle or timed. True if it was the last of its host, whose pace is gone with it."""
        origin.state = State.IDLE  # so its timer, if it has one, is void
        del self.origins[origin.row.id]
        others = self._hosts[origin.pace.name]
        others.remove(origin)
        if not others:
            del self._hosts[origin.pace.name]
        return not others

    def pace(self, host: str) -> Pace | None:
        """The pace of a host that has a loaded origin."""
        origins = self._hosts.get(host)
        return origins[0].pace if origins else None

    def hosts(self) -> Iterator[list[OriginQueue]]:
        """The loaded origins, host by host."""
        yield from self._hosts.values()

    def longest_waiting(self, now: float, count: int) -> list[OriginQueue]:
        """Timed origins that are not busy, those with the longest wait still before them first."""
        waiting = [o for o in self.origins.values() if o.state is State.TIMED and o.wake_at > now and not o.busy]
        return heapq.nlargest(count, waiting, key=lambda origin: origin.wake_at)

    def turn(self, origin: OriginQueue) -> None:
        """Puts the origin at the end of the ring, wherever it stood before."""
        if origin.state is not State.TURNING:
            if origin.state is State.PARKED:
                self._parked[origin.pace.name].remove(origin)
            origin.state = State.TURNING
            self._ring.append(origin)

    def take(self, now: float) -> OriginQueue | None:
        """The origin whose turn it is, out of the ring, or None; those that must wait are set aside on the way.

        One that may have nothing to give is not set aside: a crawl must not wait for it before it ends."""
        self._wake(now)
        while self._ring:
            origin = self._ring.popleft()
            origin.state = State.IDLE
            ready = origin.pace.ready_at()
            if ready == float("inf"):
                origin.state = State.PARKED
                self._parked.setdefault(origin.pace.name, []).append(origin)
            elif ready > now and (origin.urls or self._has_more(origin)):
                self.set_timer(origin, ready)
            else:
                return origin
        return None

    def _has_more(self, origin: OriginQueue) -> bool:
        return not self.restricted and origin.row.queued > len(origin.claimed)

    def set_timer(self, origin: OriginQueue, moment: float) -> None:
        """Sets an idle origin aside until then."""
        origin.state, origin.wake_at = State.TIMED, moment
        self._tick += 1
        heapq.heappush(self._timed, (moment, self._tick, origin))

    def slot_free(self, pace: Pace) -> None:
        """One of the host's fetches ended: its parked origins may take turns again."""
        for origin in self._parked.pop(pace.name, ()):
            origin.state = State.IDLE
            self.turn(origin)

    def sooner(self, pace: Pace) -> None:
        """The host may be asked sooner than it was thought: its timed origins look again."""
        for origin in self._hosts[pace.name]:
            if origin.state is State.TIMED:
                self.turn(origin)

    def next_wake(self) -> float | None:
        """The next moment at which a timed origin may be asked."""
        while self._timed and self._stale(self._timed[0]):
            heapq.heappop(self._timed)
        return self._timed[0][0] if self._timed else None

    @property
    def turning(self) -> bool:
        return bool(self._ring)

    def _wake(self, now: float) -> None:
        while self._timed and (self._timed[0][0] <= now or self._stale(self._timed[0])):
            entry = heapq.heappop(self._timed)
            if not self._stale(entry):
                self.turn(entry[2])

    @staticmethod
    def _stale(entry: tuple[float, int, OriginQueue]) -> bool:
        moment, _, origin = entry
        return origin.state is not State.TIMED or origin.wake_at != moment
