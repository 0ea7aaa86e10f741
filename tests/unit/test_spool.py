"""Received bytes, in memory and on disk: the same bytes, and a full disk is never silent."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crawler.wire.spool import PIECE, Spool, SpoolError


@pytest.mark.parametrize("memory_limit", [0, 10, 1 << 20])
def test_reads_what_was_written(tmp_path: Path, memory_limit: int) -> None:
    data = os.urandom(5000)
    spool = Spool(tmp_path, memory_limit)
    for at in range(0, len(data), 700):
        spool.write(data[at : at + 700])
    assert spool.size == 5000
    assert spool.in_memory == (5000 if memory_limit > 5000 else 0)
    assert spool.read(0, 5000) == data
    assert spool.read(600, 2000) == data[600:2000]
    assert spool.read(4000, 9000) == data[4000:]
    assert spool.read(9000, 9999) == b""
    assert b"".join(spool.chunks()) == data
    assert b"".join(spool.chunks(10, 20)) == data[10:20]
    assert list(tmp_path.iterdir()) == []  # unlinked from the start
    spool.close()


def test_moves_to_the_file_only_above_the_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10)
    spool.write(b"0123456789")
    assert spool.in_memory == 10
    spool.write(b"x")
    assert spool.in_memory == 0
    assert spool.read(0, 99) == b"0123456789x"
    spool.close()


def test_chunks_are_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write(bytes(2 * PIECE + 5))
    assert [len(piece) for piece in spool.chunks(3)] == [PIECE, PIECE, 2]
    spool.close()


def test_close_frees_and_may_be_called_twice(tmp_path: Path) -> None:
    for memory_limit in (0, 100):
        spool = Spool(tmp_path, memory_limit)
        spool.write(b"data")
        spool.close()
        spool.close()
        assert (spool.in_memory, spool.size, spool.read(0, 9)) == (0, 0, b"")


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "nowhere", 3)
    spool.write(b"abc")
    with pytest.raises(SpoolError, match="nowhere"):
        spool.write(b"d")
    assert spool.read(0, 9) == b"abc"


@contextmanager
def small_files() -> Iterator[None]:
    """The kernel refuses files above 1000 bytes, as a full disk does: the last write is short, the next one fails.

    No longer than that: where the tests' own output goes may be a file, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_costs_only_that_write(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 0)
    spool.write(b"a" * 900)
    with small_files(), pytest.raises(SpoolError):
        spool.write(b"b" * 200)  # 100 of them fit
    assert spool.size == 900
    spool.write(b"c" * 50)
    assert spool.read(0, 5000) == b"a" * 900 + b"c" * 50
    spool.close()


def test_a_full_disk_at_the_move_keeps_what_memory_holds(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2000)
    spool.write(b"a" * 1500)
    with small_files(), pytest.raises(SpoolError):
        spool.write(b"b" * 600)
    assert spool.read(0, 5000) == b"a" * 1500
    spool.close()
