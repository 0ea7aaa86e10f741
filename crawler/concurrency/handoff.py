"""A bounded hand-off from many producers to one consumer, in items and in bytes, that fails instead of hanging.

Terms. *weight*: the bytes of memory an item holds. *failed*: the consumer is gone; every put raises its error.

Invariants.
- items <= max_items, and weight <= max_weight unless one item alone is heavier (it is let in when nothing else is).
- Items leave in the order in which their puts were admitted.
- A put that raises left nothing behind; a put that returned will be taken, or `leftover` gives the item back.
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
        self._putters: deque[asyncio.Future[None]] = deque()
        self._arrived = asyncio.Event()
        self._hurried = asyncio.Event()
        self._closed = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def weight(self) -> int:
        """Bytes held by the items inside."""
        return self._weight

    def __repr__(self) -> str:
        state = "failed" if self._error else "closed" if self._closed else "open"
        return f"<Handoff {state} items={len(self._items)} weight={self._weight} waiting={len(self._putters)}>"

    def offer(self, item: T) -> bool:
        """Gives the item over if there is room at once. Raises the consumer's error, or HandoffClosed."""
        return self._admit(item, self._weigh(item))

    def _admit(self, item: T, weight: int) -> bool:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise HandoffClosed
        if not self._fits(weight):
            return False
        self._items.append((item, weight))
        self._weight += weight
        self._arrived.set()
        if self._putters:
            self._wake_putter()
        return True

    async def put(self, item: T) -> None:
        """Waits for room and gives the item over. Raises the consumer's error, or HandoffClosed."""
        weight = self._weigh(item)
        while not self._admit(item, weight):
            room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._putters.append(room)
            try:
                await room
            except BaseException:
                if room in self._putters:
                    self._putters.remove(room)
                elif self._error is None:
                    self._wake_putter()  # woken and cancelled at once: the room goes to the next
                raise

    def _fits(self, weight: int) -> bool:
        return len(self._items) < self._max_items and (not self._items or self._weight + weight <= self._max_weight)

    def _wake_putter(self) -> None:
        while self._putters:
            room = self._putters.popleft()
            if not room.done():
                room.set_result(None)
                return

    def hurry(self) -> None:
        """Nobody is about to put more: the consumer need not wait to fill its batch."""
        self._hurried.set()

    async def take(self, max_items: int, max_weight: int, linger: float) -> list[T]:
        """The next batch in order: what is there, after up to `linger` seconds for it to fill; [] at the end."""
        while not self._items:
            if self._error is not None:
                raise self._error
            if self._closed:
                return []
            self._arrived.clear()
            self._hurried.clear()
            await self._arrived.wait()
        if len(self._items) < max_items and self._weight < max_weight and not self._closed:
            await self._linger(linger, max_items, max_weight)
        batch: list[T] = []
        weight = 0
        while self._items and len(batch) < max_items and (not batch or weight + self._items[0][1] <= max_weight):
            item, size = self._items.popleft()
            batch.append(item)
            weight += size
        self._weight -= weight
        self._wake_putter()
        return batch

    async def _linger(self, seconds: float, max_items: int, max_weight: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        timer = loop.call_later(seconds, self._hurried.set)
        try:
            while not self._hurried.is_set() and not self._closed and loop.time() < deadline:
                if len(self._items) >= min(max_items, self._max_items) or self._weight >= max_weight or self._putters:
                    break
                self._arrived.clear()
                waits = [asyncio.ensure_future(self._arrived.wait()), asyncio.ensure_future(self._hurried.wait())]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
        finally:
            timer.cancel()
            self._hurried.clear()

    def close(self) -> None:
        """No more puts; the consumer takes what is left and then gets []."""
        self._closed = True
        self._arrived.set()
        self._hurried.set()
        while self._putters:
            self._wake_putter()

    def fail(self, error: BaseException) -> None:
        """The consumer died: every waiting and every later put raises `error` at once; so does a take of nothing."""
        if self._error is None:
            self._error = error
        self._arrived.set()
        self._hurried.set()
        while self._putters:
            room = self._putters.popleft()
            if not room.done():
                room.set_exception(self._error)

    def leftover(self) -> list[T]:
        """Takes out whatever nobody will consume any more."""
        items = [item for item, _ in self._items]
        self._items.clear()
        self._weight = 0
        return items
