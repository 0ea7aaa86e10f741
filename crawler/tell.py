"""Who is told of an outcome: callbacks with their parameters, sync or async. What one of them raises harms nobody.

Terms. A callback is *behind* while as many of its calls run as may: what it has not heard yet, it will hear from the
ledger, in order. So a slow callback neither piles up calls nor slows the crawl or another callback down.

Invariants. A callback hears of an outcome at most once, and of outcomes in the order of the archive.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from crawler.model import Outcome

log = logging.getLogger(__name__)
LAST_WORDS = 1.0
"""Seconds that callbacks get when the crawl was told twice to stop."""
IN_FLIGHT = 100
"""Calls of one asynchronous callback that run at a time."""

ReadOutcomes = Callable[[int], Awaitable[list[Outcome]]]
"""The ledger's next outcomes after a seq."""


@dataclass(slots=True, eq=False)
class Callback:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    running: set[asyncio.Task[None]] = field(default_factory=set)
    behind: bool = False
    told: int = 0
    """The last seq it heard of; kept while it is behind."""
    latest: int = 0
    """The last seq it is to hear of; kept while it is behind."""


class Teller:
    """Calls every callback once an outcome; counts and reports what they raise, with the URL."""

    def __init__(self, read: ReadOutcomes | None = None, *, in_flight: int = IN_FLIGHT) -> None:
        """Without `read` nobody is ever behind."""
        self._read, self._most = read, in_flight
        self._callbacks: list[Callback] = []
        self._running: set[asyncio.Task[None]] = set()
        """Calls of callbacks, and tasks in which one catches up."""
        self.errors = 0

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """`function(outcome, *args, **kwargs)` from now on; a coroutine function is run as a task."""
        self._callbacks.append(Callback(function, args, kwargs))

    def tell(self, outcome: Outcome) -> None:
        """Tells of an outcome that is in the ledger, or of an interrupted one, which never will be."""
        for callback in self._callbacks:
            if outcome.seq == 0 or self._read is None:
                self._call(callback, outcome)
            elif callback.behind:
                callback.latest = outcome.seq
            elif len(callback.running) < self._most:
                self._call(callback, outcome)
            else:
                callback.behind, callback.told, callback.latest = True, outcome.seq - 1, outcome.seq
                self._start(self._catch_up(callback, self._read), self._running)

    def _call(self, callback: Callback, outcome: Outcome) -> None:
        try:
            result = callback.function(outcome, *callback.args, **callback.kwargs)
        except Exception as error:
            self._report(outcome.url, error)
            return
        if inspect.isawaitable(result):
            self._start(self._await(outcome, result), self._running, callback.running)

    def _start(self, work: Any, *sets: set[asyncio.Task[None]]) -> None:
        task = asyncio.ensure_future(work)
        for each in sets:
            each.add(task)
            task.add_done_callback(each.discard)

    async def _await(self, outcome: Outcome, result: Any) -> None:
        try:
            await result
        except Exception as error:
            self._report(outcome.url, error)

    async def _catch_up(self, callback: Callback, read: ReadOutcomes) -> None:
        """Tells what the callback missed as its calls end, until it is up to date."""
        try:
            while callback.told < callback.latest:
                for outcome in await read(callback.told):
                    while len(callback.running) >= self._most:
                        await asyncio.wait(callback.running, return_when=asyncio.FIRST_COMPLETED)
                    callback.told = outcome.seq
                    callback.latest = max(callback.latest, outcome.seq)
                    self._call(callback, outcome)
            callback.behind = False
        except Exception as error:
            self._report("the ledger", error)

    def _report(self, url: str, error: Exception) -> None:
        self.errors += 1
        log.error("%s: a callback raised", url, exc_info=error)

    async def drain(self, hurry: asyncio.Event) -> None:
        """Waits for the asynchronous callbacks that still run; once `hurry` is set only `LAST_WORDS` seconds more, then
        cancels them and says so."""
        hurried = asyncio.ensure_future(hurry.wait())
        try:
            while self._running and not hurried.done():
                await asyncio.wait([*self._running, hurried], return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_WORDS)
        if self._running:
            log.error("%d callbacks did not end in time and are cancelled", len(self._running))
            self.errors += len(self._running)
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running, timeout=LAST_WORDS)
