"""From the frontier to running visits: one task a URL, started only when a slot is held and a URL may be fetched.

A visit is in one of two stages: *asking* (it may be cancelled: its URL is released and queued as before) and *handing
over* (it has a capture: that is never dropped, whatever is cancelled, unless the archiver is dead).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from crawler.capture import Capture
from crawler.clock import Clock
from crawler.concurrency.handoff import Handoff, HandoffClosed
from crawler.concurrency.shielded import finish
from crawler.concurrency.taskqueue import Ending, Result, TaskQueue
from crawler.disk import DiskGuard, may_pass
from crawler.errors import ArchiverDied, DiskFailed
from crawler.frontier import Readiness, WorkQueue
from crawler.limits import REQUISITES_ONLY, Limits
from crawler.model import CrawlURL
from crawler.tally import Tally
from crawler.visit import Visitor

log = logging.getLogger(__name__)


class Source(Protocol):
    """Who may bring more when nothing is left to do."""

    async def more(self) -> bool:
        """Waits for more. False when there will be none, and nothing more is taken from then on."""

    def look_again(self) -> None:
        """Makes `more` return True."""


@dataclass(slots=True, eq=False)
class _Claim:
    """A URL for one visit. The same URL may be claimed again before this visit's end is told."""

    url: CrawlURL
    visited: bool = False
    """True once the visit has taken its first step."""


class Dispatcher:
    """Runs until nothing is left and nothing more will come, a limit is reached, or `stop`."""

    def __init__(
        self,
        frontier: WorkQueue,
        visitor: Visitor,
        handoff: Handoff[Capture],
        guard: DiskGuard,
        limits: Limits,
        tally: Tally,
        clock: Clock,
        concurrency: int,
        on_interrupted: Callable[[CrawlURL], None],
        on_error: Callable[[], None] = lambda: None,
        source: Source | None = None,
    ) -> None:
        self._frontier, self._visitor, self._handoff, self._guard = frontier, visitor, handoff, guard
        self._limits, self._tally, self._clock = limits, tally, clock
        self._on_interrupted, self._on_error = on_interrupted, on_error
        self._queue: TaskQueue[None] = TaskQueue(concurrency, on_error=self._report)
        self._started = clock.time()
        self._stopping = False
        self._going = asyncio.Event()
        self._going.set()
        self._source = source
        self._releases: set[asyncio.Task[None]] = set()
        self.error: BaseException | None = None
        self.limit: str | None = None
        """The limit that was reached, in words."""

    @property
    def in_flight(self) -> int:
        return self._queue.running

    def stop(self) -> None:
        """No new visits."""
        self._stopping = True
        self._going.set()
        self.look_again()

    def look_again(self) -> None:
        """Looks once more whether there is something to do, or a limit is reached."""
        self._frontier.wake()
        if self._source is not None:
            self._source.look_again()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self) -> None:
        """No new visits before `resume`; those that run go on."""
        if not self._stopping:
            self._going.clear()

    def resume(self) -> None:
        self._going.set()

    @property
    def concurrency(self) -> int:
        return self._queue.limit

    @concurrency.setter
    def concurrency(self, limit: int) -> None:
        self._queue.limit = limit

    async def run(self) -> None:
        """Starts visits until there is nothing more to start. Raises OutOfDisk, LedgerError."""
        while True:
            await self._queue.slot()
            url = await self._next()
            if url is None:
                return
            self._tally.claimed(url)
            claim = _Claim(url)
            self._queue.start(self._visit(claim), self._ended, claim)

    async def join(self) -> None:
        """Waits for the visits that run."""
        await self._queue.join()
        while self._releases:
            await asyncio.wait(self._releases)

    async def abort(self) -> None:
        """Cancels the visits that are still asking."""
        self.stop()
        await self._queue.abort()

    async def _next(self) -> CrawlURL | None:
        """The next URL to visit, waiting for one; None when there is none or none shall be."""
        while not self._stopping:
            await self._going.wait()
            if self._limit_reached():
                return None
            await self._guard.room()
            claimed = await self._frontier.claim(1)
            if claimed:
                await self._going.wait()
                return await self._keep_or_release(claimed[0])
            if self._queue.running == 0:
                self._handoff.hurry()
            if await self._frontier.wait() is Readiness.EMPTY:
                asked_for = self._tally.restricted
                self._limit_reached()
                if self._tally.restricted != asked_for:
                    continue  # a page in flight became none meanwhile: so another one may be asked for
                if self.limit is not None or self._source is None or not await self._source.more():
                    return None
        return None

    async def _keep_or_release(self, url: CrawlURL) -> CrawlURL | None:
        if not self._stopping:
            return url
        self._frontier.fetched(url)
        await self._frontier.release([url])
        return None

    def _limit_reached(self) -> bool:
        counts = self._tally.counts
        elapsed = self._clock.time() - self._started
        reached = self._limits.reached(counts, self._tally.bytes_in_flight, elapsed)
        left = self._limits.pages_left(counts, self._tally.pages_in_flight)
        self._tally.restrict(self._frontier, REQUISITES_ONLY if left == 0 else None)
        if reached is not None:
            self.limit = reached
        elif left == 0 and self._tally.pages_in_flight == 0:
            self.limit = self._limits.no_more_pages
        return reached is not None

    async def _visit(self, claim: _Claim) -> None:
        url = claim.url
        capture: Capture | None = None
        claim.visited = True
        try:
            capture = await self._visitor.visit(url)
        except OSError as error:
            if not may_pass(error):
                raise DiskFailed(f"the local disk failed while receiving {url.url}: {error}") from error
            log.warning("%s: to be fetched again: %s", url.url, error)
            self._guard.refused(error)
        finally:
            self._frontier.fetched(url, None if capture is None else capture.host)
            if capture is None:
                await self._let_go(url)
        if capture is None:
            return
        self._tally.fetched(capture)
        try:
            if not self._handoff.offer(capture):
                # Captured is captured: a cancel does not take it back.
                await finish(self._handoff.put(capture), name="handing over")
        except (ArchiverDied, HandoffClosed):
            capture.free()
            raise

    async def _let_go(self, url: CrawlURL) -> None:
        """The visit brought nothing: the URL is queued as before, and whoever waits for it is told."""
        self._tally.released(url)
        await finish(self._frontier.release([url]), name="release")
        self._on_interrupted(url)

    def _ended(self, result: Result[None], claim: _Claim) -> None:
        url = claim.url
        if result.ending is Ending.CANCELLED and not claim.visited:
            # Cancelled before its first step: nothing of `_visit` ran, its `finally` neither.
            self._frontier.fetched(url)
            task = asyncio.get_running_loop().create_task(self._let_go(url), name="letting go")
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)
        if result.error is not None and not isinstance(result.error, ArchiverDied | HandoffClosed):
            self._report(url.url, result.error)
        if self._queue.running == 0:
            self._handoff.hurry()

    def _report(self, name: str, error: BaseException) -> None:
        """A fault of the program's own or of its disk: the crawl ends by it."""
        log.error("%s: the crawl ends by an error", name, exc_info=error)
        if self.error is None:
            self.error = error
        self.stop()
        self._on_error()
