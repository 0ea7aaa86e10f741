"""Later rounds under `kill -9` and failing disks: nothing is lost or done twice, and no revisit refers to nothing."""

from __future__ import annotations

import asyncio
import errno
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from crawler.frontier.store import Store
from crawler.progress import Summary
from storage import Files, verify_chain
from tests.crash.test_fault_loop import FaultyConnection, crawl
from tests.crash.test_kill import start, wait_for_progress
from tests.support.faults import FaultyFiles
from tests.support.site import small_site, wide_site
from tests.support.versions import VersionedSite, assert_rounds

PAGES = 300
KILLS = 12


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_at_random_instants_of_a_later_round(
    crawl_dir: Path, rng: random.Random, rounds: Callable[[int], int]
) -> None:
    answers = wide_site(PAGES, seed=rng.randrange(1 << 30), copies=PAGES // 5)
    log = crawl_dir / "logs" / "urls.jsonl"
    with VersionedSite(answers) as site:
        first = start(site, crawl_dir)
        _, errors = first.communicate(timeout=60)
        assert first.returncode == 0, errors.decode()
        site.change(rng.sample(sorted(answers), PAGES // 5))
        for _ in range(rounds(KILLS)):
            process = start(site, crawl_dir, "--recrawl")
            if rng.random() < 0.4:  # while it opens, and begins the round
                time.sleep(rng.uniform(0.1, 0.7))
            else:
                wait_for_progress(process, log, log.stat().st_size + rng.randrange(1, 8000))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        process = start(site, crawl_dir, "--recrawl")
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
        last = int(str(last_round(log)))
        print(f"{last} rounds")
        assert last >= 2
        assert_rounds(crawl_dir, site.root, {1: answers, 2: site.answers}, last)
        assert verify_chain(crawl_dir) == []


def last_round(log: Path) -> int:
    found = log.read_text().rpartition('"round":')[2]
    return int(found.partition("}")[0])


@pytest.fixture(scope="module")
def site() -> Iterator[VersionedSite]:
    with VersionedSite(small_site()) as running:
        yield running


@pytest.fixture(scope="module")
def finished(site: VersionedSite, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A first round, and the answers it had; some have changed since."""
    directory = tmp_path_factory.mktemp("first") / "crawl"
    before = dict(site.answers)
    assert isinstance(asyncio.run(crawl(site, directory, [])), Summary)
    site.change(["/", "/p/3", "/img/2.png"])
    return directory, before


async def recrawled(site: VersionedSite, directory: Path, files: Files | None = None) -> Summary | Exception:
    return await crawl(site, directory, [], files, recrawl=True, disk_wait=5.0)


async def completed(site: VersionedSite, directory: Path, before: dict[str, bytes]) -> None:
    """On a sound disk the round goes on to its end; if it had ended already, another follows."""
    ended = await recrawled(site, directory)
    assert isinstance(ended, Summary), ended
    assert (ended.exit_code, ended.finished) == (0, True)
    assert ended.round in (2, 3)
    assert_rounds(directory, site.root, {1: before, 2: site.answers}, ended.round)
    assert verify_chain(directory) == []


@pytest.mark.parametrize(
    ("error", "lasting"),
    [pytest.param(errno.ENOSPC, False, id="full once"), pytest.param(errno.EIO, True, id="dead")],
)
async def test_every_file_operation_of_a_later_round_may_fail(
    site: VersionedSite, finished: tuple[Path, dict[str, bytes]], memory_path: Path, error: int, lasting: bool
) -> None:
    first, before = finished
    for fail_at in count(1):
        directory = memory_path / str(fail_at)
        shutil.copytree(first, directory)
        files = FaultyFiles(fail_at=fail_at, error=error, lasting=lasting)
        ended = await recrawled(site, directory, files)
        if not files.fired:
            assert isinstance(ended, Summary), ended
            assert_rounds(directory, site.root, {1: before, 2: site.answers}, 2)
            break
        await completed(site, directory, before)
    assert fail_at > 8, "the loop must have met births, appends and seals"


@pytest.mark.parametrize("effective", [False, True], ids=["before it took effect", "after it took effect"])
async def test_every_transaction_of_a_later_round_may_fail(
    site: VersionedSite, finished: tuple[Path, dict[str, bytes]], memory_path: Path, monkeypatch: pytest.MonkeyPatch,
    effective: bool,
) -> None:  # fmt: skip
    first, before = finished
    fault = FaultyConnection
    monkeypatch.setattr(fault, "name", "SQLITE_FULL")
    monkeypatch.setattr(fault, "effective", effective)
    for fail_at in count(1):
        directory = memory_path / str(fail_at)
        shutil.copytree(first, directory)
        fault.fail_at, fault.transactions = fail_at, 0
        with monkeypatch.context() as patched:
            patched.setattr(Store, "connection", fault)
            await recrawled(site, directory)
        if fault.transactions < fail_at:
            break
        await completed(site, directory, before)
    assert fail_at > 6
