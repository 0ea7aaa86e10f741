"""The working set: which origins are in memory, whose turn it is, and what may be claimed now. No I/O, no clock.

Terms. An origin is *turning* when it may have something to give now and waits its turn in the ring; *timed* when it
must not be asked before a moment; *barred* when all slots of its host are taken; *queued* when it waits for the
address that it shares (see sharing.py); *idle* when it has nothing to give until one of its claims ends or a commit
brings more. It is *busy* while something of it is claimed. A host's pace is shared by all its origins.

Invariants.
- Every loaded origin is in exactly one of these states, and stands in the ring exactly once while turning.
- A claimed row's id stays in `claimed` until it is committed or released, so that a reload never offers it twice.
- A busy origin is never dropped.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence

from crawler.frontier.originqueue import OriginQueue, State
from crawler.frontier.sharing import Line, Lines
from crawler.politeness import Address, Pace, Start


class WorkingSet:
    """The loaded origins, the paces of their hosts, and the ring in which they take turns."""

    def __init__(self) -> None:
        self.origins: dict[int, OriginQueue] = {}
        self._hosts: dict[str, list[OriginQueue]] = {}
        self._ring: deque[OriginQueue] = deque()
        self._timed: list[tuple[float, int, OriginQueue]] = []
        self._tick = 0
        self._barred: dict[str, list[OriginQueue]] = {}
        self.lines = Lines()
        self.restricted = False
        """True when not every queued row may be given, so that queue lengths say little."""

    def __len__(self) -> int:
        return len(self.origins)

    def add(self, origin: OriginQueue) -> None:
        self.origins[origin.row.id] = origin
        self._hosts.setdefault(origin.pace.name, []).append(origin)
        self.turn(origin)

    def drop(self, origin: OriginQueue) -> bool:
        """Forgets an origin that is idle, timed or queued. True if it was the last of its host, whose pace is gone with
        it."""
        if origin.state is State.QUEUED:
            self.lines.leave(origin)
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

    def of_host(self, host: str) -> Sequence[OriginQueue]:
        """The host's loaded origins."""
        return self._hosts.get(host, ())

    def hosts(self) -> Iterator[list[OriginQueue]]:
        """The loaded origins, host by host."""
        yield from self._hosts.values()

    def longest_waiting(self, now: float, count: int) -> list[OriginQueue]:
        """Timed and queued origins that are not busy, those with the longest wait still before them first."""
        put_off = (State.TIMED, State.QUEUED)
        waiting = [o for o in self.origins.values() if o.state in put_off and o.wake_at > now and not o.busy]
        return heapq.nlargest(count, waiting, key=lambda origin: origin.wake_at)

    def turn(self, origin: OriginQueue) -> None:
        """Puts the origin at the end of the ring, wherever it stood before."""
        if origin.state is not State.TURNING:
            if origin.state is State.BARRED:
                self._barred[origin.pace.name].remove(origin)
            elif origin.state is State.QUEUED:
                self.lines.leave(origin)
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
                origin.state = State.BARRED
                self._barred.setdefault(origin.pace.name, []).append(origin)
            elif ready > now and (origin.urls or self._has_more(origin)):
                self.set_timer(origin, ready)
            elif self.lines.must_wait(origin, now) and (origin.urls or self._has_more(origin)):
                self.had_turn(origin, now)
                origin.state, origin.wake_at = State.QUEUED, self.lines.join(origin, now)
                self._offer(origin.line, now)
                continue
            else:
                return origin
            self.had_turn(origin, now)
        return None

    def had_turn(self, origin: OriginQueue, now: float) -> None:
        """To be called after each `take`: whoever queues for the same address comes next."""
        self._offer(self.lines.withdraw(origin), now)

    def _offer(self, line: Address | None, now: float) -> None:
        if isinstance(line, Line) and (following := self.lines.offer(line, now)) is not None:
            following.state = State.TURNING
            self._ring.append(following)

    def _has_more(self, origin: OriginQueue) -> bool:
        return not self.restricted and origin.row.queued > len(origin.claimed)

    def set_timer(self, origin: OriginQueue, moment: float) -> None:
        """Sets an idle origin aside until then."""
        origin.state, origin.wake_at = State.TIMED, moment
        self._tick += 1
        heapq.heappush(self._timed, (moment, self._tick, origin))

    def ended(self, pace: Pace, start: Start | None, now: float) -> None:
        """One of the host's fetches is over: its barred origins may take turns again, or others of its address."""
        pace.ended(start)
        for origin in self._barred.pop(pace.name, ()):
            origin.state = State.IDLE
            self.turn(origin)
        if start is not None:
            self._offer(start.address, now)

    def look_again(self, pace: Pace) -> None:
        """What may be asked of the host has changed."""
        for origin in self._hosts[pace.name]:
            if origin.state in (State.TIMED, State.BARRED):
                self.turn(origin)

    @property
    def held(self) -> bool:
        """Whether a paused host has something to give."""
        return any(
            origin.pace.paused and (origin.urls or self._has_more(origin))
            for origins in self._barred.values()
            for origin in origins
        )

    def sooner(self, pace: Pace) -> None:
        """The host may be asked sooner than it was thought: its timed origins look again."""
        for origin in self._hosts[pace.name]:
            if origin.state is State.TIMED:
                self.turn(origin)

    def next_wake(self) -> float | None:
        """The next moment at which a timed origin may be asked, or an address for which somebody queues."""
        while self._timed and self._stale(self._timed[0]):
            heapq.heappop(self._timed)
        moments = [self._timed[0][0] if self._timed else None, self.lines.next_wake()]
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def turning(self) -> bool:
        return bool(self._ring)

    def _wake(self, now: float) -> None:
        while self._timed and (self._timed[0][0] <= now or self._stale(self._timed[0])):
            entry = heapq.heappop(self._timed)
            if not self._stale(entry):
                self.turn(entry[2])
        for line in self.lines.due(now):
            self._offer(line, now)

    @staticmethod
    def _stale(entry: tuple[float, int, OriginQueue]) -> bool:
        moment, _, origin = entry
        return origin.state is not State.TIMED or origin.wake_at != moment
