"""Hosts on one IP address, more of them than the embedded frontier holds in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from crawler.frontier import Frontier, Readiness
from crawler.frontier import claiming as claiming_module
from crawler.frontier import loading as loading_module
from crawler.frontier.sqlite import SqliteFrontier
from tests.support.fakeclock import START
from tests.support.frontiers import Bench, claim_all, item, settle, wait_now
from tests.unit.frontier_sharing_conformance import ONE, OTHER, at, host, seeds


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async def opener(**options: object) -> Frontier:
        return await SqliteFrontier.open(tmp_path / "crawl.db", **options)

    bench = Bench(opener)
    yield bench
    await bench.close()


async def test_with_room_for_few_none_is_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """More hosts at one address than the working set holds: they leave it for the store and come back."""
    monkeypatch.setattr(loading_module, "WORKING_SET", 4)
    monkeypatch.setattr(claiming_module, "TURN", 2)
    hosts = [f"h{number}" for number in range(20)]
    frontier = await bench.open(delay=1.0, per_host=1)
    await frontier.add_seeds(seeds(*hosts, pages=3))
    await frontier.add_seeds(seeds("elsewhere", pages=3))
    starts: dict[str, list[float]] = {ONE: [], OTHER: []}
    known: set[str] = set()
    for _ in range(2000):
        for url in await claim_all(frontier):
            address = OTHER if host(url) == "elsewhere" else ONE
            if host(url) in known:
                starts[address].append(bench.clock.now)
            known.add(host(url))
            await settle(frontier, item(url, host=at(address)))
        if await wait_now(frontier) is Readiness.EMPTY:
            break
        await bench.clock.advance(0.25)
    assert (await frontier.counts()).archived == 63
    gaps = [later - earlier for earlier, later in pairwise(starts[ONE])]
    assert min(gaps) >= 1.0
    assert starts[OTHER][-1] - START < 10.0, "another address waited for this one"
