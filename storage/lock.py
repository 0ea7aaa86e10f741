"""The lock of a crawl directory: one process writes. DIR/.lock is locked with flock, so death of any kind frees it.

The file stays when the lock goes: removing it would let two processes lock two files of the same name. It holds the
process id of the last holder, for the message only; the lock itself says whether that process still holds it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from storage.errors import ArchiveLocked

LOCK = ".lock"


class DirectoryLock:
    """A context manager that holds the lock; `acquire` and `release` for whoever cannot use `with`."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._handle: int | None = None

    def acquire(self) -> None:
        """Locks or raises ArchiveLocked at once; makes the directory if need be. Raises OSError."""
        if self._handle is not None:
            raise RuntimeError(f"{self.directory} is locked by this object already")
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / LOCK
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise ArchiveLocked(f"{self.directory} is being written to by {holder}; wait for it to end") from None
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _HELD.add(self)

    def release(self) -> None:
        """Unlocks; does nothing if the lock is not held."""
        if self._handle is not None:
            # Said aloud, because a child that was forked a moment ago may not have closed its descriptor yet.
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            self._close()

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        _HELD.discard(self)
        if handle is not None:
            os.close(handle)

    def __enter__(self) -> DirectoryLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_HELD: set[DirectoryLock] = set()
"""Locks this process holds. flock belongs to the open file, which a forked child shares: it would keep the lock beyond
our death. A started program loses the file by O_CLOEXEC; a mere fork has to close it."""


def _forget_in_child() -> None:
    for lock in list(_HELD):
        lock._close()  # the child's descriptor only; the parent's keeps the lock


os.register_at_fork(after_in_child=_forget_in_child)


def _holder(handle: int) -> str:
    text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    return f"process {text}" if text.isdecimal() else "another process"
