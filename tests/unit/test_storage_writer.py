"""The writer of a segment: what is told when, and what remains after each kind of failure."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import (
    AppendFile,
    CorruptArchive,
    DiskFiles,
    InvalidRecord,
    NoSpace,
    Record,
    RecordType,
    SegmentBroken,
    SegmentWriter,
    archive_directory,
    read_record,
    read_records,
    segment_name,
)
from tests.support.faults import FaultyFiles
from tests.support.warc import NOW, WARCINFO, MemoryLedger, capture, members, record_id, with_archive

NAME = "test-20260102030405678-00003.warc.gz"


async def born(directory: Path, files: FaultyFiles | None = None, number: int = 3) -> SegmentWriter:
    return await SegmentWriter.create(
        with_archive(directory), prefix="test", number=number, now=NOW, files=files or FaultyFiles(), warcinfo=WARCINFO
    )


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[SegmentWriter]:
    writer = await born(tmp_path)
    yield writer
    await writer.close()


def test_names() -> None:
    assert segment_name("test", NOW, 3) == NAME
    for prefix in ("", "a/b", "../a", "a b", "a\n", ".a", "é"):
        with pytest.raises(ValueError, match="cannot begin"):
            segment_name(prefix, NOW, 0)


async def test_birth_is_durable_before_it_is_told(tmp_path: Path) -> None:
    files = FaultyFiles()
    writer = await born(tmp_path, files)
    await writer.close()
    path = archive_directory(tmp_path) / f"{NAME}.open"
    assert writer.path == path
    assert files.operations[:4] == [
        f"open {path.name}",
        f"write {path.name}",
        f"sync {path.name}",
        "sync archive",
    ]
    first = read_record(path, 0)
    assert (first.record.type, first.record.id, first.block) == (RecordType.WARCINFO, writer.warcinfo_id, WARCINFO)
    assert first.header.get("WARC-Filename") == NAME
    assert (writer.name, writer.number, writer.records, writer.length) == (NAME, 3, 1, path.stat().st_size)


async def test_a_birth_makes_no_directory(tmp_path: Path) -> None:
    with pytest.raises(SegmentBroken, match="cannot begin a segment: No such file or directory"):
        await SegmentWriter.create(
            tmp_path / "gone", prefix="test", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
@pytest.mark.parametrize("fail_at", [1, 4])
async def test_a_birth_with_too_many_open_files_may_be_tried_again(tmp_path: Path, number: int, fail_at: int) -> None:
    with pytest.raises(NoSpace, match="cannot begin a segment: Too many open files"):
        await born(tmp_path, FaultyFiles(fail_at=fail_at, error=number))
    assert list((tmp_path / "archive").iterdir()) == []
    await (await born(tmp_path)).close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_a_seal_with_too_many_open_files_is_gone_on_with(tmp_path: Path, number: int) -> None:
    files, ledger = FaultyFiles(fail_at=10, error=number), MemoryLedger.empty()
    writer = await born(tmp_path, files)
    await writer.append([capture(1, b"one")])
    with pytest.raises(NoSpace, match="cannot be sealed yet: Too many open files"):
        await writer.seal(ledger, first_seq=1, last_seq=1, previous_sha256=None)
    assert files.operations[-2:] == [f"rename {NAME}.open {NAME}", "sync archive FAILS"]
    assert writer.path.is_file()
    with pytest.raises(RuntimeError, match="is renamed"):
        await writer.append([capture(2, b"two")])
    sealed = await writer.seal(ledger, first_seq=1, last_seq=1, previous_sha256=None)
    assert files.operations[-1] == "sync archive"
    assert sealed.sha256 == hashlib.sha256(writer.path.read_bytes()).hexdigest()
    await writer.close()


async def test_a_second_birth_never_takes_a_file_that_is_there(tmp_path: Path) -> None:
    writer = await born(tmp_path)
    await writer.close()
    before = writer.path.read_bytes()
    with pytest.raises(SegmentBroken, match="exists"):
        await born(tmp_path)
    assert writer.path.read_bytes() == before


async def test_append_tells_where_everything_lies(writer: SegmentWriter) -> None:
    groups = [capture(1, b"one"), [], capture(2, b"two" * 1000)]
    start = writer.length
    rows = await writer.append(groups)
    found = {offset: (compressed, plain) for offset, compressed, plain in members(writer.path)}
    assert [len(row) for row in rows] == [3, 0, 3]
    position = start
    for group, row in zip(groups, rows, strict=True):
        for record, written in zip(group, row, strict=True):
            compressed, plain = found[written.offset]
            assert (written.segment, written.offset, written.length) == (NAME, position, len(compressed))
            assert plain.endswith(b"\r\n\r\n" + bytes(record.block) + b"\r\n\r\n")  # type: ignore[arg-type]
            assert f"WARC-Warcinfo-ID: {writer.warcinfo_id}\r\n".encode() in plain
            assert f"WARC-Block-Digest: {written.block_digest}\r\n".encode() in plain
            assert (written.payload_digest is not None) == (record.type is RecordType.RESPONSE)
            assert written.record_id == record.id
            position += written.length
    assert (writer.length, writer.records) == (position, 7)
    assert await writer.append([]) == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_costs_the_batch_only(tmp_path: Path, error: int) -> None:
    writer = await born(tmp_path, FaultyFiles(fail_at=5, error=error))  # after the four operations of its birth
    before = writer.path.read_bytes()
    with pytest.raises(NoSpace, match="no room") as caught:
        await writer.append([capture(1, b"one" * 500)])
    assert caught.value.path == str(writer.path)
    assert writer.path.read_bytes() == before
    (row,) = await writer.append([capture(1, b"one" * 500)])
    assert read_record(writer.path, row[1].offset).block.endswith(b"one" * 500)
    sealed = await writer.seal(MemoryLedger.empty(), first_seq=1, last_seq=1, previous_sha256=None)
    assert sealed.sha256 == hashlib.sha256(writer.path.read_bytes()).hexdigest()


async def test_a_failed_cut_breaks_the_writer(tmp_path: Path) -> None:
    writer = await born(tmp_path, FaultyFiles(fail_at=5, error=errno.ENOSPC, lasting=True))
    with pytest.raises(SegmentBroken, match="cutting back"):
        await writer.append([capture(1, b"one")])
    await _is_broken(writer)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
async def test_a_failed_sync_is_final(tmp_path: Path, error: int) -> None:
    files = FaultyFiles(fail_at=6, error=error)
    writer = await born(tmp_path, files)
    length = writer.length
    with pytest.raises(SegmentBroken, match="sync"):
        await writer.append([capture(1, b"one")])
    assert writer.length == length
    await _is_broken(writer)
    assert files.operations[-2:] == [f"sync {NAME}.open FAILS", f"close {NAME}.open"]


async def test_any_other_write_error_is_final(tmp_path: Path) -> None:
    files = FaultyFiles(fail_at=5, error=errno.EIO)
    writer = await born(tmp_path, files)
    with pytest.raises(SegmentBroken, match="Input/output error"):
        await writer.append([capture(1, b"one")])
    await _is_broken(writer)
    assert not any(step.startswith("cut") for step in files.operations)


async def _is_broken(writer: SegmentWriter) -> None:
    assert "broken" in repr(writer)
    with pytest.raises(SegmentBroken):
        await writer.append([])
    with pytest.raises(SegmentBroken):
        await writer.rollback(0)
    with pytest.raises(SegmentBroken):
        await writer.seal(MemoryLedger.empty(), first_seq=None, last_seq=None, previous_sha256=None)
    await writer.close()


@dataclass(frozen=True)
class BadBlock:
    """A block that fails when it has been read half for the second time: after bytes have been written."""

    state: list[int]
    size: int = 12 << 20

    def chunks(self) -> Iterator[bytes]:
        self.state[0] += 1
        for number in range(12):
            if self.state[0] == 2 and number == 10:
                raise OSError(errno.ENOSPC, "the spool, not the segment")
            yield bytes(hashlib.shake_128(bytes([number])).digest(1 << 20))


async def test_a_bad_record_costs_the_batch_only(writer: SegmentWriter) -> None:
    before = writer.path.read_bytes()
    bad = Record(RecordType.RESOURCE, record_id(1), NOW, b"", None, "http://a/\n")
    with pytest.raises(InvalidRecord):
        await writer.append([capture(1, b"one"), [bad]])
    assert writer.path.read_bytes() == before
    unreadable = Record(RecordType.RESOURCE, record_id(1), NOW, BadBlock([0]), None, "http://a/")
    with pytest.raises(OSError, match="the spool") as caught:
        await writer.append([capture(1, b"one"), [unreadable]])
    assert not isinstance(caught.value, NoSpace)
    assert writer.path.read_bytes() == before
    await writer.append([capture(2, b"two")])
    assert len(list(read_records(writer.path))) == 4


@pytest.mark.parametrize("batches", [1, 6])
async def test_rollback_goes_to_a_committed_length(writer: SegmentWriter, batches: int) -> None:
    """Six batches are more than the writer remembers: it has to read the file to go on from there."""
    await writer.append([capture(1, b"one")])
    committed, content = writer.length, writer.path.read_bytes()
    for number in range(batches):
        await writer.append([capture(10 + number, b"later")])
    await writer.rollback(committed)
    assert (writer.length, writer.records, writer.path.read_bytes()) == (committed, 4, content)
    await writer.append([capture(2, b"two")])
    sealed = await writer.seal(MemoryLedger.empty(), first_seq=1, last_seq=2, previous_sha256=None)
    assert (sealed.records, sealed.sha256) == (7, hashlib.sha256(writer.path.read_bytes()).hexdigest())


async def test_rollback_refuses_what_cannot_be(writer: SegmentWriter) -> None:
    await writer.append([capture(1, b"one")])
    with pytest.raises(ValueError, match="only"):
        await writer.rollback(writer.length + 1)
    with pytest.raises(CorruptArchive):
        await writer.rollback(writer.length - 1)
    assert len(list(read_records(writer.path))) == 4


async def test_sealing_keeps_its_order(tmp_path: Path) -> None:
    ledger = MemoryLedger.empty()
    files = FaultyFiles()
    ledger.log = files.operations  # one log shows the order of both
    writer = await born(tmp_path, files)
    await writer.append([capture(1, b"one")])
    data = writer.path.read_bytes()
    before = len(files.operations)
    sealed = await writer.seal(ledger, first_seq=5, last_seq=9, previous_sha256="00")
    assert files.operations[before:] == [
        "ledger sealing",
        f"sync {NAME}.open",
        f"close {NAME}.open",
        f"rename {NAME}.open {NAME}",
        "sync archive",
        "ledger sealed",
    ]
    assert ledger.rows == [sealed]
    assert (sealed.name, sealed.number, sealed.records, sealed.bytes) == (NAME, 3, 4, len(data))
    assert (sealed.first_seq, sealed.last_seq, sealed.previous_sha256) == (5, 9, "00")
    assert sealed.sha256 == hashlib.sha256(data).hexdigest()
    assert [path.name for path in archive_directory(tmp_path).iterdir()] == [NAME]
    with pytest.raises(RuntimeError, match="sealed"):
        await writer.append([])
    await writer.close()


async def test_sealing_never_replaces_a_file(tmp_path: Path) -> None:
    writer = await born(tmp_path)
    (archive_directory(tmp_path) / NAME).write_bytes(b"precious")
    with pytest.raises(SegmentBroken, match="exists"):
        await writer.seal(MemoryLedger.empty(), first_seq=None, last_seq=None, previous_sha256=None)
    assert (archive_directory(tmp_path) / NAME).read_bytes() == b"precious"


class HangingFiles(DiskFiles):
    """Files whose second write waits until told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.writing, self.go_on = asyncio.Event(), asyncio.Event()

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        return _HangingFile(self, await super().open_append(path, create=create))


