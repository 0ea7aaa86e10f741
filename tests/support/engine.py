"""The real engine around a test's own servers: names led to loopback, waits made short, outcomes gathered."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver

from crawler.clock import Clock
from crawler.config import CrawlConfig
from crawler.crawl import Crawl
from crawler.fetcher import HttpFetcher
from crawler.model import Outcome
from crawler.progress import Summary
from storage import Files
from tests.support.fakeclock import FakeClock, run_by, turns
from tests.support.web import Web


class QuickClock:
    """Time that passes `factor` times as fast: a retry's seconds become milliseconds, their order stays."""

    def __init__(self, factor: float = 50.0) -> None:
        self._factor = factor
        self._began, self._began_at = time.time(), time.monotonic()

    def time(self) -> float:
        return self.moment(time.monotonic())

    def moment(self, at: float) -> float:
        """What this clock showed when the monotonic clock showed `at`."""
        return self._began + (at - self._began_at) * self._factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._factor)


@dataclass
class Ran:
    """How a crawl went."""

    summary: Summary
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def by_url(self) -> dict[str, Outcome]:
        """The outcomes without those of robots.txt; each URL must have one alone."""
        found = {outcome.url: outcome for outcome in self.outcomes if not outcome.url.endswith("/robots.txt")}
        assert len(found) == sum(not outcome.url.endswith("/robots.txt") for outcome in self.outcomes)
        return found


def config_of(directory: Path, *seeds: str, **options: Any) -> CrawlConfig:
    """A configuration for small, quick crawls on loopback."""
    defaults: dict[str, Any] = {"delay": 0.0, "min_free_disk": 0, "retries": 0, "timeout": 5.0, "allow_private": True}
    defaults["per_ip"] = 0  # all names lead to one address
    defaults["sitemaps"] = False  # a request more for each host, which few tests are about
    return CrawlConfig(**{**defaults, **options}, seeds=seeds, output=directory)


@asynccontextmanager
async def opened(
    config: CrawlConfig,
    *,
    resolver: AbstractResolver | None = None,
    context: ssl.SSLContext | None = None,
    clock: Clock | None = None,
    files: Files | None = None,
    **seams: Any,
) -> AsyncIterator[Crawl]:
    """A running crawl whose names lead to loopback; bodies are spooled as they are beside an archive."""
    with tempfile.TemporaryDirectory() as spool:
        fetcher = HttpFetcher(config, spool_dir=Path(spool), resolver=resolver, ssl_context=context)
        async with fetcher, Crawl(config, fetcher=fetcher, clock=clock, files=files, **seams) as crawl:
            yield crawl


async def finish_by(clock: FakeClock, crawl: Crawl) -> Summary:
    """Lets the crawl run to its end. Its clock stands still while anything is asked for or not committed yet: so when
    what comes next is asked for never hangs on how long an answer or a commit took."""
    tally = crawl._pipeline.parts.tally

    def busy() -> bool:
        return crawl.progress().in_flight + tally.pages_in_flight + tally.bytes_in_flight > 0

    ending = asyncio.ensure_future(crawl.wait())
    await run_by(clock, ending.done, busy)
    return await ending


async def at_rest(crawl: Crawl) -> None:
    """Returns when the crawl has done all it can before an answer, a time or a word from outside comes: its ledger's
    thread, which takes one after the other, and its loop have had several rounds. What has not happened by then will
    not happen by itself, however long anybody waits."""
    for _ in range(5):
        await crawl._opened.frontier.counts()
        await turns()


async def crawl(web: Web, directory: Path, *seeds: str, clock: Clock | None = None, **options: Any) -> Ran:
    """Crawls to the end."""
    outcomes: list[Outcome] = []
    async with opened(config_of(directory, *seeds, **options), resolver=web.resolver(), clock=clock) as running:
        running.add_done_callback(outcomes.append)
        summary = await running.wait()
    return Ran(summary, outcomes)


def engine(web: Web, *, clock: Clock | None = None) -> Callable[[CrawlConfig], AbstractAsyncContextManager[Crawl]]:
    """For `crawler.cli.main`: the real engine, with the names of `web` led to it; no sitemaps, as in `config_of`."""
    changes: dict[str, Any] = {"sitemaps": False} if "sitemaps" in CrawlConfig.__slots__ else {}
    return lambda config: opened(replace(config, **changes), resolver=web.resolver(), clock=clock)
