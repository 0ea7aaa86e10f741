"""A bounded hand-off from many producers to one consumer, in items and in bytes, that fails instead of hanging.

Terms. *weight*: the bytes of memory an item holds. *failed*: the consumer is gone; every put raises its error.
*line*: the puts that wait for room, in the order in which they came.

Invariants.
- items <= max_items, and weight <= max_weight unless one item alone is heavier (it is let in when nothing else is).
- Items are admitted in the order of their puts, so a heavy one is not passed for ever by light ones, and they leave in
  the order in which they were admitted. Whoever offers while others stand in line is refused.
- A put that raises left nothing behind; a put that returned will be taken, or `leftover` gives the item back.
- While there is room for the first in line, it is on its way in: no wake-up is lost, whoever is cancelled when.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class HandoffClosed(Exception):
    """The producer side was closed: nothing more is taken in."""


class Handoff(Generic[T]):
    """Bounded queue for one consumer that takes batches."""

    def __init__(self, max_items: int, max_weight: int, weigh: Callable[[T], int]) -> None:
        self._max_items, self._max_weight, self._weigh = max_items, max_weight, weigh
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._line: deque[tuple[asyncio.Event, int]] = deque()
        """Each waiting put: what wakes it, and its weight."""
        self._ready = asyncio.Event()
        """Wakes the consumer: there is as much as it waits for, or no reason to wait."""
        self._goal: tuple[int, int] | None = None
        """Items and weight that the consumer would like to have; None while any item will do."""
        self._hurried = self._closed = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def weight(self) -> int:
        """Bytes held by the items inside."""
        return self._weight

    def __repr__(self) -> str:
        state = "failed" if self._error else "closed" if self._closed else "open"
        return f"<Handoff {state} items={len(self._items)} weight={self._weight} waiting={len(self._line)}>"

    # -- producers ---------------------------------------------------------------------------------------------

    def offer(self, item: T) -> bool:
        """Gives the item over if there is room at once. Raises the consumer's error, or HandoffClosed."""
        return self._enter(item, self._weigh(item))

    def _enter(self, item: T, weight: int) -> bool:
        self._check_open()
        if self._line or not self._fits(weight):
            return False
        self._admit(item, weight)
        return True

    async def put(self, item: T) -> None:
        """Waits for room and gives the item over. Raises the consumer's error, or HandoffClosed."""
        weight = self._weigh(item)
        if self._enter(item, weight):
            return
        place = (asyncio.Event(), weight)
        self._line.append(place)
        self._wake_consumer()  # it need not wait for more than there is room for
        try:
            while True:
                await place[0].wait()
                self._check_open()
                if self._fits(weight):
                    break
                place[0].clear()
        except BaseException:
            self._line.remove(place)
            self._wake_first()
            raise
        self._line.remove(place)
        self._admit(item, weight)
        self._wake_first()

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise HandoffClosed

    def _fits(self, weight: int) -> bool:
        return len(self._items) < self._max_items and (not self._items or self._weight + weight <= self._max_weight)

    def _admit(self, item: T, weight: int) -> None:
        self._items.append((item, weight))
        self._weight += weight
        self._hurried = False
        self._wake_consumer()

    def _wake_first(self) -> None:
        """Lets the first in line in if there is room for it; it will do the same for the next."""
        if self._line and self._fits(self._line[0][1]):
            self._line[0][0].set()

    # -- the consumer ------------------------------------------------------------------------------------------

    async def take(self, max_items: int, max_weight: int, linger: float) -> list[T]:
        """The next batch in order: what is there, after up to `linger` seconds for it to fill; [] at the end.

        An item heavier than `max_weight` is a batch of its own. Raises the error of `fail` when nothing is left."""
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._closed:
                return []
            await self._wait_for(None)
        if linger > 0:
            await self._linger(max_items, max_weight, linger)
        batch: list[T] = []
        weight = 0
        while self._items and len(batch) < max_items and (not batch or weight + self._items[0][1] <= max_weight):
            item, size = self._items.popleft()
            batch.append(item)
            weight += size
        self._weight -= weight
        self._wake_first()
        return batch

    async def _linger(self, max_items: int, max_weight: int, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self.hurry)
        try:
            await self._wait_for((min(max_items, self._max_items), max_weight))
        finally:
            timer.cancel()

    async def _wait_for(self, goal: tuple[int, int] | None) -> None:
        self._goal = goal
        self._ready.clear()
        self._wake_consumer()
        await self._ready.wait()

    def _wake_consumer(self) -> None:
        if self._goal is None:
            enough = bool(self._items)
        else:
            items, weight = self._goal
            full = len(self._items) >= items or self._weight >= weight
            enough = full or self._hurried or bool(self._line)
        if enough or self._closed or self._error is not None:
            self._ready.set()

    def hurry(self) -> None:
        """Nobody is about to put more: the consumer need not wait to fill its batch."""
        self._hurried = True
        self._wake_consumer()

    # -- the end -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """No more puts; the consumer takes what is left and then gets []."""
        self._closed = True
        self._wake_all()

    def fail(self, error: BaseException) -> None:
        """The consumer died: every waiting and every later put raises `error` at once; so does a take of nothing."""
        if self._error is None:
            self._error = error
        self._wake_all()

    def _wake_all(self) -> None:
        self._wake_consumer()
        for place, _ in self._line:
            place.set()

    def leftover(self) -> list[T]:
        """Takes out whatever nobody will consume any more."""
        items = [item for item, _ in self._items]
        self._items.clear()
        self._weight = 0
        self._wake_first()
        return items
