"""Reading an archive back: records a second beside warcio and FastWARC, and lookups by URL among many captures.

    python -m benchmarks.reading [--pages 4000] [--captures 1000000] [--segments 100]

Records: one segment of pages of 10 KB, each with its request and metadata, every block read to its end; each reader
three rounds, the least CPU time counts. Lookups: an index of that many captures over that many segments; URLs drawn at
random from a fixed seed, found by URL alone and by URL and time, in a process of its own whose memory is told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fastwarc.warc
from warcio.archiveiterator import ArchiveIterator

from benchmarks.measure import table
from storage import Archive, DiskFiles, SegmentWriter, read_records, surt
from storage import cli as storage_command_line
from tests.support.warc import NOW, WARCINFO, capture

ROUNDS = 3
LOOKUPS = 5000
FEW = 30
"""Lookups, twice, before an archive that is asked often gets its order by itself."""

SEED = 20260102


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=4000, help="pages in the segment that is read")
    parser.add_argument("--captures", type=int, default=1_000_000, help="captures in the index")
    parser.add_argument("--segments", type=int, default=100, help="segments they are spread over")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="annals-reading-") as name:
        os.environ["XDG_CACHE_HOME"] = name
        print(table(("reader", "records a CPU second", "MB a CPU second"), records(Path(name), given.pages)))
        print()
        print(table(("what", "figure"), lookups(Path(name) / "many", given.captures, given.segments)))
    return 0


def records(directory: Path, pages: int) -> list[tuple[str, ...]]:
    path, size = asyncio.run(_segment(directory, pages))
    readers: list[tuple[str, Callable[[Path], int]]] = [
        ("annals, Archive.records", _by_archive),
        ("annals, read_records, digests verified", lambda path: sum(1 for _ in read_records(path))),
        ("FastWARC", _by_fastwarc),
        ("warcio", _by_warcio),
    ]
    rows: list[tuple[str, ...]] = []
    for name, read in readers:
        best = min(_timed(read, path, pages * 3 + 1) for _ in range(ROUNDS))
        rows.append((name, f"{(pages * 3 + 1) / best:,.0f}", f"{size / best / 1e6:,.0f}"))
    return rows


async def _segment(directory: Path, pages: int) -> tuple[Path, int]:
    words = [f"word{n}" for n in range(3000)]
    rng = random.Random(SEED)
    (directory / "archive").mkdir()
    writer = await SegmentWriter.create(directory, prefix="x", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO)
    size = 0
    for start in range(0, pages, 100):
        groups = [
            capture(n, " ".join(rng.choices(words, k=1500)).encode()) for n in range(start, min(start + 100, pages))
        ]
        size += sum(len(record.block) for group in groups for record in group if isinstance(record.block, bytes))
        await writer.append(groups)
    await writer.close()
    return writer.path, size


def _timed(read: Callable[[Path], int], path: Path, expected: int) -> float:
    start = time.process_time()
    found = read(path)
    assert found == expected, f"{found} records of {expected}"
    return time.process_time() - start


def _by_archive(path: Path) -> int:
    with Archive.open(path) as archive:
        return sum(1 for record in archive.records() if record.block is not None)


def _by_fastwarc(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        for record in fastwarc.warc.ArchiveIterator(file, parse_http=False):
            record.reader.read()
            count += 1
    return count


def _by_warcio(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file, no_record_parse=True):
            record.raw_stream.read()
            count += 1
    return count


def lookups(directory: Path, captures: int, segments: int) -> list[tuple[str, ...]]:
    for number in range(segments):
        _write_index(directory, number, captures // segments, segments)
    rows: list[tuple[str, ...]] = [("captures, segments", f"{captures:,}, {segments}")]
    for what, count in (("one by one", FEW), ("with the order", LOOKUPS)):
        if what == "with the order":
            start = time.perf_counter()
            assert storage_command_line.main(["index", "--stale", str(directory)]) == 0
            rows.append(("making the order", f"{time.perf_counter() - start:.1f} s"))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            newest, closest, memory = pool.apply(_look_up, (directory, captures, count))
        rows.append((f"a lookup by URL, {what}", f"{newest * 1e3:.3f} ms"))
        rows.append((f"a lookup by URL and time, {what}", f"{closest * 1e3:.3f} ms"))
        rows.append((f"memory, {what}: resident with mapped files, and its own", memory))
    return rows


def _url(number: int) -> str:
    return f"https://host{number % 1000}.example.com/section/{number % 97}/page-{number}.html"


def _write_index(directory: Path, number: int, count: int, segments: int) -> None:
    name = f"x-20260102030405678-{number:05}.warc.gz"
    (directory / "archive").mkdir(parents=True, exist_ok=True)
    (directory / "indexes").mkdir(exist_ok=True)
    (directory / "archive" / name).touch()
    lines = sorted(_lines(name, range(number, count * segments, segments)))
    (directory / "indexes" / f"{name}.cdxj").write_text("".join(lines))


def _lines(name: str, numbers: Sequence[int]) -> Iterator[str]:
    for place, number in enumerate(numbers):
        url = _url(number)
        stamp = f"{datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=number):%Y%m%d%H%M%S}"
        values = {
            "url": url, "mime": "text/html", "status": "200", "digest": f"sha256:{number:064x}",
            "length": "4321", "offset": str(place * 4321), "filename": name,
        }  # fmt: skip
        yield f"{surt(url)} {stamp} {json.dumps(values)}\n"


def _look_up(directory: Path, captures: int, count: int) -> tuple[float, float, str]:
    rng = random.Random(SEED)
    numbers = [rng.randrange(captures) for _ in range(count)]
    with Archive.open(directory) as archive:
        assert next(archive.entries(url=_url(0))).url == _url(0)
        start = time.perf_counter()
        for number in numbers:
            assert next(archive.entries(url=_url(number))).url == _url(number)
        newest = time.perf_counter() - start
        start = time.perf_counter()
        for number in numbers:
            time_ = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=number)
            assert len(list(archive.entries(url=_url(number), since=time_, until=time_))) == 1
        closest = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
    return newest / count, closest / count, f"{peak // 1024} MiB, {own // 1024} MiB"


if __name__ == "__main__":
    raise SystemExit(main())
