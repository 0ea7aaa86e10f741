"""The allocator of the command line's process."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

_HEAPS = """
import ctypes, re, sys, threading
if sys.argv[1] == "tuned":
    from crawler.allocator import tune
    tune()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(4)
def allocate():
    libc.malloc(1000)
    barrier.wait()  # all at once alive: none can take over the arena of one that ended
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(len(re.findall("<heap nr=", open(sys.argv[2]).read())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
@pytest.mark.parametrize(("mode", "one"), [("tuned", True), ("plain", False)])
def test_all_threads_share_one_arena(tmp_path: Path, mode: str, one: bool) -> None:
    command = [sys.executable, "-c", _HEAPS, mode, str(tmp_path / "malloc.xml")]
    heaps = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (heaps == 1) is one
