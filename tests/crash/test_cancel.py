"""Cancels from outside, at any step of the event loop, once, twice, of everything: no hang, no loss, no noise."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.crawl import Crawl
from crawler.errors import ArchiverDied
from crawler.fetcher import HttpFetcher
from crawler.model import CrawlURL, Exchange, Outcome, OutcomeKind
from crawler.progress import Summary
from storage import AppendFile, DiskFiles, verify_chain
from tests.support.archive_check import assert_complete, assert_kept, read_log
from tests.support.engine import config_of
from tests.support.serving import until
from tests.support.site import SMALL_SEGMENT, Site, small_site
from tests.support.stepping_loop import Stepped, run_stepping

ROUNDS = 10
Rounds = Callable[[int], int]
Action = Callable[[asyncio.Task[Any]], object]


# A cancel of everything drops a file that its thread is still opening; it is closed when it is collected, which may be
# in a later test of this module.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file <_io.FileIO:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def nothing_left_to_other_modules() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(small_site()) as running:
        yield running


def crawl(
    site: Site, directory: Path, told: list[Outcome], segment_size: int = SMALL_SEGMENT, **seams: Any
) -> Callable[[], Any]:
    """What a program that uses the crawler as a library would run."""

    async def main() -> Summary:
        config = config_of(directory, f"{site.root}/", per_host=8, segment_size=segment_size)
        async with Crawl(config, **seams) as running:
            running.add_done_callback(told.append)
            return await running.wait()

    return main


def check(site: Site, directory: Path, told: list[Outcome], ended: Stepped) -> None:
    """Nobody complained; what was told is there; a further run completes the crawl."""
    assert ended.complaints == []
    assert_kept(directory, site.root, site.answers, told)
    again: list[Outcome] = []
    finished = run_stepping(crawl(site, directory, again), {})
    assert finished.error is None, finished.error
    assert finished.complaints == []
    assert finished.result.finished
    assert_complete(directory, site.root, site.answers)
    assert verify_chain(directory) == []
    assert_kept(directory, site.root, site.answers, told + again)


@pytest.fixture(scope="module")
def steps(site: Site, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many steps a whole crawl takes, roughly: threads end when they end."""
    ended = run_stepping(crawl(site, tmp_path_factory.mktemp("steps") / "crawl", []), {})
    assert ended.complaints == []
    assert ended.error is None
    assert ended.steps > 200
    return ended.steps


def chosen(rng: random.Random, rounds: Rounds, steps: int) -> list[int]:
    """Steps from the first to beyond the last, spread evenly and moved at random; all with ANNALS_ROUNDS."""
    number = min(rounds(ROUNDS), steps)
    width = steps / number
    return [1 + int(width * at + rng.uniform(0, width)) for at in range(number)]


def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()


def cancel_named(name: str) -> Action:
    def action(_: asyncio.Task[Any]) -> None:
        for task in asyncio.all_tasks(_.get_loop()):
            if task.get_name().startswith(name):
                task.cancel()

    return action


def cancel_all(task: asyncio.Task[Any]) -> None:
    for each in asyncio.all_tasks(task.get_loop()):
        each.cancel()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_program_is_cancelled_at_any_step(
    site: Site, memory_path: Path, steps: int, rng: random.Random, rounds: Rounds, times: int
) -> None:
    for step in chosen(rng, rounds, steps):
        directory, told = memory_path / str(step), list[Outcome]()
        actions = {step + rng.randrange(1, 9) * more: cancel for more in range(times)}
        ended = run_stepping(crawl(site, directory, told), dict(actions))
        assert ended.error is None or isinstance(ended.error, asyncio.CancelledError), repr(ended.error)
        if (directory / "archive").exists():
            assert not list((directory / "archive").glob("*.open")), "the flush was cut short"
        log = read_log(directory)
        kept = {line["url"] for line in log}
        assert {outcome.url for outcome in told if outcome.kind is not OutcomeKind.INTERRUPTED} == kept
        check(site, directory, told, ended)


@pytest.mark.parametrize("name", ["archiver", "flush", "crawl", "crawl at work", "seal", "visits", "handing over"])
def test_a_task_of_the_crawl_is_cancelled_at_any_step(
    site: Site, memory_path: Path, steps: int, rng: random.Random, rounds: Rounds, name: str
) -> None:
    for step in chosen(rng, rounds, steps)[:: 1 if rounds(0) else 2]:
        directory, told = memory_path / str(step), list[Outcome]()
        actions = {step: cancel_named(name), step + rng.randrange(1, 9): cancel_named(name)}
        ended = run_stepping(crawl(site, directory, told), actions)
        good = ended.error is None or isinstance(ended.error, asyncio.CancelledError | ArchiverDied)
        assert good, repr(ended.error)
        check(site, directory, told, ended)