class _HangingFile:
    def __init__(self, files: HangingFiles, inner: AppendFile) -> None:
        self._files, self._inner, self._writes = files, inner, 0

    async def write(self, data: bytes) -> None:
        self._writes += 1
        if self._writes > 1:
            self._files.writing.set()
            await self._files.go_on.wait()
        await self._inner.write(data)

    async def sync(self) -> None:
        await self._inner.sync()

    async def cut(self, length: int) -> None:
        await self._inner.cut(length)

    async def close(self) -> None:
        await self._inner.close()


async def hanging(directory: Path) -> tuple[SegmentWriter, HangingFiles, asyncio.Task[object]]:
    files = HangingFiles()
    writer = await SegmentWriter.create(
        with_archive(directory), prefix="test", number=0, now=NOW, files=files, warcinfo=WARCINFO
    )
    task: asyncio.Task[object] = asyncio.create_task(writer.append([capture(1, b"one")]))
    await files.writing.wait()
    return writer, files, task


async def test_one_operation_at_a_time(tmp_path: Path) -> None:
    writer, files, task = await hanging(tmp_path)
    with pytest.raises(RuntimeError, match="under way"):
        await writer.append([])
    files.go_on.set()
    await task
    assert len(list(read_records(writer.path))) == 4
    await writer.close()


async def test_a_cancel_in_the_midst_of_an_append_breaks_the_writer(tmp_path: Path) -> None:
    writer, _, task = await hanging(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _is_broken(writer)


async def test_a_task_of_its_own_survives_the_cancels_of_its_waiter(tmp_path: Path) -> None:
    writer, files, task = await hanging(tmp_path)
    for _ in range(3):
        waiter = asyncio.create_task(asyncio.wait([task]))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    files.go_on.set()
    await task
    assert len(list(read_records(writer.path))) == 4
    await writer.close()


async def test_what_could_not_be_born_leaves_nothing(tmp_path: Path) -> None:
    for fail_at, error, raised in (
        (1, errno.ENOSPC, NoSpace),
        (2, errno.ENOSPC, NoSpace),
        (2, errno.EIO, SegmentBroken),
        (3, errno.EIO, SegmentBroken),
        (4, errno.EIO, SegmentBroken),
    ):
        directory = tmp_path / f"{fail_at}-{error}"
        with pytest.raises(raised):
            await born(directory, FaultyFiles(fail_at=fail_at, error=error))
        assert list(archive_directory(directory).iterdir()) == []
