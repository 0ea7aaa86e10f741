"""The frontier in memory conforms: what the suite demands, a second implementation can keep."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from crawler.frontier import Frontier
from tests.support.frontiers import Bench
from tests.support.memory_frontier import Memory, MemoryFrontier
from tests.unit.frontier_conformance import FrontierConformance


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    memory = Memory()

    async def opener(**options: object) -> Frontier:
        return MemoryFrontier(memory, **options)  # type: ignore[arg-type]

    bench = Bench(opener)
    yield bench
    await bench.close()


class TestMemoryFrontier(FrontierConformance):
    pass
