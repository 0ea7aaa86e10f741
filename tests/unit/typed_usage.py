"""The library's public face as a typed program uses it: `mypy --strict` checks this file, nothing runs it.

A change of a public signature that would break such a program shows here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import assert_type

from crawler import BackgroundCrawl, Crawl, CrawlConfig, Hooks, Outcome, OutcomeKind, Receipt, ScopeKind, Summary, run
from crawler.clock import Clock, SystemClock
from crawler.errors import Excluded, Interrupted, NotArchived
from crawler.fetcher import Fetcher
from crawler.hosts import Host
from crawler.model import CrawlURL, Exchange, Extraction
from crawler.progress import Progress
from storage import DiskFiles, Files

CONFIG = CrawlConfig(seeds=["https://example.com/"], output=Path("crawls/example"), scope=ScopeKind.PREFIX, delay=None)


def report(outcome: Outcome, label: str) -> None:
    assert_type(outcome.kind, OutcomeKind)
    assert_type(outcome.seq, int)
    assert_type(outcome.started, datetime | None)
    assert_type(outcome.fetched, datetime | None)
    assert_type(outcome.archived, datetime | None)
    assert_type(outcome.receipt, Receipt | None)


async def asynchronous(clock: Clock, fetcher: Fetcher, files: Files) -> Summary:
    async with Crawl(CONFIG, keep_open=True, most_pending=10, clock=clock, fetcher=fetcher, files=files) as crawl:
        assert_type(crawl, Crawl)
        crawl.add_done_callback(report, label="example")
        try:
            receipt = await crawl.submit("https://example.com/late")
        except Excluded as error:
            assert_type(error.rule, str)
        except (Interrupted, NotArchived) as error:
            assert_type(error.url, str)
            assert_type(error.outcome, Outcome | None)
        else:
            assert_type(receipt, Receipt)
            assert_type(receipt.segment, str)
            assert_type(receipt.offset, int)
            assert_type(receipt.digest, str | None)
        async for outcome in crawl:
            assert_type(outcome, Outcome)
        async for outcome in crawl.outcomes(since=7):
            assert_type(outcome, Outcome)
        assert_type(crawl.hosts["example.com"], Host)
        crawl.hosts["example.com"].delay = 2
        crawl.hosts["example.com"].delay = None
        crawl.hosts["example.com"].per_host = 3
        crawl.hosts["example.com"].pause()
        crawl.concurrency = 8
        crawl.ignore("/calendar/")
        crawl.pause()
        crawl.resume()
        crawl.finish()
        crawl.stop("enough")
        crawl.abort()
        assert_type(crawl.progress(), Progress)
        return assert_type(await crawl.wait(), Summary)


async def accept(url: CrawlURL) -> bool | str:
    return url.depth < 3 or "too deep for me"


async def before_request(url: CrawlURL) -> Mapping[str, str]:
    return {"Accept-Language": "de"}


async def on_response(url: CrawlURL, exchange: Exchange) -> None:
    assert_type(exchange.status, int | None)


async def extract(url: CrawlURL, exchange: Exchange, found: Extraction) -> list[str]:
    return [*found.links]


async def on_outcome(outcome: Outcome) -> None: ...


async def login(url: CrawlURL, exchange: Exchange) -> dict[str, str] | None:
    return None


HOOKS = Hooks(
    accept=accept,
    before_request=before_request,
    on_response=on_response,
    extract=extract,
    on_outcome=on_outcome,
    login=login,
)


def synchronous() -> None:
    assert_type(run(CONFIG, hooks=HOOKS), Summary)
    with BackgroundCrawl(CONFIG, hooks=HOOKS) as background:
        assert_type(background, BackgroundCrawl)
        background.add_done_callback(report, label="background")
        assert_type(background.submit("https://example.com/"), Future[Receipt])
        assert_type(background.call(lambda crawl: crawl.concurrency), Future[int])
        assert_type(background.outcomes(since=3), Iterator[Outcome])
        assert_type(background.progress(), Progress)
        assert_type(background.running, bool)
        background.stop()
        assert_type(background.join(timeout=30), Summary)
    assert_type(background.start(), BackgroundCrawl)


def together() -> Summary:
    return asyncio.run(asynchronous(SystemClock(), NoNetwork(), DiskFiles()))


class NoNetwork:
    """A fetcher of one's own needs no base class."""

    async def fetch(self, url: CrawlURL) -> Exchange:
        raise NotImplementedError
