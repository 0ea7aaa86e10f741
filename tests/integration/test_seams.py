"""The parts that a program may hand in: each is used in place of the usual one, and left open for whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crawler.archiving.segments import Segments
from crawler.config import ScopeKind
from crawler.crawl import Crawl
from crawler.disk import DiskGuard
from crawler.frontier.sqlite import SqliteFrontier
from crawler.opening import open_crawl
from crawler.scope import Scope
from storage import DiskFiles, Record, Written, verify_chain
from tests.support.engine import config_of, opened
from tests.support.fakeclock import START, FakeClock
from tests.support.memory_fetcher import MemoryFetcher
from tests.support.web import Answer, Web, page

A = "http://a.test/"
SITE: dict[str, Answer] = {A: page("/1", "/2"), f"{A}1": page(), f"{A}2": page()}


async def test_a_scope_of_ones_own(crawl_dir: Path) -> None:
    scope = Scope(ScopeKind.HOST, {1: [A]}, exclude=["/1$"])
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver(), scope=scope) as crawl:
            await crawl.wait()
        assert web.urls == [A, f"{A}2"]


async def test_a_frontier_of_ones_own_stays_open(tmp_path: Path) -> None:
    frontier = await SqliteFrontier.open(tmp_path / "elsewhere.db", delay=0.0, per_host=10, robots=False)
    async with Crawl(config_of(tmp_path / "crawl"), frontier=frontier, fetcher=MemoryFetcher(tmp_path)) as crawl:
        receipt = await crawl.submit(A)
    assert not (tmp_path / "crawl" / "crawl.db").exists()
    (outcome,) = frontier.outcomes(0)
    assert outcome.receipt == receipt
    assert (await frontier.counts()).archived == 1
    await frontier.close()


async def test_a_sink_of_ones_own(tmp_path: Path) -> None:
    """One that counts what passes through it on its way to the usual segments."""
    config = config_of(tmp_path / "crawl", robots=False)
    (tmp_path / "crawl" / "archive").mkdir(parents=True)
    clock = FakeClock(START)
    frontier = await SqliteFrontier.open(tmp_path / "ledger.db", delay=0.0, per_host=10, robots=False)
    guard = DiskGuard(tmp_path, 0, None, clock)

    class Counting(Segments):
        records = 0

        async def append(self, groups: Sequence[Sequence[Record]]) -> list[list[Written]]:
            self.records += sum(map(len, groups))
            return await super().append(groups)

    sink = Counting(tmp_path / "crawl", config, frontier, DiskFiles(), clock, guard)
    async with Crawl(config, frontier=frontier, sink=sink, fetcher=MemoryFetcher(tmp_path)) as crawl:
        await crawl.submit(A)
    assert sink.records == 3
    assert verify_chain(tmp_path / "crawl") == []
    await frontier.close()


def test_the_seams_are_what_opening_takes() -> None:
    assert open_crawl.__annotations__["seams"] == "Seams"
