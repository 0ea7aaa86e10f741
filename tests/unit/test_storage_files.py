"""File operations on a real disk: nothing is half done unseen, nothing is replaced."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from storage import DiskFiles
from storage.files import is_full

ROOT = Path(__file__).resolve().parents[2]

SHORT_WRITE = """
import asyncio, resource, sys
from pathlib import Path
from storage import DiskFiles

async def main():
    path = Path(sys.argv[1])
    file = await DiskFiles().open_append(path, create=True)
    await file.write(b"0123")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))  # the kernel writes up to that, then refuses
    try:
        await file.write(b"456789abcdef")
    except OSError as error:
        print(error.errno, path.read_bytes().decode())
    await file.cut(4)
    await file.write(b"xy")
    await file.sync()
    await file.close()
    print(path.read_bytes().decode())

asyncio.run(main())
"""


def test_a_short_write_is_gone_on_with_and_its_error_told(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHORT_WRITE, str(tmp_path / "file")]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert told.splitlines() == [f"{errno.EFBIG} 0123456789", "0123xy"]


async def test_appending_to_what_is_there(tmp_path: Path) -> None:
    path, files = tmp_path / "file", DiskFiles()
    path.write_bytes(b"0123")
    with pytest.raises(FileExistsError):
        await files.open_append(path, create=True)
    file = await files.open_append(path, create=False)
    await file.write(b"45")
    await file.cut(3)
    await file.write(b"x" * 100_000)
    await file.close()
    assert path.read_bytes() == b"012" + b"x" * 100_000
    with pytest.raises(FileNotFoundError):
        await files.open_append(tmp_path / "other", create=False)


async def test_a_rename_never_replaces(tmp_path: Path) -> None:
    source, target, files = tmp_path / "source", tmp_path / "target", DiskFiles()
    source.write_bytes(b"new")
    target.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        await files.rename(source, target)
    assert (source.read_bytes(), target.read_bytes()) == (b"new", b"precious")
    await files.remove(target)
    await files.rename(source, target)
    await files.sync_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_what_counts_as_full() -> None:
    full = [number for number in errno.errorcode if is_full(OSError(number, ""))]
    assert sorted(full) == sorted([errno.ENOSPC, errno.EDQUOT])
