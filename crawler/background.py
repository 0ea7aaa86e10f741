"""A crawl from a synchronous program: `run` blocks, `BackgroundCrawl` has a thread and an event loop of its own.

Terms. *ended*: the crawl's thread has closed its loop, or never had one.

Invariants.
- Every Future of `submit` is settled: by the crawl, or when the thread ends.
- Nothing captured is lost when the program ends: before Python joins its threads, a crawl that still runs is stopped as
  by a signal, flushed and waited for. Where Python gives no notice of its end in time, the crawl sees for itself that
  the main thread is gone, and its last flush does without the thread pools, which are closed by then.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - registers its end of program first, so that ours comes before it
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakSet

from crawler.concurrency.threads import is_shutdown, ready_pool
from crawler.config import CrawlConfig
from crawler.crawl import Crawl
from crawler.errors import Interrupted
from crawler.frontier import Frontier
from crawler.frontier.embedded import outcomes_in
from crawler.intake import MOST_PENDING
from crawler.loops import loop_factory, refuse_inside_a_loop
from crawler.model import Outcome, Receipt
from crawler.progress import Progress, Summary

T = TypeVar("T")
log = logging.getLogger(__name__)
WATCH = 0.25
"""Seconds between two looks at the main thread."""


def run(config: CrawlConfig, **seams: Any) -> Summary:
    """Crawls to the end and returns the summary; takes what Crawl takes. Ctrl-C stops the crawl gracefully, then raises
    KeyboardInterrupt: the same call again resumes.

    Raises what ended the crawl, and RuntimeError where an event loop runs in this thread."""
    refuse_inside_a_loop("run()", "`async with Crawl(config)`, or BackgroundCrawl")

    async def crawl() -> Summary:
        async with Crawl(config, **seams) as running:
            return await running.wait()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(crawl())


class BackgroundCrawl:
    """One crawl in a thread of its own, while the program goes on. `start`, `stop` and `join` any number of times: each
    start resumes what the directory holds.

        with BackgroundCrawl(config) as background:
            receipt = background.submit("https://example.com/").result()
    """

    def __init__(self, config: CrawlConfig, *, most_pending: int = MOST_PENDING, **seams: Any) -> None:
        """Takes what Crawl takes. `submit` blocks while `most_pending` URLs are pending."""
        self.config = config
        self._seams = {"keep_open": True, "most_pending": most_pending, **seams}
        self._callbacks: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self._room = threading.Semaphore(most_pending)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # Not Thread.join: interrupted by Ctrl-C, that takes a thread which still runs for one that has ended.
        self._done = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._crawl: Crawl | None = None
        self._pending: dict[Future[Any], Exception] = {}
        """Futures with what they fail with if the thread ends before them."""
        self._summary: Summary | None = None
        self._error: BaseException | None = None
        self._told = False

    # -- from any thread ---------------------------------------------------------------------------------------

    def add_done_callback(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """`function(outcome, *args, **kwargs)` for each URL from now on, in the crawl's thread; sync or async."""
        with self._lock:
            self._callbacks.append((function, args, kwargs))
            if self._crawl is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(self._add, self._crawl, (function, args, kwargs))

    def submit(self, url: str) -> Future[Receipt]:
        """As Crawl.submit: its receipt, or the URL's failure. Raises RuntimeError if the crawl was not started."""
        own = threading.current_thread() is self._thread  # a callback: waiting for itself would be for ever
        waited = self._room.acquire(blocking=not own)
        try:
            future = self._schedule(lambda crawl: crawl.submit(url), Interrupted(url, "the crawl has ended"))
        except BaseException:
            if waited:
                self._room.release()
            raise
        if waited:
            future.add_done_callback(lambda _: self._room.release())
        return future

    def call(self, function: Callable[[Crawl], T]) -> Future[T]:
        """Calls `function(crawl)` in the crawl's thread, for whatever Crawl can do:
        `background.call(lambda crawl: crawl.pause())`."""

        async def called(crawl: Crawl) -> T:
            return function(crawl)

        return self._schedule(called, RuntimeError("the crawl has ended"))

    def progress(self) -> Progress:
        """How the crawl stands at this moment. Raises RuntimeError when it does not run."""
        return self.call(Crawl.progress).result()

    def outcomes(self, since: int = 0) -> Iterator[Outcome]:
        """The outcomes there are with seq > `since`, in order, of all sessions; whether the crawl runs or not."""
        given: Frontier | None = self._seams.get("frontier")
        return outcomes_in(Path(self.config.output), since) if given is None else given.outcomes(since)

    def stop(self, why: str = "stopped by the program") -> None:
        """No new fetches; what is in flight gets its grace; everything received is flushed. Returns at once."""
        self._tell(lambda crawl: crawl.stop(why))

    def abort(self, why: str = "stopped by the program") -> None:
        """Cancels the fetches in flight at once; what is captured is still flushed. Returns at once."""
        self._tell(lambda crawl: crawl.abort(why))

    def finish(self) -> None:
        """No more submits will come: the crawl ends when nothing is left to do. Returns at once."""
        self._tell(Crawl.finish)

    # -- start and end -----------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Opens the crawl, or resumes it, and returns when it runs. Raises what opening raises, and RuntimeError if it
        runs already."""
        opened: Future[None] = Future()
        with self._lock:
            if self.running:
                raise RuntimeError("the crawl runs already")
            self._summary, self._error, self._told = None, None, False
            self._done.clear()
            self._thread = threading.Thread(target=self._main, args=(opened,), name="crawl")
            _stop_at_exit(self)
            self._thread.start()
        try:
            opened.result()
        except BaseException as error:
            if not opened.done():  # Ctrl-C
                opened.add_done_callback(lambda _: self.stop())
            self._told = error is self._error
            raise
        return self

    def join(self, timeout: float | None = None) -> Summary:
        """Lets the crawl finish what is queued, waits for its end and returns its summary, however often it is called.

        Raises what ended the crawl, and TimeoutError when it still runs after `timeout` seconds: it then goes on."""
        if self._thread is None:
            raise RuntimeError("the crawl was not started")
        self.finish()
        if not self._done.wait(timeout):
            raise TimeoutError(f"the crawl still runs after {timeout:g} s")
        self._told = True
        if self._error is not None:
            raise self._error
        assert self._summary is not None
        return self._summary

    def wait(self) -> None:
        """Waits for the end of a crawl that runs, whatever it is."""
        if self._thread is not None:
            self._done.wait()

    @property
    def running(self) -> bool:
        return self._thread is not None and not self._done.is_set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and not self._told:
            self.join()
            return
        if error is not None:
            self.stop(f"the program failed: {error!r}")
        try:
            self.join()
        except Exception as failure:
            log.debug("told before, or less than what the program raised: %r", failure)

    # -- the thread --------------------------------------------------------------------------------------------

    def _main(self, opened: Future[None]) -> None:
        runner = asyncio.Runner(loop_factory=loop_factory())
        try:
            self._summary = runner.run(self._run(opened))
        except BaseException as error:
            self._error = error
        finally:
            self._close(runner)
            self._ended()
            self._done.set()
            if not opened.done():
                opened.set_exception(self._error or RuntimeError("the crawl ended before it began"))

    def _close(self, runner: asyncio.Runner) -> None:
        try:
            runner.close()
        except BaseException as error:
            # To wait for its pool a loop starts a thread, which Python may refuse when it ends: then nobody waits.
            if self._error is None and not (isinstance(error, RuntimeError) and is_shutdown(error)):
                self._error = error

    async def _run(self, opened: Future[None]) -> Summary:
        asyncio.get_running_loop().set_default_executor(ready_pool())
        async with Crawl(self.config, **self._seams) as crawl:
            with self._lock:
                for each in self._callbacks:
                    self._add(crawl, each)
                self._crawl, self._loop = crawl, asyncio.get_running_loop()
            watch = asyncio.create_task(_watch_main_thread(crawl), name="watching the main thread")
            opened.set_result(None)
            try:
                return await crawl.wait()
            finally:
                watch.cancel()
                with self._lock:
                    self._crawl = None

    @staticmethod
    def _add(crawl: Crawl, callback: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> None:
        function, args, kwargs = callback
        crawl.add_done_callback(function, *args, **kwargs)

    def _ended(self) -> None:
        """The loop is closed: whoever still waits would wait for ever."""
        with self._lock:
            self._crawl = self._loop = None
            pending = list(self._pending.items())
        for future, refusal in pending:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(refusal)

    def _schedule(self, work: Callable[[Crawl], Coroutine[Any, Any, T]], refusal: Exception) -> Future[T]:
        """Runs `work(crawl)` in the crawl's loop; a Future that failed with `refusal` when it has ended."""
        with self._lock:
            if self._thread is None:
                raise RuntimeError("the crawl was not started")
            if self._crawl is None or self._loop is None:
                refused: Future[T] = Future()
                refused.set_exception(refusal)
                return refused
            future = asyncio.run_coroutine_threadsafe(work(self._crawl), self._loop)
            self._pending[future] = refusal
        future.add_done_callback(lambda done: self._pending.pop(done, None))
        return future

    def _tell(self, function: Callable[[Crawl], None]) -> None:
        with self._lock:
            if self._crawl is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(function, self._crawl)


async def _watch_main_thread(crawl: Crawl) -> None:
    while threading.main_thread().is_alive():  # noqa: ASYNC110 - a thread's end sets no event
        await asyncio.sleep(WATCH)
    crawl.stop("the program ended")


_started: WeakSet[BackgroundCrawl] = WeakSet()
_registered = False


def _stop_at_exit(background: BackgroundCrawl) -> None:
    global _registered
    _started.add(background)
    register = getattr(threading, "_register_atexit", None)  # before the thread pools end; `atexit` comes after
    if register is not None and not _registered:
        with contextlib.suppress(RuntimeError):  # the program is ending already: the crawl will see that by itself
            register(_stop_all)
            _registered = True


def _stop_all() -> None:
    for background in list(_started):
        background.stop("the program ended")
    for background in list(_started):
        background.wait()
