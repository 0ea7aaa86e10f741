"""A crawl in which the n-th file operation, or the n-th transaction, fails, for n = 1, 2, 3 … until a pass is clean.

It ends by an error or waits for room and goes on; it never hangs. What it told is where its receipts say at that very
moment, and after a resume on a sound disk everything is there exactly once.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import ArchiverDied, CrawlError, DiskFailed, OutOfDisk
from crawler.frontier.store import Store
from crawler.model import Outcome
from crawler.progress import Summary
from storage import ArchiveError, Files, verify_chain
from tests.support.archive_check import assert_complete, assert_kept, read_log
from tests.support.engine import QuickClock, config_of, opened
from tests.support.faults import FaultyFiles
from tests.support.site import SMALL_SEGMENT, Site, small_site

HANGS = 20
"""Seconds after which a crawl of the small site is said to hang."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(small_site()) as running:
        yield running


async def crawl(
    site: Site, directory: Path, told: list[Outcome], files: Files | None = None, **options: Any
) -> Summary | Exception:
    """One run; the error it ended by, if it did."""
    config = config_of(directory, f"{site.root}/", per_host=8, segment_size=SMALL_SEGMENT, **options)
    try:
        async with asyncio.timeout(HANGS):
            async with opened(config, files=files, clock=QuickClock(200)) as running:
                running.add_done_callback(told.append)
                return await running.wait()
    except (CrawlError, ArchiveError) as error:
        return error


async def resumed(site: Site, directory: Path, told: list[Outcome]) -> None:
    """What was told holds now; a run on a sound disk completes the crawl and leaves what was told as it is."""
    assert_kept(directory, site.root, site.answers, told)
    again: list[Outcome] = []
    ended = await crawl(site, directory, again)
    assert isinstance(ended, Summary), ended
    assert (ended.exit_code, ended.finished) == (0, True)
    assert_complete(directory, site.root, site.answers)
    assert verify_chain(directory) == []
    assert_kept(directory, site.root, site.answers, [*told, *again])
    log = {line["seq"]: (line["url"], line["segment"], line["offset"]) for line in read_log(directory)}
    for outcome in told + again:
        if outcome.receipt is not None:
            assert log[outcome.seq] == (outcome.url, outcome.receipt.segment, outcome.receipt.offset)


@pytest.mark.parametrize("lasting", [False, True])
async def test_a_segment_to_be_born_waits_for_a_file_descriptor(
    site: Site, tmp_path: Path, lasting: bool, caplog: pytest.LogCaptureFixture
) -> None:
    files, told = FaultyFiles(fail_at=SYNCS_OF_OPENING + 1, error=errno.EMFILE, lasting=lasting), list[Outcome]()
    ended = await crawl(site, tmp_path, told, files, disk_wait=5.0)
    assert files.operations[SYNCS_OF_OPENING].startswith("open ")
    assert isinstance(ended, Summary), ended
    assert "too many files are open; paused until there is room" in caplog.text
    if lasting:
        assert (ended.exit_code, "too many files are open" in str(ended.stopped_by)) == (3, True)
        await resumed(site, tmp_path, told)
    else:
        assert ended.exit_code == 0
        assert_complete(tmp_path, site.root, site.answers)


class NoDescriptorAtSeals(FaultyFiles):
    """Each segment that is sealed finds, when its directory is to be synced, that too many files are open."""

    def step(self, operation: str) -> None:
        super().step(operation)
        if operation == "sync archive" and self.operations[-2].startswith("rename "):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


async def test_a_segment_to_be_sealed_waits_for_a_file_descriptor(site: Site, tmp_path: Path) -> None:
    files, told = NoDescriptorAtSeals(), list[Outcome]()
    ended = await crawl(site, tmp_path, told, files)
    assert isinstance(ended, Summary), ended
    assert (ended.exit_code, len(ended.segments) > 1) == (0, True)
    assert_complete(tmp_path, site.root, site.answers)
    assert verify_chain(tmp_path) == []


