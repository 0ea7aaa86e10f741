"""A crawl from its opening to its summary: what is started and stopped, in which order.

    open    lock, ledger, recovery of the archive, logs, seeds
    run     the dispatcher claims and starts visits; the archiver writes; commits are told
    close   no new claims; visits end or are cancelled after their grace; the hand-off closes; the archiver flushes and
            seals; the callbacks end; fetcher, logs, ledger and lock close

The run is a task of its own: cancelling whoever waits for it stops the crawl gracefully and never cuts its flush short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crawler.archiver import Archiver
from crawler.clock import Clock, SystemClock
from crawler.concurrency.handoff import Handoff
from crawler.concurrency.shielded import finish, outlast
from crawler.config import CrawlConfig
from crawler.dedupe import Dedupe
from crawler.dispatch import Dispatcher
from crawler.errors import ArchiverDied, LedgerError, OutOfDisk
from crawler.fetcher import Fetcher
from crawler.guesses import Guesses
from crawler.identity import product_token
from crawler.limits import Limits
from crawler.model import CrawlURL, Outcome, OutcomeKind
from crawler.opening import Opened, open_crawl, refused_by_disk
from crawler.progress import Progress, Summary
from crawler.querystrip import QueryStrip
from crawler.recording import Capture
from crawler.retry import RetryPolicy
from crawler.robotstxt import RobotsRules
from crawler.summing import progress_of, summary_of
from crawler.tally import Tally
from crawler.tell import Teller
from crawler.visit import Visitor
from storage import ArchiveError, Files

log = logging.getLogger(__name__)
HANDOFF_ITEMS = 128
HANDOFF_BYTES = 16 << 20


class Crawl:
    """One crawl over one directory; enter it with `async with`.

    Leaving the block waits for the crawl to end; leaving it by an exception stops the crawl gracefully first."""

    def __init__(
        self,
        config: CrawlConfig,
        *,
        fetcher: Fetcher | None = None,
        clock: Clock | None = None,
        files: Files | None = None,
    ) -> None:
        self.config = config
        self._given_fetcher, self._given_files = fetcher, files
        self._clock = clock or SystemClock()
        self._teller = Teller()
        self._stack = AsyncExitStack()
        self._stopped_by: str | None = None
        self._trouble: OutOfDisk | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._run_task: asyncio.Task[Summary] | None = None
        self._aborted = asyncio.Event()
        self._told = False
        """True once somebody was given the error that ended the crawl."""
        self._opened: Opened
        self._dispatcher: Dispatcher
        self._archiver_task: asyncio.Task[None]

    # -- the public face ---------------------------------------------------------------------------------------

    def add_done_callback(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls `function(outcome, *args, **kwargs)` for each URL, after its commit; sync or async."""
        self._teller.add(function, *args, **kwargs)

    async def wait(self) -> Summary:
        """Waits for the end. Raises what ended the crawl, if that was an error. A cancelled wait leaves it running."""
        if self._run_task is None:
            raise RuntimeError("the crawl was not entered")
        await asyncio.wait([self._run_task])
        self._told = True
        return self._run_task.result()

    def stop(self, why: str = "stopped by a signal") -> None:
        """No new fetches; those in flight get the grace time; everything received is flushed."""
        if self._stopped_by is None and not self._ended:
            self._stopped_by = why
            self._dispatcher.stop()
            self._opened.guard.give_up()
            self._chore(self._abort_later())

    def abort(self, why: str = "stopped by a signal") -> None:
        """Cancels the fetches in flight at once; what is captured is still flushed."""
        self.stop(why)
        self._abandon()

    def _cancelled(self) -> None:
        """A cancel from outside does what a signal does: the first stops, every further one aborts."""
        if self._stopped_by is None:
            self.stop("cancelled")
        else:
            self.abort()

    def _abandon(self) -> None:
        if not self._ended and not self._aborted.is_set():
            self._aborted.set()
            self._chore(self._dispatcher.abort())

    @property
    def _ended(self) -> bool:
        return self._run_task is None or self._run_task.done()

    def progress(self) -> Progress:
        """How the crawl stands at this moment."""
        state = "stopping" if self._stopped_by else self._opened.guard.pause or "crawling"
        if self._opened.guard.pause and not self._stopped_by:
            state = f"paused: {state}"
        return progress_of(self._opened, self._tally, self._dispatcher, state, self._clock.time())

    # -- lifecycle ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            self._opened = await open_crawl(
                self.config, self._stack, self._clock, fetcher=self._given_fetcher, files=self._given_files
            )
            self._assemble()
        except BaseException as error:
            await self._close()
            if isinstance(error, OSError | LedgerError | ArchiveError):
                raise refused_by_disk(error, Path(self.config.output)) from error
            raise
        self._run_task = asyncio.get_running_loop().create_task(self._run(), name="crawl")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._run_task is not None
        if error is not None:
            self.stop("cancelled" if isinstance(error, asyncio.CancelledError) else f"the program failed: {error!r}")
        cancels = await outlast(self._run_task, self._cancelled)
        await self._close()  # nothing is left to close, unless the run was cancelled before it began
        failure = None if self._run_task.cancelled() else self._run_task.exception()
        if failure is not None and not self._told:
            if error is None and not cancels:
                raise failure
            log.error("the crawl ended by an error", exc_info=failure)
        if cancels:
            raise asyncio.CancelledError

    def _assemble(self) -> None:
        opened, config = self._opened, self.config
        self._tally = Tally(opened.counts)
        self._handoff: Handoff[Capture] = Handoff(HANDOFF_ITEMS, HANDOFF_BYTES, lambda capture: capture.weight)
        agent = product_token(config)
        visitor = Visitor(
            fetcher=opened.fetcher,
            frontier=opened.frontier,
            scope=opened.scope,
            retry=RetryPolicy(config.retries),
            robots=RobotsRules(agent) if config.robots else None,
            agent=agent,
            read_outlinks=opened.segments.read_outlinks,
            clock=self._clock,
            sitemaps=config.sitemaps,
            respect_nofollow=config.respect_nofollow,
            guesses=Guesses() if config.guesses else None,
            strip=QueryStrip(config.strip_query) if config.strip_query else None,
            ignores=opened.ignores,
        )
        self._dispatcher = Dispatcher(
            opened.frontier, visitor, self._handoff, opened.guard, Limits.of(config), self._tally, self._clock,
            config.concurrency, self._interrupted, self._trouble_ahead,
        )  # fmt: skip
        self._archiver = Archiver(
            self._handoff, opened.frontier, opened.segments, opened.guard, self._committed, cookies=opened.cookies,
            dedupe=Dedupe(config.digest, [opened.frontier]) if config.dedupe else None,
        )  # fmt: skip

    async def _run(self) -> Summary:
        """Takes the cancels, so that none reaches the work, which is a task of its own."""
        work = asyncio.get_running_loop().create_task(self._work(), name="crawl at work")
        await outlast(work, self._cancelled)
        return work.result()

    async def _work(self) -> Summary:
        try:
            if not self._opened.already_complete:
                await self._pipeline()
            self._opened.complete_logs()
            await self._teller.drain(self._aborted)
            return await self._summarise()
        finally:
            await self._close()

    async def _pipeline(self) -> None:
        """Raises what ended the crawl, unless that can be resumed from."""
        self._archiver_task = asyncio.get_running_loop().create_task(self._archiver.run(), name="archiver")
        self._archiver_task.add_done_callback(self._archiver_ended)
        if self.config.max_time is not None:
            self._chore(self._end_in_time(self.config.max_time))
        failure: BaseException | None = None
        try:
            await self._dispatcher.run()
        except OutOfDisk as error:
            self._out_of_disk(error)
        except BaseException as error:
            failure = error
            self._abandon()
        visits = asyncio.get_running_loop().create_task(self._dispatcher.join(), name="visits")
        await outlast(visits, self._abandon)
        self._handoff.close()
        await outlast(self._archiver_task)
        self._raise_first(self._archiver_failure(), self._dispatcher.error, failure)

    def _archiver_failure(self) -> BaseException | None:
        """What the archiver died of; its end for want of room is no failure."""
        if self._archiver_task.cancelled():
            return ArchiverDied("nothing more can be archived: the archiver was cancelled")
        error = self._archiver_task.exception()
        if not isinstance(error, OutOfDisk):
            return error
        self._out_of_disk(error)
        return None

    @staticmethod
    def _raise_first(*failures: BaseException | None) -> None:
        for failure in failures:
            if failure is not None:
                raise failure

    async def _close(self) -> None:
        """Lets go of everything, the directory's lock last, even where every task there is gets cancelled."""
        try:
            await finish(self._end_chores(), name="ending chores")
        finally:
            try:
                await finish(self._stack.aclose(), name="closing")
            finally:
                await self._stack.aclose()  # does what is left to do, if the task above was cancelled

    async def _end_chores(self) -> None:
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    async def _summarise(self) -> Summary:
        stopped_by = self._stopped_by or (str(self._trouble) if self._trouble else None) or self._dispatcher.limit
        resumable = self._stopped_by is not None or self._trouble is not None
        return await summary_of(
            self._opened, self.config, stopped_by, resumable, self._clock.time(), self._teller.errors
        )

    # -- events ------------------------------------------------------------------------------------------------

    def _committed(self, batch: Sequence[Capture], outcomes: Sequence[Outcome | None]) -> None:
        """After each commit, in order: the logs, the figures, then whoever wants to know."""
        settled = [outcome for outcome in outcomes if outcome is not None]
        self._opened.write_logs(settled)
        self._tally.committed(batch, outcomes, self._opened.frontier.current_counts)
        for outcome in settled:
            self._teller.tell(outcome)

    def _interrupted(self, url: CrawlURL) -> None:
        outcome = Outcome(OutcomeKind.INTERRUPTED, url.url, reason="stopped", depth=url.depth, via=url.via)
        self._teller.tell(outcome)

    def _archiver_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._opened.guard.give_up()
            self._abandon()

    def _out_of_disk(self, error: OutOfDisk) -> None:
        if self._trouble is None:
            self._trouble = error
        self._trouble_ahead()

    def _trouble_ahead(self) -> None:
        """The crawl is ending by itself: what is in flight gets its grace, what was received is flushed."""
        self._dispatcher.stop()
        self._opened.guard.give_up()
        self._chore(self._abort_later())

    def _chore(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _abort_later(self) -> None:
        await self._clock.sleep(self.config.grace)
        self._abandon()

    async def _end_in_time(self, seconds: float) -> None:
        """Wakes the dispatcher when `--max-time` is over; requests in flight get the grace time, then are given up."""
        await self._clock.sleep(seconds)
        self._opened.frontier.wake()
        await self._abort_later()
