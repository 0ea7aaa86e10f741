"""A clock that stands still until it is told to move: for everything that waits for a time rather than an event."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

START = 1_700_000_000.0


class FakeClock:
    """Implements `crawler.clock.Clock`. `sleep` ends when the time has been moved far enough, never by itself."""

    def __init__(self, now: float = START) -> None:
        self.now = now
        self._number = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._number), woken))
        await woken

    @property
    def next_wake(self) -> float | None:
        """The moment for which the first sleeper waits; None if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Moves the time on, stopping at each sleeper on the way, so that each wakes at its own moment."""
        goal = self.now + seconds
        while (wake := self.next_wake) is not None and wake <= goal:
            self.now = max(self.now, wake)
            heapq.heappop(self._sleepers)[2].set_result(None)
            await turns()
        self.now = goal
        await turns()


async def run_by(clock: FakeClock, ended: Callable[[], bool], busy: Callable[[], bool]) -> None:
    """Moves the clock to its next sleeper whenever nobody is `busy`, until it `ended`: a crawl in the time of its own
    clock alone, whatever the machine is doing."""
    quiet = 0
    while not ended():
        await asyncio.sleep(0.001)
        quiet = 0 if busy() else quiet + 1
        wake = clock.next_wake
        # Whoever was woken by the last answer has had its turn when the loop went round a few times.
        if quiet > 3 and wake is not None:
            quiet = 0
            await clock.advance(max(0.0, wake - clock.now))


async def turns(count: int = 20) -> None:
    """Lets every other task run until it waits for something that is not the loop's next turn."""
    for _ in range(count):
        await asyncio.sleep(0)
