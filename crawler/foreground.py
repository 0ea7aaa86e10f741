"""One crawl in the foreground: the engine, the signals that stop it and the view that shows it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from crawler.config import CrawlConfig
from crawler.errors import CrawlError
from crawler.loops import loop_factory
from crawler.model import Outcome
from crawler.progress import Progress, Summary
from crawler.report.view import View

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = logging.getLogger(__name__)


class Engine(Protocol):
    """What the command line needs of a running crawl."""

    def add_done_callback(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any: ...

    async def wait(self) -> Summary: ...

    def stop(self) -> None: ...

    def abort(self) -> None: ...

    def progress(self) -> Progress: ...


GC_THRESHOLDS = (50_000, 20, 50)
"""A crawl's values make hardly any cycles; looking for them every 700 allocations costs 5 % of a page's time."""

EngineFactory = Callable[[CrawlConfig], AbstractAsyncContextManager[Engine]]


class Interrupted(CrawlError):
    """A signal came before the crawl had begun."""

    exit_code = 3


def run(config: CrawlConfig, engine: EngineFactory, view: View, *, verbose: bool) -> Summary:
    """Crawls to the end or to a signal, on uvloop where it is installed. Raises what the engine raises."""
    gc.freeze()  # what was imported lives as long as the process: the collector need not look through it
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(crawl(config, engine, view, verbose=verbose))


async def crawl(config: CrawlConfig, engine: EngineFactory, view: View, *, verbose: bool) -> Summary:
    """As `run`, inside a loop that is running in the main thread."""
    stopper = _Stopper()
    with _signals_to(stopper):
        try:
            async with engine(config) as running, _shown(running, view):
                stopper.engine = running
                if verbose:
                    running.add_done_callback(_quietly, view.outcome)
                return await running.wait()
        except asyncio.CancelledError:
            if stopper.cancelled:
                raise Interrupted("stopped before the crawl began; nothing is lost") from None
            raise


class _Stopper:
    """Signals in order: the first stops, every further one aborts; before the crawl has begun, the first ends it."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.cancelled = False
        self._task = asyncio.current_task()
        self._count = 0

    def __call__(self, number: signal.Signals) -> None:
        self._count += 1
        _log.info("%s received", number.name)
        if self.engine is None:
            if self._task is not None and not self.cancelled:
                self.cancelled = True
                self._task.cancel()
        elif self._count == 1:
            self.engine.stop()
        else:
            self.engine.abort()


@contextlib.contextmanager
def _signals_to(stopper: _Stopper) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stopper, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _shown(running: Engine, view: View) -> AsyncIterator[None]:
    task = asyncio.create_task(_watch(running, view), name="view")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the display failed; the crawl went on without it", exc_info=error)


async def _watch(running: Engine, view: View) -> None:
    try:
        view.start()
        try:
            while True:
                view.update(running.progress())
                await asyncio.sleep(view.interval)
        finally:
            view.stop()
    except OSError as error:
        _log.warning("nobody sees the display any more: %s", error)


def _quietly(outcome: Outcome, show: Callable[[Outcome], None]) -> None:
    """A terminal that went away is no error of the crawl's."""
    with contextlib.suppress(OSError):
        show(outcome)
