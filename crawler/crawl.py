"""A crawl as its user sees it, from its opening to its summary.

    open    lock, ledger, recovery of the archive, logs, seeds
    run     crawler/pipeline.py
    close   the callbacks end; fetcher, logs, ledger and lock close

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

from crawler.assembly import Events
from crawler.capture import Capture
from crawler.clock import Clock, SystemClock
from crawler.concurrency.news import News
from crawler.concurrency.shielded import finish, outlast
from crawler.config import CrawlConfig
from crawler.errors import LedgerError
from crawler.fetcher import Fetcher
from crawler.following import Outcomes, read_piece
from crawler.frontier import Frontier, Needed
from crawler.hooks import Hooks
from crawler.hosts import Hosts
from crawler.intake import MOST_PENDING
from crawler.model import CrawlURL, Outcome, OutcomeKind, Receipt
from crawler.opening import Opened, open_crawl, refused_by_disk
from crawler.pipeline import Pipeline
from crawler.progress import Progress, Summary
from crawler.scope import Scope
from crawler.seams import Seams, Sink
from crawler.summing import progress_of, summary_of
from crawler.tell import Teller
from storage import ArchiveError, Files

log = logging.getLogger(__name__)


class Crawl:
    """One crawl over one directory; enter it with `async with`.

    Inside the block it crawls, and waits for more when nothing is left to do. Leaving the block lets it finish and
    waits for that; leaving it by an exception stops it gracefully first."""

    def __init__(
        self,
        config: CrawlConfig,
        *,
        hooks: Hooks | None = None,
        keep_open: bool = False,
        most_pending: int = MOST_PENDING,
        fetcher: Fetcher | None = None,
        frontier: Frontier | None = None,
        scope: Scope | None = None,
        sink: Sink | None = None,
        clock: Clock | None = None,
        files: Files | None = None,
        missing: Sequence[Needed] | None = None,
    ) -> None:
        """`keep_open`: `wait` and iteration do not end a crawl that has nothing left to do; `finish` does. At most
        `most_pending` submits are pending at a time. With `missing`, these requisites are fetched and no page
        is. The rest are seams: see crawler/seams.py."""
        self.config = config
        self._clock = clock or SystemClock()
        self._seams = Seams(
            clock=self._clock, fetcher=fetcher, frontier=frontier, scope=scope, sink=sink, files=files, missing=missing
        )
        self._hooks, self._keep_open, self._most_pending = hooks, keep_open, most_pending
        self._teller = Teller(self._missed)
        if hooks is not None and hooks.on_outcome is not None:
            self._teller.add(hooks.on_outcome)
        self._news = News()
        self._stack = AsyncExitStack()
        self._run_task: asyncio.Task[Summary] | None = None
        self._told = False
        """True once somebody was given the error that ended the crawl."""
        self._opened: Opened
        self._hosts: Hosts
        self._pipeline: Pipeline

    # -- what comes of it --------------------------------------------------------------------------------------

    def add_done_callback(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls `function(outcome, *args, **kwargs)` for each URL, after its commit; sync or async."""
        self._teller.add(function, *args, **kwargs)

    async def submit(self, url: str) -> Receipt:
        """Queues a URL that is wanted for itself and waits until it is durably archived, whatever its HTTP status.

        The URL of a known page gives the receipt it has, from an earlier session too. A URL without one raises its own
        failure: a subclass of NotArchived, such as DNSFailed, TimedOut, Excluded, Interrupted. Raises ArchiverDied or
        LedgerError when nothing can be kept any more. Waits while too many submits are pending. A cancelled submit
        leaves the URL queued."""
        self._entered()
        return await self._pipeline.parts.intake.submit(url)

    def outcomes(self, since: int = 0) -> Outcomes:
        """The outcomes with seq > `since` in the order of the archive, those of earlier sessions too; then those to
        come, until the crawl is over. However slowly they are read, they take no memory. Like `wait`, waiting for the
        next one lets a crawl end that has nothing left to do."""
        self._entered()
        return Outcomes(self._opened.frontier, since, self._news, self._let_end)

    def __aiter__(self) -> Outcomes:
        """The outcomes of this session."""
        self._entered()
        return self.outcomes(self._opened.counts.seq)

    async def wait(self) -> Summary:
        """Waits for the end. Raises what ended the crawl, if that was an error. A cancelled wait leaves it running."""
        run = self._entered()
        self._let_end()
        await asyncio.wait([run])
        self._told = True
        return run.result()

    def _entered(self) -> asyncio.Task[Summary]:
        if self._run_task is None:
            raise RuntimeError("the crawl was not entered")
        return self._run_task

    # -- control -----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """No more submits will come: the crawl ends when nothing is left to do."""
        self._entered()
        self._pipeline.parts.intake.finishing()

    def _let_end(self) -> None:
        if not self._keep_open:
            self.finish()

    def stop(self, why: str = "stopped by a signal") -> None:
        """No new fetches; those in flight get the grace time; everything received is flushed."""
        if not self._ended:
            self._pipeline.stop(why)

    def abort(self, why: str = "stopped by a signal") -> None:
        """Cancels the fetches in flight at once; what is captured is still flushed."""
        if not self._ended:
            self._pipeline.stop(why)
            self._pipeline.abandon()

    def pause(self) -> None:
        """No new fetches before `resume`; those in flight go on. Leaving the block resumes, paused hosts too."""
        self._entered()
        self._pipeline.parts.dispatcher.pause()

    def resume(self) -> None:
        self._entered()
        self._pipeline.parts.dispatcher.resume()

    def ignore(self, pattern: str) -> None:
        """Nothing more is fetched in whose URL the regular expression is found, in later sessions neither: a line added
        to DIR/ignores. Raises ValueError for what is no pattern, OSError."""
        self._entered()
        self._opened.ignores.add(pattern)

    @property
    def hosts(self) -> Hosts:
        """Control of single hosts: `crawl.hosts["example.com"].delay = 2`, `.per_host`, `.pause()`, `.resume()`."""
        self._entered()
        return self._hosts

    @property
    def concurrency(self) -> int:
        """How many URLs may be fetched at a time; can be set while the crawl runs."""
        self._entered()
        return self._pipeline.parts.dispatcher.concurrency

    @concurrency.setter
    def concurrency(self, limit: int) -> None:
        self._entered()
        self._pipeline.parts.dispatcher.concurrency = limit

    def _cancelled(self) -> None:
        """A cancel from outside does what a signal does: the first stops, every further one aborts."""
        if self._ended:
            return
        if self._pipeline.stopped_by is None:
            self.stop("cancelled")
        else:
            self.abort()

    @property
    def _ended(self) -> bool:
        return self._run_task is None or self._run_task.done()

    def progress(self) -> Progress:
        """How the crawl stands at this moment."""
        self._entered()
        parts, trouble = self._pipeline.parts, self._opened.guard.pause
        if self._pipeline.stopped_by:
            state = "stopping"
        elif trouble:
            state = f"paused: {trouble}"
        else:
            state = "paused" if parts.dispatcher.paused else "crawling"
        return progress_of(self._opened, parts.tally, parts.dispatcher, state, self._clock.time())

    # -- lifecycle ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            self._opened = await open_crawl(self.config, self._stack, self._seams)
            events = Events(self._committed, self._interrupted)
            self._hosts = Hosts(self.config, self._opened.frontier)
            self._pipeline = Pipeline(
                self._opened, self.config, self._clock, events, hooks=self._hooks, most_pending=self._most_pending
            )
        except BaseException as error:
            await self._let_go()
            if isinstance(error, OSError | LedgerError | ArchiveError):
                raise refused_by_disk(error, Path(self.config.output)) from error
            raise
        self._run_task = asyncio.get_running_loop().create_task(self._run(), name="crawl")
        self._run_task.add_done_callback(self._over)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._run_task is not None
        if error is not None:
            self.stop("cancelled" if isinstance(error, asyncio.CancelledError) else f"the program failed: {error!r}")
        self.finish()
        self.resume()
        self._hosts.resume()
        cancels = await outlast(self._run_task, self._cancelled)
        await self._close()  # nothing is left to close, unless the run was cancelled before it began
        failure = None if self._run_task.cancelled() else self._run_task.exception()
        if failure is not None and not self._told:
            if error is None and not cancels:
                raise failure
            log.error("the crawl ended by an error", exc_info=failure)
        if cancels:
            raise asyncio.CancelledError

    async def _run(self) -> Summary:
        """Takes the cancels, so that none reaches the work, which is a task of its own."""
        work = asyncio.get_running_loop().create_task(self._work(), name="crawl at work")
        await outlast(work, self._cancelled)
        return work.result()

    async def _work(self) -> Summary:
        intake = self._pipeline.parts.intake
        try:
            # A complete crawl is not run again, unless something is submitted.
            if not self._opened.already_complete or await intake.more():
                await self._pipeline.run()
            self._over()
            self._opened.complete_logs()
            await self._teller.drain(self._pipeline.aborted)
            return await self._summarise()
        finally:
            await self._close()

    def _over(self, _: object = None) -> None:
        """Nothing more will be archived: whoever waits for something is told so."""
        why = f" ({self._stopped_by})" if self._stopped_by else ""
        self._pipeline.parts.intake.fail(f"interrupted: the crawl ended before it was archived{why}")
        self._news.end()

    async def _close(self) -> None:
        try:
            await finish(self._end_work(), name="ending chores")
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        """Of everything, the directory's lock last, even where every task there is gets cancelled."""
        try:
            await finish(self._stack.aclose(), name="closing")
        finally:
            await self._stack.aclose()  # does what is left to do, if the task above was cancelled

    async def _end_work(self) -> None:
        await self._pipeline.parts.intake.settle()
        await self._pipeline.end_chores()

    @property
    def _stopped_by(self) -> str | None:
        pipeline = self._pipeline
        trouble = None if pipeline.trouble is None else str(pipeline.trouble)
        return pipeline.stopped_by or trouble or pipeline.parts.dispatcher.limit

    async def _summarise(self) -> Summary:
        resumable = self._pipeline.stopped_by is not None or self._pipeline.trouble is not None
        return await summary_of(
            self._opened, self.config, self._stopped_by, resumable, self._clock.time(), self._teller.errors
        )

    # -- events ------------------------------------------------------------------------------------------------

    def _committed(self, batch: Sequence[Capture], outcomes: Sequence[Outcome | None]) -> None:
        """After each commit, in order: the logs, the figures, then whoever wants to know."""
        settled = [outcome for outcome in outcomes if outcome is not None]
        self._opened.write_logs(settled)
        parts = self._pipeline.parts
        parts.tally.committed(batch, outcomes, self._opened.frontier.current_counts)
        parts.intake.settled(settled)
        self._news.tell()
        for outcome in settled:
            self._teller.tell(outcome)

    def _interrupted(self, url: CrawlURL) -> None:
        outcome = Outcome(OutcomeKind.INTERRUPTED, url.url, reason="stopped", depth=url.depth, via=url.via)
        self._pipeline.parts.intake.settled([outcome])
        self._teller.tell(outcome)

    async def _missed(self, since: int) -> list[Outcome]:
        return await read_piece(self._opened.frontier, since)