def test_everything_is_cancelled_at_any_step(
    site: Site, memory_path: Path, steps: int, rng: random.Random, rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    """As at the end of asyncio.run: the flush itself is cancelled, its thread is not. As good as a crash."""
    for step in chosen(rng, rounds, steps):
        directory, told = memory_path / str(step), list[Outcome]()
        actions = {step: cancel_all, step + rng.randrange(1, 20): cancel_all}
        ended = run_stepping(crawl(site, directory, told), actions)
        good = ended.error is None or isinstance(ended.error, asyncio.CancelledError | ArchiverDied)
        assert good, repr(ended.error)
        check(site, directory, told, ended)
        del ended
        caplog.clear()  # its tracebacks hold what was left open
        gc.collect()


def test_everything_is_cancelled_and_so_is_the_clearing_up_before_it_began(site: Site, memory_path: Path) -> None:
    """While the crawl opens: its directory is given back all the same."""
    for step in range(2, 50, 6):
        directory, told = memory_path / str(step), list[Outcome]()
        ended = run_stepping(crawl(site, directory, told), {step: cancel_all, step + 1: cancel_all})
        assert isinstance(ended.error, asyncio.CancelledError), repr(ended.error)
        check(site, directory, told, ended)


class CancellingFetcher(HttpFetcher):
    """Cancels the task of its n-th fetch, before or after the answer came."""

    def __init__(self, *args: Any, cancel_at: int, late: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cancel_at, self.late, self.fetches = cancel_at, late, 0

    async def fetch(self, url: CrawlURL) -> Exchange:
        self.fetches += 1
        mine = self.fetches == self.cancel_at
        task = asyncio.current_task()
        assert task is not None
        if mine and not self.late:
            task.cancel()
        exchange = await super().fetch(url)
        if mine:
            task.cancel()
        return exchange


@pytest.mark.parametrize("late", [False, True], ids=["before the answer", "after it"])
@pytest.mark.parametrize("number", [1, 2, 5, 13])
def test_one_fetch_is_cancelled_and_made_again(site: Site, crawl_dir: Path, number: int, late: bool) -> None:
    told: list[Outcome] = []

    async def main() -> Summary:
        config = config_of(crawl_dir, f"{site.root}/", per_host=8)
        spool = crawl_dir.with_name("spool")
        spool.mkdir()
        fetcher = CancellingFetcher(config, spool_dir=spool, cancel_at=number, late=late)
        async with fetcher, Crawl(config, fetcher=fetcher) as running:
            running.add_done_callback(told.append)
            return await running.wait()

    ended = run_stepping(main, {})
    assert ended.error is None, repr(ended.error)
    assert ended.complaints == []
    assert ended.result.finished
    assert_complete(crawl_dir, site.root, site.answers)
    assert sum(outcome.kind is OutcomeKind.INTERRUPTED for outcome in told) <= 1


class StallingFile:
    """An append file whose syncs wait until they are let go."""

    def __init__(self, inner: AppendFile, files: StallingFiles) -> None:
        self.write, self.cut, self.close = inner.write, inner.cut, inner.close
        self._inner, self._files = inner, files

    async def sync(self) -> None:
        if self._files.stalling:
            self._files.stalled.set()
            await self._files.go.wait()
        await self._inner.sync()


class StallingFiles(DiskFiles):
    def __init__(self) -> None:
        super().__init__()
        self.stalling = False
        self.stalled, self.go = asyncio.Event(), asyncio.Event()

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        file: AppendFile = StallingFile(await super().open_append(path, create=create), self)
        return file


async def test_a_flush_under_way_is_finished_through_any_number_of_cancels(site: Site, crawl_dir: Path) -> None:
    files, told = StallingFiles(), list[Outcome]()
    task = asyncio.create_task(crawl(site, crawl_dir, told, 1 << 30, files=files)())
    async with asyncio.timeout(10):
        await until(lambda: len(told) >= 3)
        files.stalling = True
        await files.stalled.wait()
        before = len(told)
        for _ in range(10):
            task.cancel()
            await asyncio.sleep(0.001)
        assert not task.done()
        files.stalling = False
        files.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    committed = [outcome for outcome in told if outcome.kind is not OutcomeKind.INTERRUPTED]
    assert len(committed) > before
    assert len(read_log(crawl_dir)) == len(committed)
    assert not list((crawl_dir / "archive").glob("*.open"))
    assert_kept(crawl_dir, site.root, site.answers, told)
