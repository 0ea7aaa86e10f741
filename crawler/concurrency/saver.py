"""Saving strictly in order with double buffering: batch n is being saved while batch n+1 is being collected.

At most one save is in flight; the next one first waits for it. Each save runs as a task of its own, so that cancelling
the collector never leaves a save half done. The first failure is final: everything later raises it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from crawler.concurrency.shielded import finish, outlast

T = TypeVar("T")


class OrderedSaver(Generic[T]):
    """`save(batch)` returns as soon as the previous batch is saved and this one is on its way."""

    def __init__(
        self,
        save: Callable[[T], Awaitable[None]],
        *,
        name: str = "save",
        on_failure: Callable[[BaseException], object] = lambda error: None,
    ) -> None:
        """`on_failure` hears of a save that failed or was cancelled when it ends, not only when somebody asks."""
        self._save, self._name, self._on_failure = save, name, on_failure
        self._flight: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self.saved = 0
        """Batches saved so far."""

    @property
    def in_flight(self) -> bool:
        return self._flight is not None and not self._flight.done()

    async def save(self, batch: T) -> None:
        """Waits for the previous save, then starts this one. Raises the error of the first save that failed."""
        await self._settle()
        self._flight = asyncio.get_running_loop().create_task(self._run(batch), name=f"{self._name} {self.saved + 1}")
        self._flight.add_done_callback(self._ended)

    async def drain(self) -> None:
        """Waits for the save in flight, through any number of cancels."""
        await self._settle()

    async def outlast(self) -> None:
        """Waits for the save in flight whatever its end, through any number of cancels. Raises nothing."""
        if self._flight is not None:
            await outlast(self._flight)
            if not self._flight.cancelled():
                self._error = self._error or self._flight.exception()

    async def _settle(self) -> None:
        if self._error is not None:
            raise self._error
        flight = self._flight
        if flight is None:
            return
        try:
            await finish(flight, name=self._name)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._error = error
            raise
        self._flight = None

    def _ended(self, flight: asyncio.Task[None]) -> None:
        error = asyncio.CancelledError() if flight.cancelled() else flight.exception()
        if error is not None:
            self._on_failure(error)

    async def _run(self, batch: T) -> None:
        await self._save(batch)
        self.saved += 1
