"""The parts at work: what is started and stopped, in which order, and what ends a crawl before its time.

run     the dispatcher claims and starts visits; the archiver writes; commits are told
end     no new claims; visits end or are cancelled after their grace; the hand-off closes; the archiver flushes and
        seals
"""

from __future__ import annotations

import asyncio
from typing import Any

from crawler.assembly import Events, Parts, assemble
from crawler.clock import Clock
from crawler.concurrency.shielded import outlast
from crawler.config import CrawlConfig
from crawler.errors import ArchiverDied, OutOfDisk
from crawler.hooks import Hooks
from crawler.opening import Opened


class Pipeline:
    """Runs once. `stop`, `abort` and `abandon` may be called at any time."""

    def __init__(
        self,
        opened: Opened,
        config: CrawlConfig,
        clock: Clock,
        events: Events,
        *,
        hooks: Hooks | None = None,
        most_pending: int,
    ) -> None:
        self._opened, self._config, self._clock = opened, config, clock
        self.parts: Parts = assemble(
            opened, config, clock, events, on_trouble=self._trouble_ahead, hooks=hooks, most_pending=most_pending
        )
        self.aborted = asyncio.Event()
        self.stopped_by: str | None = None
        self.trouble: OutOfDisk | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._archiver_task: asyncio.Task[None]

    async def run(self) -> None:
        """Raises what ended the crawl, unless that can be resumed from."""
        parts = self.parts
        self._archiver_task = asyncio.get_running_loop().create_task(parts.archiver.run(), name="archiver")
        self._archiver_task.add_done_callback(self._archiver_ended)
        if self._config.max_time is not None:
            self._chore(self._end_in_time(self._config.max_time))
        failure: BaseException | None = None
        try:
            await parts.dispatcher.run()
        except OutOfDisk as error:
            self._out_of_disk(error)
        except BaseException as error:
            failure = error
            self.abandon()
        parts.intake.close("the crawl is ending")
        visits = asyncio.get_running_loop().create_task(parts.dispatcher.join(), name="visits")
        await outlast(visits, self.abandon)
        parts.handoff.close()
        await outlast(self._archiver_task)
        _raise_first(self._archiver_failure(), parts.dispatcher.error, failure)

    def stop(self, why: str) -> None:
        """No new fetches; those in flight get the grace time; everything received is flushed."""
        if self.stopped_by is None:
            self.stopped_by = why
            self.parts.intake.close(why)
            self.parts.dispatcher.stop()
            self._opened.guard.give_up()
            self._chore(self._abort_later())

    def abandon(self) -> None:
        """Cancels the fetches in flight."""
        if not self.aborted.is_set():
            self.aborted.set()
            self._chore(self.parts.dispatcher.abort())

    async def end_chores(self) -> None:
        """Ends what waits for a time that no longer matters."""
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    def _archiver_failure(self) -> BaseException | None:
        """What the archiver died of; its end for want of room is no failure."""
        if self._archiver_task.cancelled():
            return ArchiverDied("nothing more can be archived: the archiver was cancelled")
        error = self._archiver_task.exception()
        if not isinstance(error, OutOfDisk):
            return error
        self._out_of_disk(error)
        return None

    def _archiver_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._opened.guard.give_up()
            failure = self._archiver_failure()
            self.parts.intake.fail(failure if isinstance(failure, Exception) else "the crawl stopped: the disk is full")
            self.abandon()

    def _out_of_disk(self, error: OutOfDisk) -> None:
        if self.trouble is None:
            self.trouble = error
        self._trouble_ahead()

    def _trouble_ahead(self) -> None:
        """The crawl is ending by itself: what is in flight gets its grace, what was received is flushed."""
        self.parts.dispatcher.stop()
        self._opened.guard.give_up()
        self._chore(self._abort_later())

    def _chore(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _abort_later(self) -> None:
        await self._clock.sleep(self._config.grace)
        self.abandon()

    async def _end_in_time(self, seconds: float) -> None:
        """Wakes the dispatcher when `--max-time` is over; requests in flight get the grace time, then are given up."""
        await self._clock.sleep(seconds)
        self.parts.dispatcher.look_again()
        await self._abort_later()


def _raise_first(*failures: BaseException | None) -> None:
    for failure in failures:
        if failure is not None:
            raise failure
