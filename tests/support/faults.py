"""File operations that fail where a test says so, and a power cut that takes what was never synced.

Every operation that changes something is counted: open, write, sync, cut, close, rename, remove, make and sync a
directory. The one numbered `fail_at` (from 1) raises; a loop over 1, 2, 3 … until a pass is clean tries them all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage import AppendFile, DiskFiles, Files


@dataclass(slots=True)
class _Unsynced:
    """Changes of names since the directory was synced, newest last, each with what undoes it."""

    directory: Path
    undo: Callable[[], None]


class FaultyFiles:
    """Files over `inner` (the real disk, if None) of which the `fail_at`-th operation fails with `error` (an errno).

    A failing write leaves the first half of its data behind; a failing sync loses what was written since the last;
    any other failing operation does nothing. With `lasting`, all further operations fail too, as on a dead disk."""

    def __init__(
        self, inner: Files | None = None, *, fail_at: int = 0, error: int = errno.EIO, lasting: bool = False
    ) -> None:
        self._inner = DiskFiles() if inner is None else inner
        self._fail_at, self._error, self._lasting = fail_at, error, lasting
        self._unsynced: list[_Unsynced] = []
        self._synced: dict[Path, int] = {}
        self.operations: list[str] = []
        """What was asked for, in order: `write NAME`, `sync NAME`, …"""

    @property
    def fired(self) -> bool:
        """True once an operation has failed."""
        return 0 < self._fail_at <= len(self.operations)

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        self.step(f"open {path.name}")
        file = await self._inner.open_append(path, create=create)
        if create:
            self._synced[path] = 0
            self._unsynced.append(_Unsynced(path.parent, lambda: path.unlink(missing_ok=True)))
        else:
            self._synced.setdefault(path, path.stat().st_size)  # what an earlier process left counts as durable
        return FaultyFile(self, file, path)

    async def rename(self, source: Path, target: Path) -> None:
        self.step(f"rename {source.name} {target.name}")
        await self._inner.rename(source, target)
        if source in self._synced:
            self._synced[target] = self._synced.pop(source)
        self._unsynced.append(_Unsynced(target.parent, lambda: self._rename_back(source, target)))

    async def remove(self, path: Path) -> None:
        self.step(f"remove {path.name}")
        content = path.read_bytes()
        await self._inner.remove(path)
        self._unsynced.append(_Unsynced(path.parent, lambda: _restore(path, content)))

    async def sync_directory(self, path: Path) -> None:
        self.step(f"sync {path.name}")
        await self._inner.sync_directory(path)
        self._unsynced = [change for change in self._unsynced if change.directory != path]

    def power_cut(self) -> None:
        """Takes back every name that no directory sync made durable and every byte that no file sync did."""
        for change in reversed(self._unsynced):
            change.undo()
        self._unsynced.clear()
        for path, length in self._synced.items():
            if path.exists() and path.stat().st_size > length:
                os.truncate(path, length)

    def step(self, operation: str) -> None:
        if self.fails_next:
            self.operations.append(f"{operation} FAILS")
            self.fail()
        self.operations.append(operation)

    @property
    def fails_next(self) -> bool:
        number = len(self.operations) + 1
        return number == self._fail_at or (self._lasting and 0 < self._fail_at < number)

    def fail(self) -> None:
        raise OSError(self._error, os.strerror(self._error))

    def synced(self, path: Path, length: int) -> None:
        self._synced[path] = length

    def synced_length(self, path: Path) -> int:
        return self._synced.get(path, 0)

    def _rename_back(self, source: Path, target: Path) -> None:
        target.rename(source)
        if target in self._synced:
            self._synced[source] = self._synced.pop(target)


class FaultyFile:
    """An append file that asks its FaultyFiles before each operation."""

    def __init__(self, files: FaultyFiles, inner: AppendFile, path: Path) -> None:
        self._files, self._inner, self._path = files, inner, path

    async def write(self, data: bytes) -> None:
        if self._files.fails_next:
            await self._inner.write(data[: len(data) // 2])
        self._files.step(f"write {self._path.name}")
        await self._inner.write(data)

    async def sync(self) -> None:
        if self._files.fails_next:
            # The kernel drops the pages it could not write and calls them clean: the end of the file reads as zeros.
            size, kept = self._path.stat().st_size, self._files.synced_length(self._path)
            if size > kept:
                os.truncate(self._path, kept)
                os.truncate(self._path, size)
        self._files.step(f"sync {self._path.name}")
        await self._inner.sync()
        self._files.synced(self._path, self._path.stat().st_size)

    async def cut(self, length: int) -> None:
        self._files.step(f"cut {self._path.name}")
        await self._inner.cut(length)
        self._files.synced(self._path, min(length, self._files.synced_length(self._path)))

    async def close(self) -> None:
        if self._files.fails_next:
            await self._inner.close()  # a failed close has closed
        self._files.step(f"close {self._path.name}")
        await self._inner.close()


def _restore(path: Path, content: bytes) -> None:
    path.write_bytes(content)
