"""Ten thousand submits, one in a hundred to a server that is dead, and an archiver slowed down a hundredfold: every
future is settled, the figures add up, and memory stays flat."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from pathlib import Path

from crawler.assembly import HANDOFF_BYTES, HANDOFF_ITEMS
from crawler.crawl import Crawl
from crawler.errors import ConnectFailed
from crawler.model import CrawlURL, Outcome, OutcomeKind, Receipt
from storage import AppendFile, DiskFiles
from tests.support.engine import config_of
from tests.support.memory_fetcher import MemoryFetcher

MIB = 1 << 20
COUNT = 10_000


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_ten_thousand_submits_with_one_failure_in_a_hundred(tmp_path: Path) -> None:
    outcomes: Counter[OutcomeKind] = Counter()
    answers: Counter[type] = Counter()
    seqs: list[int] = []
    urls = (f"http://{'dead' if n % 100 == 0 else 'alive'}{n % 400}.test/{n}" for n in range(COUNT))
    levels: list[int] = []
    config = config_of(tmp_path / "crawl", robots=False, per_host=100, per_ip=0, probes=1000, concurrency=100)

    def count(outcome: Outcome) -> None:
        outcomes[outcome.kind] += 1

    async def submitter(crawl: Crawl) -> None:
        for url in urls:
            try:
                receipt = await crawl.submit(url)
                seqs.append(receipt.seq)
                answers[Receipt] += 1
            except ConnectFailed as error:
                seqs.append(0 if error.outcome is None else error.outcome.seq)
                answers[ConnectFailed] += 1
            if sum(answers.values()) % 1000 == 0:
                gc.collect()
                levels.append(resident())

    async with Crawl(config, fetcher=MemoryFetcher(tmp_path), most_pending=300) as crawl:
        crawl.add_done_callback(count)
        async with asyncio.TaskGroup() as group:
            for _ in range(400):
                group.create_task(submitter(crawl))
        intake = crawl._pipeline.parts.intake
        assert (len(intake._awaited), len(intake._unqueued)) == (0, 0)
    assert answers == {Receipt: COUNT * 99 // 100, ConnectFailed: COUNT // 100}
    assert outcomes == {OutcomeKind.ARCHIVED: COUNT * 99 // 100, OutcomeKind.FAILED: COUNT // 100}
    assert sorted(seqs) == list(range(1, COUNT + 1))
    # What grows with the crawl is on disk; the first fifth warms caches up.
    assert levels[-1] - levels[1] < 24 * MIB, [level // MIB for level in levels]


class SlowFile:
    def __init__(self, inner: AppendFile, seconds: float) -> None:
        self.write, self.cut, self.close = inner.write, inner.cut, inner.close
        self._inner, self._seconds = inner, seconds

    async def sync(self) -> None:
        await asyncio.sleep(self._seconds)
        await self._inner.sync()


class SlowFiles(DiskFiles):
    """Each sync takes a hundred times as long as one on this kind of disk."""

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        file: AppendFile = SlowFile(await super().open_append(path, create=create), 0.05)
        return file


async def test_behind_a_slow_archiver_fetching_waits_and_memory_stays_flat(tmp_path: Path) -> None:
    """A million bytes every fetch, far more in all than may be in memory at a time."""
    noise = random.Random(1).randbytes(MIB - 300)
    most_items = most_weight = 0
    levels: list[int] = []

    async def look(url: CrawlURL) -> None:
        nonlocal most_items, most_weight
        handoff = crawl._pipeline.parts.handoff
        most_items, most_weight = max(most_items, len(handoff)), max(most_weight, handoff.weight)
        levels.append(resident())

    fetcher = MemoryFetcher(tmp_path, body=lambda url: url.encode() + noise, before=look)
    config = config_of(
        tmp_path / "crawl", robots=False, per_host=100, per_ip=0, concurrency=16, dedupe=False, compression_level=0
    )
    async with Crawl(config, fetcher=fetcher, files=SlowFiles()) as crawl:
        submits = [asyncio.ensure_future(crawl.submit(f"http://a.test/{n}")) for n in range(160)]
        await asyncio.gather(*submits)
    assert most_items <= HANDOFF_ITEMS
    assert 8 * MIB < most_weight <= HANDOFF_BYTES
    # The hand-off, a batch being written, one being encoded, and sixteen fetches: not 160 MiB.
    assert max(levels) - levels[0] < 90 * MIB, [level // MIB for level in levels]
