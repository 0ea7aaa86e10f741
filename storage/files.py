"""Every operation that changes a file of the archive, behind one seam, so that a test can make the n-th of them fail.

What POSIX does *not* promise, and this project therefore does not assume:
- that written bytes survive a crash before `sync`;
- that a created, renamed or removed name survives before `sync_directory`;
- that a second sync after a failed one tells the truth: the kernel may have dropped the pages and marked them clean;
- that a failed write wrote nothing, or that a write wrote all it was given.

A cancelled call has not stopped: its thread goes on and its effect may still come. Whoever cancels must not use the
file again.
"""

from __future__ import annotations

import errno
import os
from concurrent.futures import Executor
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from aiofiles.threadpool import wrap
from aiofiles.threadpool.binary import AsyncFileIO

from storage.threads import in_thread, pools_are_gone


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

    async def rename(self, source: Path, target: Path) -> None:
        """Never replaces: FileExistsError if the target is there."""

    async def remove(self, path: Path) -> None: ...

    async def sync_directory(self, path: Path) -> None: ...


def is_full(error: OSError) -> bool:
    """True if there is no room, or none left for this user: what may pass when somebody makes room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def too_many_open(error: OSError) -> bool:
    """True if a file could not be opened since as many are as may be, in this process or in the system: it may pass."""
    return error.errno in (errno.EMFILE, errno.ENFILE)


class DiskAppendFile:
    """An append file on a real disk; aiofiles runs each call in `executor`, while there are such."""

    def __init__(self, file: FileIO, executor: Executor | None) -> None:
        self._file, self._executor = file, executor
        self._handle: AsyncFileIO = wrap(file, executor=executor)

    async def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return await getattr(self._handle, name)(*arguments)
        except RuntimeError as error:
            if not pools_are_gone(error):
                raise
            return getattr(self._file, name)(*arguments)

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # an unbuffered write may be short
            written = await self._call("write", view)
            view = view[written:]

    async def sync(self) -> None:
        await in_thread(self._executor, os.fdatasync, self._file.fileno())

    async def cut(self, length: int) -> None:
        await self._call("truncate", length)
        await self._call("seek", length)

    async def close(self) -> None:
        await self._call("close")


class DiskFiles:
    """The real file system, through aiofiles."""

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags | os.O_CLOEXEC | (os.O_EXCL if create else 0), 0o644)

        def at_end() -> FileIO:
            file = open(path, "xb" if create else "r+b", buffering=0, opener=opener)  # noqa: SIM115 - kept open
            file.seek(0, os.SEEK_END)
            return file

        return DiskAppendFile(await in_thread(self._executor, at_end), self._executor)

    async def rename(self, source: Path, target: Path) -> None:
        await in_thread(self._executor, _rename, source, target)

    async def remove(self, path: Path) -> None:
        await in_thread(self._executor, os.unlink, path)

    async def sync_directory(self, path: Path) -> None:
        await in_thread(self._executor, sync_directory, path)


def _rename(source: Path, target: Path) -> None:
    # The check is sure because only the holder of the directory's lock writes; a link and an unlink would be sure
    # without it, but leave two names behind when interrupted.
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    os.rename(source, target)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable. Blocking; raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
