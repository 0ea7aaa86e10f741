"""The dispatcher's account of its claims, where one visit's end is told after the next one's beginning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from crawler.capture import Capture
from crawler.clock import SystemClock
from crawler.concurrency.handoff import Handoff
from crawler.disk import DiskGuard
from crawler.dispatch import Dispatcher
from crawler.frontier import Counts, Finished, HostReport, Readiness
from crawler.limits import Limits
from crawler.model import CrawlURL, Kind, OutcomeKind
from crawler.tally import Tally

URL = CrawlURL("http://example.com/", key=(1, 3))


class OneURL:
    """A queue of one URL, which is there again as soon as somebody is told that its visit was interrupted."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()
        self.done = asyncio.Event()
        self.releases = 0

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        if self.done.is_set() or not self.there.is_set():
            return []
        self.there.clear()
        return [URL]

    async def wait(self) -> Readiness:
        if self.done.is_set():
            return Readiness.EMPTY
        await self.there.wait()
        return Readiness.WAIT

    async def release(self, urls: Sequence[CrawlURL]) -> None:
        self.releases += 1

    def fetched(self, url: CrawlURL, report: HostReport | None = None) -> None: ...

    def restrict(self, kinds: frozenset[Kind] | None) -> None: ...

    def wake(self) -> None: ...


class CancelledOnce:
    """The first visit is cancelled, the second brings something."""

    def __init__(self, queue: OneURL) -> None:
        self.visits, self._queue = 0, queue

    async def visit(self, url: CrawlURL) -> Capture:
        self.visits += 1
        if self.visits == 1:
            raise asyncio.CancelledError
        self._queue.done.set()
        return Capture(url, Finished(OutcomeKind.EXCLUDED, "a rule"), datetime(2026, 1, 2, tzinfo=UTC))


async def test_a_url_that_is_claimed_again_before_its_cancelled_visit_is_told_is_released_once(tmp_path: Path) -> None:
    # `on_interrupted` wakes the dispatcher, so the second visit is made a task just before the first one's end is told:
    # it has not taken its first step then, and is not the one that was cancelled.
    queue = OneURL()
    visitor = CancelledOnce(queue)
    handoff: Handoff[Capture] = Handoff(8, 1 << 20, lambda capture: capture.weight)
    clock = SystemClock()
    dispatcher = Dispatcher(
        queue,
        visitor,  # type: ignore[arg-type]
        handoff,
        DiskGuard(tmp_path, 0, None, clock),
        Limits(None, None, None),
        Tally(Counts()),
        clock,
        concurrency=2,
        on_interrupted=lambda url: queue.there.set(),
    )
    async with asyncio.timeout(10):
        running = asyncio.create_task(dispatcher.run())
        await queue.done.wait()
        queue.there.set()
        await running
        await dispatcher.join()
    assert (visitor.visits, queue.releases, len(handoff)) == (2, 1, 1)
