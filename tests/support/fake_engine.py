"""An engine that crawls nothing: it tells what it was asked and ends as it was told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from crawler.config import CrawlConfig
from crawler.model import Outcome
from crawler.progress import Progress, Summary
from tests.support.progress import busy


@dataclass
class FakeEngine:
    """Called with a configuration, as the command line calls the real engine; then it is the running crawl."""

    summary: Summary = field(default_factory=lambda: Summary(Path("x"), seeds=1, seeds_answered=1, finished=True))
    outcomes: Sequence[Outcome] = ()
    error: BaseException | None = None
    opening_error: BaseException | None = None
    while_opening: Callable[[], None] | None = None
    """Called inside the opening, which then waits until it is cancelled."""
    while_running: Callable[[], None] | None = None
    """Called once the crawl runs, which then goes on until it is stopped."""
    when_stopped: Callable[[], None] | None = None
    """Called at the stop, after which the crawl goes on until it is aborted."""
    config: CrawlConfig | None = None
    events: list[str] = field(default_factory=list)
    _callbacks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=list)

    def __call__(self, config: CrawlConfig) -> Self:
        self.config = config
        self.summary = replace(self.summary, directory=Path(config.output))
        return self

    async def __aenter__(self) -> Self:
        self._end = asyncio.Event()
        if self.opening_error is not None:
            raise self.opening_error
        if self.while_opening is not None:
            self.while_opening()
            await asyncio.Event().wait()
        self.events.append("open")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.events.append("close")

    def add_done_callback(self, function: Callable[..., Any], *args: Any) -> None:
        self._callbacks.append((function, args))

    async def wait(self) -> Summary:
        for outcome in self.outcomes:
            for function, args in self._callbacks:
                function(outcome, *args)
        if self.while_running is not None:
            self.while_running()
            await self._end.wait()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.summary

    def stop(self) -> None:
        self.events.append("stop")
        if self.when_stopped is None:
            self._end.set()
        else:
            self.when_stopped()

    def abort(self) -> None:
        self.events.append("abort")
        self._end.set()

    def progress(self) -> Progress:
        return busy(elapsed=1.0)
