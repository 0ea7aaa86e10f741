"""Who is told of an outcome: callbacks with their parameters, sync or async. What one of them raises harms nobody."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crawler.model import Outcome

log = logging.getLogger(__name__)
LAST_WORDS = 1.0
"""Seconds that callbacks get when the crawl was told twice to stop."""


@dataclass(frozen=True, slots=True)
class Callback:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Teller:
    """Calls every callback once an outcome; counts and reports what they raise, with the URL."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []
        self._running: set[asyncio.Task[None]] = set()
        self.errors = 0

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """`function(outcome, *args, **kwargs)` from now on; a coroutine function is run as a task."""
        self._callbacks.append(Callback(function, args, kwargs))

    def tell(self, outcome: Outcome) -> None:
        for callback in self._callbacks:
            try:
                result = callback.function(outcome, *callback.args, **callback.kwargs)
            except Exception as error:
                self._report(outcome, error)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(self._await(outcome, result))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _await(self, outcome: Outcome, result: Any) -> None:
        try:
            await result
        except Exception as error:
            self._report(outcome, error)

    def _report(self, outcome: Outcome, error: Exception) -> None:
        self.errors += 1
        log.error("%s: a callback raised", outcome.url, exc_info=error)

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
