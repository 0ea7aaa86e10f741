"""A large block passes through: memory does not grow with it, neither when written nor when recovered or indexed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZE = 100 << 20
ALLOWED = 24 << 20
"""A few pieces of 1 MiB in each thread, their joined copies and the compressor's output."""

PROGRAM = """
import asyncio, hashlib, json, os, sys
from dataclasses import dataclass
from pathlib import Path
from storage import *
from tests.support.warc import NOW, WARCINFO, MemoryLedger, record_id, response, with_archive

def peak():  # not ru_maxrss, which begins with what the parent had
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

@dataclass
class Large:
    size: int
    head = b"HTTP/1.1 200 OK\\r\\nContent-Type: a/b\\r\\n\\r\\n"
    def chunks(self):
        yield self.head
        left, piece = self.size - len(self.head), os.urandom(1 << 20)  # cannot be compressed: nothing gets smaller
        while left:
            yield piece[:left]
            left -= len(piece[:left])

async def write(directory, size):
    writer = await SegmentWriter.create(
        with_archive(directory), prefix="p", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO, level=1)
    payload = HttpPayload(len(Large.head), False)
    record = Record(RecordType.RESPONSE, record_id(1), NOW, Large(size), "application/http", "http://a/", (), payload)
    await writer.append([[response(2)], [record]])
    await writer.close()
    recovered = await recover(directory, writer.name, writer.length, "open", DiskFiles())
    write_index(directory, writer.name)
    assert recovered.records == 3 and recovered.length > size

root = Path(sys.argv[1])
asyncio.run(write(root / "small", 3 << 20))
before = peak()
asyncio.run(write(root / "large", int(sys.argv[2])))
print(json.dumps(peak() - before))
"""


def test_memory_does_not_grow_with_a_block(tmp_path: Path) -> None:
    grown = json.loads(
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(SIZE)], cwd=ROOT, check=True, capture_output=True
        ).stdout
    )
    print(f"a block of {SIZE >> 20} MiB: resident memory grew by {grown / (1 << 20):.1f} MiB")
    assert grown < ALLOWED
