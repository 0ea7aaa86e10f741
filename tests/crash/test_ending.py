"""How a crawl ends when something dies or is slow: the archiver, callbacks, servers that never answer, signals."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.config import CrawlConfig
from crawler.crawl import Crawl
from crawler.errors import ArchiverDied, CrawlError
from crawler.model import Outcome, OutcomeKind
from storage import DiskFiles, Files
from tests.support.archive_check import assert_complete, read_log
from tests.support.engine import config_of, opened
from tests.support.fakeclock import FakeClock, turns
from tests.support.faults import FaultyFiles
from tests.support.site import SMALL_SEGMENT, Site, small_site

SILENT = "/p/7"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(small_site()) as running:
        yield running


def options(site: Site, directory: Path, *more: str) -> list[str]:
    return [f"{site.root}/", "--output", str(directory), "--delay", "0", "--per-host", "8", "--quiet",
            "--min-free-disk", "0", "--no-sitemaps", *more]  # fmt: skip


async def waited_for(config: CrawlConfig, files: Files, heard: Callable[[Crawl, Outcome], object]) -> None:
    async with asyncio.timeout(20), opened(config, files=files) as running:
        running.add_done_callback(lambda outcome: heard(running, outcome))
        await running.wait()


async def test_a_dead_archiver_ends_the_crawl_within_a_second(site: Site, crawl_dir: Path) -> None:
    """While a server never answers, and while others wait for the hand-off."""
    site.silent.add(SILENT)
    files = FaultyFiles(fail_at=8, error=errno.EIO)
    began = time.monotonic()
    with pytest.raises(ArchiverDied, match="Input/output error"):
        await waited_for(config_of(crawl_dir, f"{site.root}/", per_host=8), files, lambda crawl, outcome: None)
    assert files.fired
    assert time.monotonic() - began < 3  # a second after the fault, and a start on a busy machine
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_that_nobody_waits_for_is_raised_at_the_end_of_the_block(site: Site, crawl_dir: Path) -> None:
    async def left_alone() -> None:
        async with opened(config_of(crawl_dir, f"{site.root}/"), files=FaultyFiles(fail_at=3)):
            pass

    with pytest.raises(ArchiverDied):
        await left_alone()


def test_a_dead_archiver_is_a_sentence_on_the_command_line(
    site: Site, crawl_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(options(site, crawl_dir), engine=lambda config: opened(config, files=FaultyFiles(fail_at=5)))
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 1
    assert line.startswith("crawler: nothing more can be archived: ")
    assert str(crawl_dir / "archive") in line
    assert main(options(site, crawl_dir)) == 0
    assert_complete(crawl_dir, site.root, site.answers)


@pytest.mark.parametrize("moved", [False, True], ids=["deleted", "moved away"])
def test_a_directory_that_is_gone_is_named(site: Site, crawl_dir: Path, moved: bool) -> None:
    def gone(_: Crawl, __: Outcome) -> None:
        if not crawl_dir.exists():
            return
        if moved:
            crawl_dir.rename(crawl_dir.with_name("elsewhere"))
        else:
            shutil.rmtree(crawl_dir)

    with pytest.raises(CrawlError, match=f"{re.escape(str(crawl_dir))}.*: No such file or directory"):
        asyncio.run(waited_for(config_of(crawl_dir, f"{site.root}/", per_host=8), DiskFiles(), gone))
    assert not crawl_dir.exists(), "nothing is begun anew where it was"
    if moved:
        elsewhere = crawl_dir.with_name("elsewhere")
        assert main(options(site, elsewhere)) == 0
        assert_complete(elsewhere, site.root, site.answers)


@pytest.mark.parametrize("removed", ["archive", "."])
@pytest.mark.parametrize("segment_size", [SMALL_SEGMENT, 1 << 30], ids=["between segments", "within one"])
def test_a_directory_that_another_took_the_place_of_is_not_written_to(
    site: Site, crawl_dir: Path, removed: str, segment_size: int
) -> None:
    def replaced(crawl: Crawl, _: Outcome) -> None:
        if crawl_dir.joinpath("crawl.toml").exists() and any(crawl_dir.joinpath("archive").iterdir()):
            shutil.rmtree(crawl_dir / removed)
            (crawl_dir / "archive").mkdir(parents=True)

    config = config_of(crawl_dir, f"{site.root}/", per_host=8, segment_size=segment_size)
    with pytest.raises(ArchiverDied, match=r"archive: was removed while the crawl wrote to it$"):
        asyncio.run(waited_for(config, DiskFiles(), replaced))
    assert list((crawl_dir / "archive").iterdir()) == []


async def test_callbacks_that_raise_harm_nobody(site: Site, crawl_dir: Path) -> None:
    heard: list[str] = []

    def bad(outcome: Outcome) -> None:
        raise RuntimeError("sync")

    async def worse(outcome: Outcome) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("async")

    async def slow(outcome: Outcome, kept: list[str]) -> None:
        await asyncio.sleep(0.05)
        kept.append(outcome.url)

    async with opened(config_of(crawl_dir, f"{site.root}/", per_host=8)) as running:
        running.add_done_callback(bad)
        running.add_done_callback(worse)
        running.add_done_callback(slow, heard)
        summary = await running.wait()
    assert_complete(crawl_dir, site.root, site.answers)
    assert sorted(heard) == sorted(str(line["url"]) for line in read_log(crawl_dir))
    assert summary.callback_errors == 2 * len(heard)
    assert summary.exit_code == 0


async def test_a_callback_that_never_ends_is_cancelled_by_the_second_stop(site: Site, crawl_dir: Path) -> None:
    async def never(outcome: Outcome) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(10), opened(config_of(crawl_dir, f"{site.root}/", per_host=8)) as running:
        told: list[Outcome] = []
        running.add_done_callback(told.append)
        running.add_done_callback(never)
        waiting = asyncio.create_task(running.wait())
        while len(told) <= len(site.answers):  # noqa: ASYNC110 - and robots.txt
            await asyncio.sleep(0.01)
        assert not waiting.done()
        running.stop()
        running.abort()
        summary = await waiting
    assert summary.finished
    assert summary.callback_errors == len(told)


async def test_stopping_waits_its_grace_for_what_is_in_flight(site: Site, crawl_dir: Path) -> None:
    site.silent.add(SILENT)
    told: list[Outcome] = []
    config, clock = config_of(crawl_dir, f"{site.root}/", per_host=8, grace=30.0), FakeClock()
    async with asyncio.timeout(10), opened(config, clock=clock) as running:
        running.add_done_callback(told.append)
        while len(told) < len(site.answers) - 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        running.stop()
        while running.progress().in_flight > 1:  # noqa: ASYNC110 - the others are answered
            await asyncio.sleep(0.01)
        await turns()
        await clock.advance(29.9)
        assert running.progress().in_flight == 1
        await clock.advance(0.1)
        summary = await running.wait()
    assert summary.exit_code == 3
    interrupted = [outcome.url for outcome in told if outcome.kind is OutcomeKind.INTERRUPTED]
    assert interrupted == [f"{site.root}{SILENT}"]
    site.silent.clear()
    async with opened(config) as running:
        assert (await running.wait()).finished
    assert_complete(crawl_dir, site.root, site.answers)


def test_a_second_signal_gives_up_what_is_in_flight_and_keeps_the_rest(site: Site, crawl_dir: Path) -> None:
    site.silent.add(SILENT)
    command = [sys.executable, "-m", "crawler", *options(site, crawl_dir, "--grace", "60s")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    log = crawl_dir / "logs" / "urls.jsonl"
    deadline = time.monotonic() + 30
    while not log.exists() or log.read_bytes().count(b"\n") < len(site.answers) - 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None, "the first signal waits for what is in flight"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 3, errors.decode()
    assert time.monotonic() - began < 2
    assert not list((crawl_dir / "archive").glob("*.open"))
    site.silent.clear()
    assert main(options(site, crawl_dir)) == 0
    assert_complete(crawl_dir, site.root, site.answers)


async def test_no_room_and_a_dead_archiver_do_not_wait_for_each_other(site: Site, crawl_dir: Path) -> None:
    """The dispatcher waits for room, as long as it takes; the archiver dies meanwhile."""
    config = config_of(crawl_dir, f"{site.root}/", per_host=8, segment_size=SMALL_SEGMENT)
    with pytest.raises(ArchiverDied):
        await waited_for(config, FaultyFiles(fail_at=7), lambda crawl, outcome: crawl._opened.guard.refused())