SYNCS_OF_OPENING = 2
"""The crawl's directory and the one it lies in, before the first segment."""


@pytest.mark.parametrize(
    ("error", "lasting", "power_cut"),
    [
        pytest.param(errno.ENOSPC, False, False, id="full once"),
        pytest.param(errno.ENOSPC, True, False, id="full"),
        pytest.param(errno.EIO, False, False, id="fault once"),
        pytest.param(errno.EIO, True, False, id="dead"),
        pytest.param(errno.EIO, False, True, id="fault, power cut"),
    ],
)
async def test_every_file_operation_may_fail(
    site: Site, memory_path: Path, error: int, lasting: bool, power_cut: bool
) -> None:
    for fail_at in count(1):
        directory, told = memory_path / str(fail_at), list[Outcome]()
        files = FaultyFiles(fail_at=fail_at, error=error, lasting=lasting)
        ended = await crawl(site, directory, told, files, disk_wait=5.0)
        context = f"{files.operations[fail_at - 1 : fail_at]}: {ended}"
        if not files.fired:
            assert isinstance(ended, Summary), context
            assert_complete(directory, site.root, site.answers)
            break
        operation = files.operations[fail_at - 1]
        if fail_at <= SYNCS_OF_OPENING:  # the crawl never began
            assert isinstance(ended, OutOfDisk if error == errno.ENOSPC else DiskFailed), context
            assert told == []
        elif error == errno.ENOSPC:
            # A write that found no room is tried again; a sync that told of it too late is not, but ends in peace.
            waits = operation.startswith(("open", "write")) and not lasting
            assert isinstance(ended, Summary), context
            assert ended.exit_code in ((0,) if waits else (0, 3)), context
            if ended.exit_code == 3:
                assert any(word in str(ended.stopped_by) for word in ("room", "No space left")), context
        elif not isinstance(ended, Summary):
            assert isinstance(ended, ArchiverDied), context
            assert "Input/output error" in str(ended), context
        if power_cut:
            files.power_cut()
        await resumed(site, directory, told)
    assert fail_at > 30, "the loop must have met births, appends and seals"


class FaultyConnection(sqlite3.Connection):
    """A connection whose `fail_at`-th transaction reports an error before or after it took effect."""

    fail_at = 0
    transactions = 0
    effective = False
    """True: the transaction takes effect and the error is reported all the same."""
    name = "SQLITE_IOERR_FSYNC"

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        kind = FaultyConnection
        ends = sql == "COMMIT" or (sql.startswith("INSERT INTO segments") and not self.in_transaction)
        kind.transactions += ends
        if not ends or kind.transactions != kind.fail_at:
            return super().execute(sql, *parameters)
        if kind.effective:
            super().execute(sql, *parameters)
        error = sqlite3.OperationalError(f"{kind.name}, by the test")
        error.sqlite_errorname = kind.name
        raise error


@pytest.mark.parametrize("effective", [False, True], ids=["before it took effect", "after it took effect"])
@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_IOERR_FSYNC"])
async def test_every_transaction_may_fail(
    site: Site, memory_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, effective: bool
) -> None:
    fault = FaultyConnection
    monkeypatch.setattr(fault, "name", name)
    monkeypatch.setattr(fault, "effective", effective)
    for fail_at in count(1):
        directory, told = memory_path / str(fail_at), list[Outcome]()
        fault.fail_at, fault.transactions = fail_at, 0
        with monkeypatch.context() as patched:
            patched.setattr(Store, "connection", fault)
            ended = await crawl(site, directory, told)
        if fault.transactions < fail_at:
            assert isinstance(ended, Summary), ended
            break
        # The first three transactions are the opening's (digest, seeds, rules in force); after them room is waited
        # for, if nothing took effect.
        if name == "SQLITE_FULL" and not effective and fail_at > 3:
            assert isinstance(ended, Summary), ended
            assert ended.exit_code == 0
            assert_complete(directory, site.root, site.answers)
        await resumed(site, directory, told)
    assert fail_at > 8
