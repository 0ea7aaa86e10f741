"""Any mixture of hosts, addresses, silences and waits: every budget is kept, nothing is stuck, each URL ends."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier import Finished, Frontier, HostReport, Readiness, RetryAt, RobotsAnswer, Settled
from crawler.frontier import claiming as claiming_module
from crawler.frontier import loading as loading_module
from crawler.frontier.sqlite import SqliteFrontier
from crawler.liveness import PARK_AFTER
from crawler.model import CrawlURL, FailureKind, Kind, OutcomeKind
from tests.support.fakeclock import FakeClock
from tests.support.frontiers import Opener, item, link, settle, wait_now
from tests.support.memory_frontier import Memory, MemoryFrontier

PER_HOST, PER_IP, DELAY = 2, 3, 2.0


class World:
    """Hosts at few addresses, some of which do not answer for a while or for ever; and a crawl of them."""

    def __init__(self, rng: random.Random, opener: Opener, *, robots: bool, delay: float) -> None:
        self.rng, self.opener, self.robots, self.delay = rng, opener, robots, delay
        self.clock = FakeClock()
        self.hosts = [f"h{number}.test" for number in range(rng.randrange(2, 14))]
        self.address = {host: f"192.0.2.{rng.randrange(1, 4)}" for host in self.hosts}
        self.silent = {host: self._outage() for host in self.hosts}
        self.running: list[CrawlURL] = []
        self.over: list[CrawlURL] = []
        self.known: set[str] = set()
        """Hosts whose address the frontier was told, in this run or with a commit of an earlier one."""
        self.met: set[str] = set()
        self.starts: dict[str, list[float]] = defaultdict(list)
        self.settled: Counter[str] = Counter()
        self.made = 0
        self.counted: set[tuple[int, int]] = set()
        """Claims that count under an address."""

    def _outage(self) -> tuple[float, float]:
        """From when to when the host does not answer."""
        began = self.clock.now + self.rng.choice((0.0, 20.0, 1e12))
        return began, began + self.rng.choice((15.0, 500.0, 1e12))

    def is_silent(self, host: str) -> bool:
        began, ended = self.silent[host]
        return began <= self.clock.now < ended

    async def open(self) -> None:
        self.frontier = await self.opener(
            clock=self.clock, delay=self.delay, per_host=PER_HOST, per_ip=PER_IP, probes=3, robots=self.robots
        )
        self.running, self.over, self.starts = [], [], defaultdict(list)
        self.met = set()

    async def claim(self) -> bool:
        claimed = await self.frontier.claim(self.rng.randrange(1, 6))
        for url in claimed:
            self.check(url)
            self.running.append(url)
        return bool(claimed)

    def check(self, url: CrawlURL) -> None:
        host = url.url.split("/")[2]
        if self.frontier.verdict(url) is not None:
            return  # nothing will be asked
        place = self.address[host]
        assert sum(other.url.split("/")[2] == host for other in self.running) < PER_HOST
        if host in self.met:
            # What began before the address was known was not counted under it.
            counted = [other for other in self.running if other.key in self.counted and self.at(other) == place]
            assert len(counted) < PER_IP, f"{place} has no slot free for {url.url}"
            previous = self.starts[place][-1:]
            assert all(self.clock.now >= moment + self.delay for moment in previous), f"{url.url} comes too soon"
            self.starts[place].append(self.clock.now)
            self.counted.add(url.key)

    def at(self, url: CrawlURL) -> str:
        return self.address[url.url.split("/")[2]]

    def report(self, url: CrawlURL) -> HostReport:
        host = url.url.split("/")[2]
        if self.frontier.verdict(url) is not None:
            return HostReport(asked=False)
        if self.is_silent(host):
            return HostReport(silence="nobody")
        self.met.add(host)
        return HostReport(5, answered=True, address=self.address[host])

    async def step(self) -> None:
        await self.claim()
        self.rng.shuffle(self.running)
        ended, self.running = self.running[::2], self.running[1::2]
        items = []
        for url in ended:
            self.counted.discard(url.key)
            items.append(self.visit(url))
        await settle(self.frontier, *items)
        await self.clock.advance(self.rng.choice((0.0, 0.5, self.delay, 30.0)))

    def visit(self, url: CrawlURL):  # type: ignore[no-untyped-def]
        report, last = self.report(url), url.attempt % 4 == 0
        if report.silence is not None:
            failed = Settled() if url.again and url.kind is not Kind.ROBOTS else Finished(OutcomeKind.FAILED, "nobody")
            disposition = failed if last else RetryAt(1.0, "nobody")
            if last and url.again:
                disposition = Settled()
            robots = RobotsAnswer(refusal="nobody", failure=FailureKind.CONNECT) if last else None
            robots = robots if url.kind is Kind.ROBOTS else None
            return item(url, disposition, kept=False, host=report, failure=FailureKind.CONNECT, robots=robots)
        if not report.asked:
            return item(url, Finished(OutcomeKind.FAILED, "host is dead"), kept=False, host=report)
        if url.kind is Kind.ROBOTS:
            return item(url, Settled() if url.again else Finished(OutcomeKind.ARCHIVED), host=report,
                        robots=RobotsAnswer(text="", expires_in=self.rng.choice((50.0, 1e9))))  # fmt: skip
        links = []
        for _ in range(self.rng.randrange(3) if self.made < 300 else 0):
            self.made += 1
            links.append(link(f"http://{self.rng.choice(self.hosts)}/{self.made}", depth=min(url.depth + 1, 50)))
        return item(url, Finished(OutcomeKind.ARCHIVED), links, host=report)


def sqlite(path: Path) -> Opener:
    async def opener(**options: Any) -> Frontier:
        return await SqliteFrontier.open(path, **options)

    return opener


def in_memory(_: Path) -> Opener:
    memory = Memory()

    async def opener(**options: Any) -> Frontier:
        return MemoryFrontier(memory, **options)

    return opener


@pytest.mark.parametrize("delay", [0.0, DELAY])
@pytest.mark.parametrize("robots", [False, True])
@pytest.mark.parametrize(
    ("implementation", "working_set"), [(sqlite, 2), (sqlite, 5), (sqlite, 1024), (in_memory, 1024)]
)
async def test_whatever_happens_every_budget_is_kept_and_every_url_ends(
    memory_path: Path, rng: random.Random, rounds: Callable[[int], int], monkeypatch: pytest.MonkeyPatch,
    robots: bool, delay: float, implementation: Callable[[Path], Opener], working_set: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(loading_module, "WORKING_SET", working_set)
    monkeypatch.setattr(loading_module, "PREFETCH", 3)
    monkeypatch.setattr(claiming_module, "TURN", 4)
    for number in range(rounds(2)):
        opener = implementation(memory_path / f"{number}.db")
        world = World(random.Random(rng.random()), opener, robots=robots, delay=delay)
        world.counted = set()
        await world.open()
        await world.frontier.add_seeds([f"http://{host}/" for host in world.hosts])
        for step in range(4000):
            await world.step()
            if step % 97 == 96 and world.rng.random() < 0.5:
                world.counted = set()
                await world.frontier.close()  # what was claimed is given again
                await world.open()
            if not world.running and await wait_now(world.frontier) is Readiness.EMPTY:
                break
        else:
            raise AssertionError("the frontier never becomes empty")
        counts = await world.frontier.counts()
        urls = [outcome.url for outcome in world.frontier.outcomes(0)]
        assert counts.queued == counts.waiting == 0
        assert len(urls) == len(set(urls)) == counts.seq
        assert {f"http://{host}/" for host in world.hosts} <= set(urls)
        await world.frontier.close()


def test_the_model_parks_at_all() -> None:
    """The worlds hold outages that are longer than it takes to be parked."""
    worlds = [World(random.Random(seed), in_memory(Path()), robots=False, delay=0.0) for seed in range(20)]
    lengths = [ended - began for world in worlds for began, ended in world.silent.values()]
    assert max(lengths) > PARK_AFTER
