"""The n-th file operation fails, for n = 1, 2, 3 … until a pass is clean; what was committed is there, to the byte."""

from __future__ import annotations

import errno
import hashlib
import random
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

import storage.segment
from storage import (
    CorruptArchive,
    DiskFiles,
    Files,
    NoSpace,
    Record,
    SegmentBroken,
    SegmentWriter,
    Written,
    archive_directory,
    check_sealed,
    read_record,
    read_records,
    recover,
    settle_orphans,
    verify_chain,
    write_manifest,
)
from tests.support.faults import FaultyFiles
from tests.support.warc import NOW, WARCINFO, MemoryLedger, capture, with_archive

FAULTS = [
    pytest.param(errno.ENOSPC, False, id="full once"),
    pytest.param(errno.ENOSPC, True, id="full"),
    pytest.param(errno.EIO, False, id="fault once"),
    pytest.param(errno.EIO, True, id="dead"),
]
CRASHES = [pytest.param(False, id="kill"), pytest.param(True, id="power cut")]
BATCHES = [
    [[capture(number, random.Random(number).randbytes(size)) for number, size in enumerate(sizes, start)]]
    for start, sizes in ((1, (200, 3000)), (10, (60_000,)), (20, (0, 10, 500)), (30, (2000,)))
]
"""Four batches; the second is larger than PIECE below and so takes several writes."""


@dataclass(slots=True)
class Crawl:
    """What a crawl would do: two segments, two batches each, each committed after its append."""

    directory: Path
    files: Files
    ledger: MemoryLedger
    committed: list[tuple[Record, Written]]
    full: int = 0

    async def run(self) -> None:
        for number in (0, 1):
            writer = await self.birth(number)
            try:
                for batch in BATCHES[2 * number : 2 * number + 2]:
                    await self.append(writer, batch[0])
                if number == 0:
                    await writer.seal(self.ledger, first_seq=1, last_seq=3, previous_sha256=None)
            finally:
                await writer.close()

    async def birth(self, number: int) -> SegmentWriter:
        while True:
            try:
                now = NOW + timedelta(milliseconds=number * 100 + self.full)
                writer = await SegmentWriter.create(
                    with_archive(self.directory),
                    prefix="test",
                    number=number,
                    now=now,
                    files=self.files,
                    warcinfo=WARCINFO,
                    level=1,
                )
            except NoSpace:
                self.waited()
                continue
            self.ledger.commit(writer.name, writer.length)
            return writer

    async def append(self, writer: SegmentWriter, groups: list[list[Record]]) -> None:
        while True:
            before = writer.length, writer.records
            try:
                written = await writer.append(groups)
            except NoSpace:
                assert (writer.length, writer.records) == before
                assert writer.path.stat().st_size == writer.length
                self.waited()
                continue
            self.ledger.commit(writer.name, writer.length)
            for group, places in zip(groups, written, strict=True):
                self.committed += zip(group, places, strict=True)
            return

    def waited(self) -> None:
        self.full += 1
        if self.full > 2:
            raise NoSpace("the test waits no longer")


async def start_again(directory: Path, ledger: MemoryLedger, files: Files) -> None:
    """What a crawl does on start, by the ledger alone."""
    await settle_orphans(directory, ledger.states, files)
    for number, (name, state) in enumerate(sorted(ledger.states.items())):
        if state == "sealed":
            check_sealed(directory, name, ledger.lengths[name])
            continue
        recovered = await recover(directory, name, ledger.lengths[name], state, files)
        seqs = (1, 3) if number == 0 else (4, 7)
        await ledger.sealed(
            recovered.sealed(number, first_seq=seqs[0], last_seq=seqs[1], previous_sha256=ledger.last_sha256)
        )


