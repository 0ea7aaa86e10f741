"""Failures stay where they are: a fetch cancelled, a record that cannot be written, an extractor that crashes, a slow
callback. The outcome of that URL tells it, the rest goes on."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

import crawler.visit
from crawler.crawl import Crawl
from crawler.errors import FetchFailed, Interrupted
from crawler.fetcher import HttpFetcher
from crawler.links import extract
from crawler.links.document import Document
from crawler.model import CrawlURL, Exchange, FailureKind, Outcome, OutcomeKind
from crawler.progress import Summary
from storage import verify_chain
from tests.support.archive_check import read_log
from tests.support.engine import config_of, crawl, opened
from tests.support.kept import kept, metadata
from tests.support.memory_fetcher import MemoryFetcher
from tests.support.serving import until
from tests.support.web import Answer, Web, page, robots

A = "http://a.test/"
SITE: dict[str, Answer] = {A: page("/1", "/2", "/3"), **{f"{A}{n}": page() for n in (1, 2, 3)}}


class TestOneFetchCancelled:
    async def test_its_submitter_and_the_callbacks_hear_of_it_and_it_is_fetched_again(self, crawl_dir: Path) -> None:
        told: list[tuple[str, OutcomeKind]] = []
        with Web(SITE) as web:
            web.hold(f"{A}1")
            async with opened(config_of(crawl_dir, robots=False), resolver=web.resolver()) as running:
                running.add_done_callback(lambda outcome: told.append((outcome.url, outcome.kind)))
                submit = asyncio.ensure_future(running.submit(f"{A}1"))
                await until(lambda: web.asked(f"{A}1"))
                (visit,) = running._pipeline.parts.dispatcher._queue._tasks
                visit.cancel()
                with pytest.raises(Interrupted):
                    await submit
                web.let_go(f"{A}1")
                assert (await running.submit(f"{A}1")).seq == 1
        assert told == [(f"{A}1", OutcomeKind.INTERRUPTED), (f"{A}1", OutcomeKind.ARCHIVED)]
        assert len(kept(crawl_dir, f"{A}1", "response")) == 1

    async def test_before_its_first_step_it_is_no_different(self, crawl_dir: Path) -> None:
        """Nothing of the visit has run then, its `finally` neither."""
        told: list[tuple[str, OutcomeKind]] = []
        cancelled: list[str] = []
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir, A, robots=False), resolver=web.resolver()) as running:
                running.add_done_callback(lambda outcome: told.append((outcome.url, outcome.kind)))
                queue = running._pipeline.parts.dispatcher._queue
                start = queue.start

                def start_and_cancel(work, *args, **kwargs):  # type: ignore[no-untyped-def]
                    task = start(work, *args, **kwargs)
                    if args[-1].url.url == f"{A}1" and not cancelled:
                        cancelled.append(args[-1].url.url)
                        task.cancel()
                    return task

                queue.start = start_and_cancel  # type: ignore[method-assign]
                async with asyncio.timeout(10):
                    summary = await running.wait()
        assert cancelled == [f"{A}1"]
        assert summary.finished
        assert Counter(told)[f"{A}1", OutcomeKind.INTERRUPTED] == 1
        assert Counter(told)[f"{A}1", OutcomeKind.ARCHIVED] == 1
        assert len(kept(crawl_dir, f"{A}1", "response")) == 1


class BadRecords(HttpFetcher):
    """What no WARC header can carry, as the address of some hosts."""

    async def fetch(self, url: CrawlURL) -> Exchange:
        exchange = await super().fetch(url)
        return replace(exchange, peer="line\r\nbreak") if url.url.endswith(("/1", "robots.txt")) else exchange


class TestARecordThatCannotBeWritten:
    async def run(self, directory: Path, *, robots: bool = False) -> tuple[Summary, dict[str, Outcome]]:
        told: dict[str, Outcome] = {}
        with Web({**SITE, f"{A}robots.txt": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}) as web:
            config = config_of(directory, A, robots=robots)
            fetcher = BadRecords(config, spool_dir=directory.parent, resolver=web.resolver())
            async with fetcher, Crawl(config, fetcher=fetcher) as running:
                running.add_done_callback(lambda outcome: told.update({outcome.url: outcome}))
                return await running.wait(), told

    async def test_is_that_urls_failure(self, crawl_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.ERROR):
            summary, told = await self.run(crawl_dir)
        assert summary.finished
        assert {url: outcome.kind for url, outcome in told.items()} == {
            A: OutcomeKind.ARCHIVED,
            f"{A}1": OutcomeKind.FAILED,
            f"{A}2": OutcomeKind.ARCHIVED if not told[f"{A}2"].reason else OutcomeKind.REVISITED,
            f"{A}3": told[f"{A}3"].kind,
        }
        failed = told[f"{A}1"]
        assert failed.failure is FailureKind.INTERNAL
        assert "it cannot be recorded" in (failed.reason or "")
        assert "it cannot be recorded" in metadata(crawl_dir, f"{A}1")[0]["reason"][0]
        assert f"{A}1: it cannot be recorded" in caplog.text
        assert kept(crawl_dir, f"{A}1", "response") == []
        assert verify_chain(crawl_dir) == []
        assert [line["seq"] for line in read_log(crawl_dir)] == [1, 2, 3, 4]

    async def test_of_a_robots_txt_too(self, crawl_dir: Path) -> None:
        summary, told = await self.run(crawl_dir, robots=True)
        assert summary.finished
        assert told[f"{A}robots.txt"].kind is OutcomeKind.FAILED
        assert told[A].kind is OutcomeKind.FAILED

    async def test_figures_in_flight_come_back_to_nothing(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            config = config_of(crawl_dir, A, robots=False)
            fetcher = BadRecords(config, spool_dir=crawl_dir.parent, resolver=web.resolver())
            async with fetcher, Crawl(config, fetcher=fetcher) as running:
                await running.wait()
            tally = running._pipeline.parts.tally
        assert (tally.bytes_in_flight, tally.pages_in_flight) == (0, 0)


async def test_an_extractor_that_crashes_is_told_by_its_urls_outcome(
    crawl_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashing(document: Document, *rest: object) -> object:
        if document.url == f"{A}1":
            raise RecursionError("too deep")
        return extract(document, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(crawler.visit, "extract", crashing)
    with Web({**SITE, f"{A}robots.txt": robots("")}) as web:
        ran = await crawl(web, crawl_dir, A)
    assert ran.summary.finished
    told = ran.by_url[f"{A}1"]
    assert told.kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)
    assert "links not extracted" in (told.reason or "")
    assert "RecursionError" in (told.reason or "")
    assert [outcome.reason for url, outcome in ran.by_url.items() if url != f"{A}1"] == [None, None, None]


class TestSlowCallbacks:
    async def test_so_many_run_at_a_time_and_none_is_missed(self, tmp_path: Path) -> None:
        """A callback that is behind reads on from the ledger; the crawl does not wait for it."""
        heard: list[int] = []
        quick: list[int] = []
        active = most = 0
        gate = asyncio.Event()

        async def slow(outcome: Outcome) -> None:
            nonlocal active, most
            active += 1
            most = max(most, active)
            heard.append(outcome.seq)
            await gate.wait()
            active -= 1

        config = config_of(tmp_path / "crawl", robots=False, per_host=50)
        async with Crawl(config, fetcher=MemoryFetcher(tmp_path)) as running:
            running.add_done_callback(slow)
            running.add_done_callback(lambda outcome: quick.append(outcome.seq))
            await asyncio.gather(*(running.submit(f"http://a.test/{n}") for n in range(500)))
            assert (len(heard), active) == (100, 100)
            assert quick == list(range(1, 501))
            gate.set()
            summary = await running.wait()
        assert heard == list(range(1, 501))
        assert most == 100
        assert summary.callback_errors == 0

    async def test_one_that_submits_does_not_wait_for_itself(self, tmp_path: Path) -> None:
        receipts: list[int] = []

        async def more(outcome: Outcome) -> None:
            number = int(outcome.url.rpartition("/")[2])
            if number < 1000:
                receipts.append((await running.submit(f"http://a.test/{number + 1000}")).seq)

        config = config_of(tmp_path / "crawl", robots=False, per_host=50)
        async with asyncio.timeout(60), Crawl(config, fetcher=MemoryFetcher(tmp_path)) as running:
            running.add_done_callback(more)
            await asyncio.gather(*(running.submit(f"http://a.test/{n}") for n in range(300)))
            await until(lambda: len(receipts) == 300)
        assert len(set(receipts)) == 300


async def test_a_failure_is_raised_from_the_outcome_in_the_ledger(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        config = config_of(crawl_dir, A, robots=False)
        fetcher = BadRecords(config, spool_dir=crawl_dir.parent, resolver=web.resolver())
        async with fetcher, Crawl(config, fetcher=fetcher) as running:
            with pytest.raises(FetchFailed, match="it cannot be recorded"):
                await running.submit(f"{A}1")
