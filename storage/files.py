"""Every operation that changes a file of the archive, behind one seam, so that a test can make the n-th of them fail.

What POSIX does *not* promise, and this project therefore does not assume:
- that written bytes survive a crash before `sync`;
- that a created or renamed name survives before `sync_directory`;
- that a second sync after a failed one tells the truth: the kernel may have dropped the pages and marked them clean.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

import aiofiles
import aiofiles.ospath


class AppendFile(Protocol):
    """A file that only grows, except when it is cut back."""

    async def write(self, data: bytes) -> None:
        """Appends all of `data`. Raises OSError; then any part of it may have been written."""

    async def sync(self) -> None:
        """fdatasync. Raises OSError; then the file must not be synced again."""

    async def cut(self, length: int) -> None:
        """Shortens the file to `length` bytes and continues appending there."""

    async def close(self) -> None:
        """Closes without syncing."""


class Files(Protocol):
    """File operations of the writer. All raise OSError."""

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        """Opens for appending; `create` demands that the file did not exist (O_EXCL)."""

    async def rename(self, source: Path, target: Path) -> None: ...

    async def sync_directory(self, path: Path) -> None: ...


class DiskAppendFile:
    """An append file on a real disk; aiofiles runs each call in `executor`."""

    def __init__(self, handle: aiofiles.threadpool.binary.AsyncFileIO, executor: Executor | None) -> None:
        self._handle = handle
        self._executor = executor

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # an unbuffered write may be short
            written = await self._handle.write(view)
            view = view[written:]

    async def sync(self) -> None:
        await aiofiles.ospath.wrap(os.fdatasync)(self._handle.fileno(), executor=self._executor)

    async def cut(self, length: int) -> None:
        await self._handle.truncate(length)
        await self._handle.seek(length)

    async def close(self) -> None:
        await self._handle.close()


class DiskFiles:
    """The real file system, through aiofiles."""

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags | os.O_CLOEXEC | (os.O_EXCL if create else 0), 0o644)

        mode = "xb" if create else "r+b"
        handle = await aiofiles.open(path, mode, buffering=0, opener=opener, executor=self._executor)
        await handle.seek(0, os.SEEK_END)
        return DiskAppendFile(handle, self._executor)

    async def rename(self, source: Path, target: Path) -> None:
        await aiofiles.ospath.wrap(os.rename)(source, target, executor=self._executor)

    async def sync_directory(self, path: Path) -> None:
        await aiofiles.ospath.wrap(_sync_directory)(path, executor=self._executor)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
