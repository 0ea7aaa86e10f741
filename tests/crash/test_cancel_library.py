"""Cancels at any step of a program that submits, reads outcomes and controls a crawl: nobody hangs, nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.crawl import Crawl
from crawler.errors import ArchiverDied, Interrupted
from crawler.model import Outcome, Receipt
from tests.support.archive_check import read_archive, read_log
from tests.support.engine import config_of
from tests.support.site import Site, small_site
from tests.support.stepping_loop import Stepped, run_stepping

ROUNDS = 8
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file <_io.FileIO:ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def nothing_left_to_other_modules() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(small_site()) as running:
        yield running


def program(site: Site, directory: Path, settled: list[object]) -> Callable[[], Any]:
    """Submits, from tasks of their own, while it reads outcomes."""

    async def one(crawl: Crawl, url: str) -> None:
        settled.append(url)
        try:
            receipt = await crawl.submit(url)
        except (Interrupted, ArchiverDied) as error:
            settled.append(error)
        except asyncio.CancelledError:
            settled.append("cancelled")
            raise
        else:
            settled.append(receipt)

    async def main() -> list[Outcome]:
        heard: list[Outcome] = []
        async with Crawl(config_of(directory, per_host=8)) as crawl, asyncio.TaskGroup() as group:
            for path in site.answers:
                group.create_task(one(crawl, f"{site.root}{path}"))
            async for outcome in crawl.outcomes():
                heard.append(outcome)
                if len(heard) > len(site.answers):
                    break
        return heard

    return main


def check(site: Site, directory: Path, settled: list[object], ended: Stepped) -> None:
    assert ended.complaints == []
    # Whoever began to wait was answered.
    assert 2 * sum(isinstance(each, str) and each != "cancelled" for each in settled) == len(settled)
    log = {line["url"]: line for line in read_log(directory)}
    held = read_archive(directory, "*.warc.gz*") if (directory / "archive").exists() else None
    for each in settled:
        if isinstance(each, Receipt):
            assert held is not None
            assert any(line["seq"] == each.seq for line in log.values())
    again: list[object] = []
    finished = run_stepping(program(site, directory, again), {})
    assert finished.error is None, finished.error
    assert finished.complaints == []
    assert sum(isinstance(each, Receipt) for each in again) == len(site.answers)
    responses = [url for url, _ in read_archive(directory).responses]
    assert len(responses) == len(set(responses))


@pytest.fixture(scope="module")
def steps(site: Site, tmp_path_factory: pytest.TempPathFactory) -> int:
    ended = run_stepping(program(site, tmp_path_factory.mktemp("steps") / "crawl", []), {})
    assert ended.error is None, ended.error
    return ended.steps


@pytest.mark.parametrize("what", ["the program", "queueing", "everything"])
def test_a_cancel_at_any_step(
    site: Site, memory_path: Path, steps: int, rng: random.Random, rounds: Callable[[int], int], what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    number = min(rounds(ROUNDS), steps)
    for at in range(number):
        step = 1 + int(steps / number * at + rng.uniform(0, steps / number))
        directory, settled = memory_path / str(step), list[object]()

        def cancel(task: asyncio.Task[Any]) -> None:
            for each in asyncio.all_tasks(task.get_loop()):
                if what == "everything" or (each.get_name() == what) or (what == "the program" and each is task):
                    each.cancel()

        ended = run_stepping(program(site, directory, settled), {step: cancel})
        good = (asyncio.CancelledError, ArchiverDied, Interrupted, BaseExceptionGroup)
        assert ended.error is None or isinstance(ended.error, good), repr(ended.error)
        check(site, directory, settled, ended)
        del ended
        settled.clear()
        caplog.clear()  # tracebacks hold what was left open
        gc.collect()
