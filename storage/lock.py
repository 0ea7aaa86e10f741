"""The lock of a crawl directory: one process writes. DIR/.lock is locked with flock, so death of any kind frees it.

The file stays when the lock goes: removing it would let two processes lock two files of the same name. Somebody may
remove it all the same, taking it for stale; so the directory itself is locked as well, where its file system can. The
file holds the process id of the last holder, for the message only; the lock itself says whether that process still
holds it.
"""

from __future__ import annotations

import errno
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
        self._handles: list[int] = []

    def acquire(self) -> None:
        """Locks or raises ArchiveLocked at once; makes the directory if need be. Raises OSError."""
        if self._handles:
            raise RuntimeError(f"{self.directory} is locked by this object already")
        self.directory.mkdir(parents=True, exist_ok=True)
        handles = [os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)]
        try:
            fcntl.flock(handles[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            handles.append(os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            if not _lock_directory(handles[1]):
                os.close(handles.pop())
            os.ftruncate(handles[0], 0)
            os.pwrite(handles[0], f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = "another process" if len(handles) > 1 else _holder(handles[0])
            _close(handles)
            raise ArchiveLocked(f"{self.directory} is being written to by {holder}; wait for it to end") from None
        except BaseException:
            _close(handles)
            raise
        self._handles = handles
        _HELD.add(self)

    def release(self) -> None:
        """Unlocks; does nothing if the lock is not held."""
        for handle in self._handles:
            # Said aloud, because a child that was forked a moment ago may not have closed its descriptor yet.
            fcntl.flock(handle, fcntl.LOCK_UN)
        self._let_go()

    def _let_go(self) -> None:
        handles, self._handles = self._handles, []
        _HELD.discard(self)
        _close(handles)

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
        lock._let_go()  # the child's descriptor only; the parent's keeps the lock


os.register_at_fork(after_in_child=_forget_in_child)


def _lock_directory(handle: int) -> bool:
    """False where directories cannot be locked (NFS): the file alone has to do. Raises BlockingIOError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP):
            raise
        return False
    return True


def _close(handles: list[int]) -> None:
    for handle in handles:
        os.close(handle)


def _holder(handle: int) -> str:
    text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    return f"process {text}" if text.isdecimal() else "another process"