def check(directory: Path, crawl: Crawl) -> None:
    """Everything committed is there byte for byte, and nothing else."""
    archive = archive_directory(directory)
    for record, place in crawl.committed:
        read = read_record(archive / place.segment, place.offset)
        assert (read.block, read.record.id, read.length) == (record.block, record.id, place.length)
    names = {path.name for path in archive.iterdir()} if archive.exists() else set()
    assert {name for name in names if not name.endswith(".orphan")} == set(crawl.ledger.states)
    for row in crawl.ledger.rows:
        data = (archive / row.name).read_bytes()
        assert len(data) == row.bytes == crawl.ledger.lengths[row.name]
        assert hashlib.sha256(data).hexdigest() == row.sha256
        ids = [read.record.id for read in read_records(archive / row.name)]
        assert len(ids) == row.records
        assert ids[1:] == [record.id for record, place in crawl.committed if place.segment == row.name]
    write_manifest(directory, crawl.ledger.rows)
    assert verify_chain(directory) == []


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.segment, "PIECE", 20_000)


@pytest.mark.parametrize("power_cut", CRASHES)
@pytest.mark.parametrize(("error", "lasting"), FAULTS)
async def test_every_operation_may_fail(memory_path: Path, error: int, lasting: bool, power_cut: bool) -> None:
    for fail_at in count(1):
        directory = memory_path / str(fail_at)
        files = FaultyFiles(fail_at=fail_at, error=error, lasting=lasting)
        crawl = Crawl(directory, files, MemoryLedger.empty(), [])
        stopped = False
        try:
            await crawl.run()
        except (NoSpace, SegmentBroken):
            stopped = True
        if not files.fired:
            assert not stopped
            assert len(crawl.committed) == 21
            break
        if lasting or error == errno.EIO:
            failed = next(step for step in files.operations if step.endswith("FAILS"))
            assert stopped or failed.startswith("close"), failed
        if power_cut:
            files.power_cut()
        await start_again(directory, crawl.ledger, DiskFiles())
        check(directory, crawl)
    assert fail_at > 20, "the loop must have met every kind of operation"


@pytest.mark.parametrize("power_cut", CRASHES)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "fault"])
async def test_recovery_may_fail_anywhere_and_be_repeated(memory_path: Path, error: int, power_cut: bool) -> None:
    for fail_at in count(1):
        directory = memory_path / str(fail_at)
        crawl = Crawl(directory, DiskFiles(), MemoryLedger.empty(), [])
        await crawl.run()
        archive = archive_directory(directory)
        (name,) = (name for name, state in crawl.ledger.states.items() if state == "open")
        with (archive / f"{name}.open").open("ab") as file:
            file.write(b"never committed")
        (archive / "test-20260102030405000-00007.warc.gz.open").write_bytes(b"")
        files = FaultyFiles(fail_at=fail_at, error=error)
        try:
            await start_again(directory, crawl.ledger, files)
        except SegmentBroken:
            assert files.fired
            if power_cut:
                files.power_cut()
            await start_again(directory, crawl.ledger, DiskFiles())
        check(directory, crawl)
        if not files.fired:
            break
    assert fail_at > 6


@pytest.mark.parametrize("name", ["open", "sealing"])
async def test_torn_at_every_byte_of_its_last_record(memory_path: Path, name: str) -> None:
    """Beyond the committed length everything goes; below it nothing may be missing."""
    source = Crawl(memory_path / "source", DiskFiles(), MemoryLedger.empty(), [])
    writer = await source.birth(0)
    await source.append(writer, [capture(1, b"first")])
    committed = writer.length
    await writer.append([capture(2, b"second")[1:2]])
    data = writer.path.read_bytes()
    await writer.close()
    for length in range(committed - 3, len(data) + 1):
        directory = memory_path / str(length)
        archive = archive_directory(directory)
        archive.mkdir(parents=True)
        path = archive / f"{writer.name}.open"
        path.write_bytes(data[:length])
        if length < committed:
            with pytest.raises(CorruptArchive, match=f"{length} bytes; {committed} are committed"):
                await recover(directory, writer.name, committed, name, DiskFiles())
            assert path.read_bytes() == data[:length]
            continue
        recovered = await recover(directory, writer.name, committed, name, DiskFiles())
        assert (recovered.length, recovered.records, recovered.discarded) == (committed, 4, length - committed)
        assert recovered.sha256 == hashlib.sha256(data[:committed]).hexdigest()
        assert [path.name for path in archive.iterdir()] == [writer.name]
        assert (archive / writer.name).read_bytes() == data[:committed]
