"""One process writes to a directory; whatever ends that process frees the lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import ArchiveLocked, DirectoryLock

ROOT = Path(__file__).resolve().parents[2]
HOLD = "import sys, storage; storage.DirectoryLock(sys.argv[1]).acquire(); print('held', flush=True); "


def holder(directory: Path, then: str) -> subprocess.Popen[str]:
    """Another process that has the lock; `then` is what it does with it."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", HOLD + then, str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with lock, pytest.raises(ArchiveLocked, match=rf"{tmp_path} is being written to by process {os.getpid()}"):
        DirectoryLock(tmp_path).acquire()
    with DirectoryLock(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_the_directory_is_made(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "a" / "b") as lock, pytest.raises(RuntimeError, match="already"):
        lock.acquire()
    lock.release()


def test_death_frees_it(tmp_path: Path) -> None:
    with holder(tmp_path, "sys.stdin.read()") as process:
        with pytest.raises(ArchiveLocked, match=f"process {process.pid}"):
            DirectoryLock(tmp_path).acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with DirectoryLock(tmp_path):
            pass


@pytest.mark.parametrize(
    "child",
    [
        "import os, time; r, w = os.pipe(); pid = os.fork()\n"
        "if not pid:\n os.write(w, b'x'); time.sleep(60)\n"
        "os.read(r, 1)",
        "import subprocess; pid = subprocess.Popen(['sleep', '60'], close_fds=False).pid",
    ],
    ids=["fork", "program"],
)
def test_children_do_not_keep_it(tmp_path: Path, child: str) -> None:
    with holder(tmp_path, f"exec({child!r}); print(pid, flush=True); sys.stdin.read()") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        survivor = int(process.stdout.readline())
        with pytest.raises(ArchiveLocked):
            DirectoryLock(tmp_path).acquire()
        process.kill()
        process.wait()
        try:
            os.kill(survivor, 0)  # it lives on, without the lock
            with DirectoryLock(tmp_path):
                pass
        finally:
            os.kill(survivor, signal.SIGKILL)


def test_an_unreadable_pid_is_no_matter(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        (tmp_path / ".lock").write_bytes(b"\xff\xfe")
        with pytest.raises(ArchiveLocked, match="by another process"):
            DirectoryLock(tmp_path).acquire()


def test_a_lock_file_that_was_taken_for_stale_frees_nothing(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path):
        (tmp_path / ".lock").unlink()
        for _ in range(2):
            with pytest.raises(ArchiveLocked, match="by another process"):
                DirectoryLock(tmp_path).acquire()
    with DirectoryLock(tmp_path):
        pass


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with DirectoryLock(tmp_path), pytest.raises(ArchiveLocked):
        DirectoryLock(tmp_path).acquire()
    assert os.listdir("/proc/self/fd") == before
