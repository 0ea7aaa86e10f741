"""Starting again: what the ledger says, what the directory holds, and what becomes of what nobody names."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import pytest

from storage import (
    CorruptArchive,
    DiskFiles,
    OrphanFate,
    SegmentWriter,
    archive_directory,
    check_sealed,
    recover,
    settle_orphans,
)
from storage.recovery import holds_no_capture
from tests.support.faults import FaultyFiles
from tests.support.warc import NOW, WARCINFO, capture, with_archive

NAME = "test-20260102030405678-00000.warc.gz"


@pytest.fixture
async def archive(tmp_path: Path) -> Path:
    """An archive whose segment was left open."""
    writer = await SegmentWriter.create(
        with_archive(tmp_path), prefix="test", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO
    )
    await writer.append([capture(1, b"one")])
    await writer.close()
    return archive_directory(tmp_path)


async def test_an_open_segment_is_sealed_as_it_stands(archive: Path) -> None:
    data = (archive / f"{NAME}.open").read_bytes()
    files = FaultyFiles()
    recovered = await recover(archive.parent, NAME, len(data), "open", files)
    assert (recovered.length, recovered.records, recovered.discarded) == (len(data), 4, 0)
    assert recovered.sha256 == hashlib.sha256(data).hexdigest()
    assert (archive / NAME).read_bytes() == data
    assert files.operations == [
        f"open {NAME}.open",
        f"cut {NAME}.open",
        f"sync {NAME}.open",
        f"close {NAME}.open",
        f"rename {NAME}.open {NAME}",
        "sync archive",
    ]
    row = recovered.sealed(7, first_seq=1, last_seq=2, previous_sha256="00")
    assert (row.name, row.number, row.bytes, row.sha256) == (NAME, 7, len(data), recovered.sha256)
    check_sealed(archive.parent, NAME, len(data))


@pytest.mark.parametrize("state", ["open", "sealing"])
async def test_a_segment_already_renamed_is_left_as_it_is(archive: Path, state: str) -> None:
    data = (archive / f"{NAME}.open").read_bytes()
    (archive / f"{NAME}.open").rename(archive / NAME)
    files = FaultyFiles()
    recovered = await recover(archive.parent, NAME, len(data), state, files)
    assert (recovered.records, recovered.discarded) == (4, 0)
    assert files.operations == ["sync archive"], "the rename may not have been durable"


async def test_contradictions_are_named_and_nothing_is_touched(archive: Path) -> None:
    path, final = archive / f"{NAME}.open", archive / NAME
    data = path.read_bytes()
    with pytest.raises(CorruptArchive, match=rf"{path}: the file has only {len(data)} bytes; 9999 are committed"):
        await recover(archive.parent, NAME, 9999, "open", DiskFiles())
    with pytest.raises(CorruptArchive, match="within a record"):
        await recover(archive.parent, NAME, len(data) - 5, "open", DiskFiles())
    with pytest.raises(CorruptArchive, match=r"other.*missing; 5 bytes are committed"):
        await recover(archive.parent, NAME.replace("test", "other"), 5, "sealing", DiskFiles())
    final.write_bytes(data)
    with pytest.raises(CorruptArchive, match="both"):
        await recover(archive.parent, NAME, len(data), "sealing", DiskFiles())
    path.unlink()
    with pytest.raises(CorruptArchive, match=f"has {len(data)} bytes; 40 are committed"):
        await recover(archive.parent, NAME, 40, "sealing", DiskFiles())
    with pytest.raises(CorruptArchive, match="no segment's name"):
        await recover(archive.parent, f"../{NAME}", 40, "sealing", DiskFiles())
    with pytest.raises(ValueError, match="sealed"):
        await recover(archive.parent, NAME, 40, "sealed", DiskFiles())
    assert final.read_bytes() == data


async def test_records_in_the_cut_tail_are_no_records(archive: Path) -> None:
    """The tail holds whole, valid records, which were never committed."""
    path = archive / f"{NAME}.open"
    data = path.read_bytes()
    with path.open("ab") as file:
        file.write(data)
    recovered = await recover(archive.parent, NAME, len(data), "open", DiskFiles())
    assert (recovered.records, recovered.discarded) == (4, len(data))
    assert (archive / NAME).read_bytes() == data


def test_a_sealed_segment_is_looked_at(archive: Path) -> None:
    with pytest.raises(CorruptArchive, match="missing"):
        check_sealed(archive.parent, NAME, 5)
    (archive / NAME).write_bytes(b"1234")
    with pytest.raises(CorruptArchive, match="has 4 bytes; the ledger says 5"):
        check_sealed(archive.parent, NAME, 5)


async def test_a_birth_that_nobody_names_is_removed_at_every_length(archive: Path) -> None:
    data = (archive / f"{NAME}.open").read_bytes()
    other = archive / "test-20260102030405678-00001.warc.gz.open"
    first = end_of_first_member(data)
    for length in (*range(0, first, 7), first):
        other.write_bytes(data[:length])
        (orphan,) = await settle_orphans(archive.parent, {NAME}, DiskFiles())
        assert (orphan.path, orphan.length, orphan.fate) == (other, length, OrphanFate.REMOVED)
        assert not other.exists()
        assert "removed" in str(orphan)
    assert (archive / f"{NAME}.open").read_bytes() == data, "what the ledger names stays"


def end_of_first_member(data: bytes) -> int:
    inflate = zlib.decompressobj(31)
    inflate.decompress(data)
    return len(data) - len(inflate.unused_data)


async def test_what_might_be_a_capture_is_set_aside(archive: Path) -> None:
    data = (archive / f"{NAME}.open").read_bytes()
    other = archive / "test-20260102030405678-00001.warc.gz.open"
    first = end_of_first_member(data)
    tries = [data[: first + 1], data, b"no gzip", gzip.compress(b"WARC/1.1\r\nWARC-Type: response\r\n"), bytes(2 << 20)]
    for number, content in enumerate(tries, 1):
        other.write_bytes(content)
        assert not holds_no_capture(other)
        (orphan,) = await settle_orphans(archive.parent, {NAME}, DiskFiles())
        assert orphan.fate is OrphanFate.SET_ASIDE
        assert orphan.moved_to is not None
        suffix = f"-{number}" if number > 1 else ""
        assert orphan.moved_to.name == other.name.removesuffix(".open") + ".orphan" + suffix
        assert orphan.moved_to.read_bytes() == content
        assert "set aside" in str(orphan)


async def test_there_may_be_no_archive_yet(tmp_path: Path) -> None:
    assert await settle_orphans(tmp_path, (), DiskFiles()) == []
