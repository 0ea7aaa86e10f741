"""Slots that are taken and given back in turn, and whose number may change while they are in use.

Invariants.
- No slot is given while as many as the limit, or more, are taken; after the limit was lowered, until enough came back.
- Those who wait are served in the order in which they came; a cancelled wait neither takes nor loses a slot.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """A fair semaphore with a limit that can be moved."""

    def __init__(self, limit: int) -> None:
        self._limit = self._checked(limit)
        self._taken = 0
        self._line: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"<Slots taken={self._taken}/{self._limit} waiting={len(self._line)}>"

    @property
    def limit(self) -> int:
        """How many may be taken at a time."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = self._checked(limit)
        self._serve()

    @property
    def taken(self) -> int:
        return self._taken

    async def acquire(self) -> None:
        """Takes a slot, waiting for one."""
        if self._taken < self._limit and not self._line:
            self._taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        except BaseException:
            if place.cancelled():
                self._line.remove(place)
            else:
                self.release()  # it was given just before the cancel
            raise

    def release(self) -> None:
        """Gives a slot back."""
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        waiting = (place for place in list(self._line) if not place.done())
        while self._taken < self._limit and (place := next(waiting, None)) is not None:
            self._line.remove(place)
            self._taken += 1
            place.set_result(None)

    @staticmethod
    def _checked(limit: int) -> int:
        if limit < 1:
            raise ValueError(f"there must be at least one slot, not {limit}")
        return limit
