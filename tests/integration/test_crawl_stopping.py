"""Stopping a crawl from the program around it: grace for what is in flight, nothing lost, nothing made up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import crawler.frontier.claiming
import crawler.frontier.loading
from crawler.model import Outcome, OutcomeKind
from tests.support.archive_check import read_log
from tests.support.engine import config_of, crawl, opened
from tests.support.fakeclock import FakeClock, turns
from tests.support.kept import kept
from tests.support.web import Answer, Web, page

SLOW = "http://a.test/slow"
SITE: dict[str, Answer] = {"http://a.test/": page("/slow", "/next"), SLOW: page("/more"), "http://a.test/next": page()}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_is_in_flight_gets_its_grace_and_is_archived(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        web.hold(SLOW)
        async with opened(
            config_of(crawl_dir, "http://a.test/", grace=10.0, per_host=1), resolver=web.resolver()
        ) as run:
            await until(lambda: web.asked(SLOW))
            run.stop()
            assert run.progress().state == "stopping"
            web.let_go(SLOW)
            summary = await run.wait()
        assert "http://a.test/next" not in web.urls
    assert (summary.exit_code, summary.finished) == (3, False)
    assert len(kept(crawl_dir, SLOW, "response")) == 1


async def test_what_outlasts_the_grace_is_dropped_and_fetched_again(crawl_dir: Path) -> None:
    outcomes: list[Outcome] = []
    with Web(SITE) as web:
        web.hold(SLOW)
        clock = FakeClock()
        async with opened(
            config_of(crawl_dir, "http://a.test/", grace=30.0, timeout=60.0), resolver=web.resolver(), clock=clock
        ) as run:
            run.add_done_callback(outcomes.append)
            await until(lambda: web.asked(SLOW))
            run.stop()
            await until(lambda: run.progress().in_flight == 1)
            await turns()
            await clock.advance(29.9)
            assert run.progress().in_flight == 1
            await clock.advance(0.1)
            summary = await run.wait()
        assert summary.exit_code == 3
        (interrupted,) = (outcome for outcome in outcomes if outcome.kind is OutcomeKind.INTERRUPTED)
        assert (interrupted.url, interrupted.seq, interrupted.receipt) == (SLOW, 0, None)
        assert kept(crawl_dir, SLOW) == []
        assert SLOW not in {line["url"] for line in read_log(crawl_dir)}
        web.let_go(SLOW)
        ran = await crawl(web, crawl_dir, "http://a.test/")
        assert len(web.asked(SLOW)) == 2
    assert ran.summary.finished
    assert (ran.by_url[SLOW].attempt, len(kept(crawl_dir, SLOW, "response"))) == (1, 1)


async def test_an_abort_ends_it_at_once_and_flushes_what_is_captured(crawl_dir: Path) -> None:
    """The clock stands still: a grace would never be over."""
    with Web(SITE) as web:
        web.hold(SLOW)
        async with opened(
            config_of(crawl_dir, "http://a.test/", grace=60.0, timeout=60.0), resolver=web.resolver(), clock=FakeClock()
        ) as run:
            await until(lambda: web.asked(SLOW) and len(web.urls) == 3)
            run.stop()
            run.abort()
            summary = await run.wait()
    assert summary.exit_code == 3
    assert [len(kept(crawl_dir, url, "response")) for url in SITE] == [1, 0, 1]
    assert not list((crawl_dir / "archive").glob("*.open"))


@pytest.mark.parametrize("cancels", [1, 5])
async def test_cancelling_the_task_around_it_loses_nothing(crawl_dir: Path, cancels: int) -> None:
    with Web(SITE) as web:
        web.hold(SLOW)

        async def whole() -> None:
            config = config_of(crawl_dir, "http://a.test/", grace=0.2, timeout=60.0)
            async with opened(config, resolver=web.resolver()) as run:
                await run.wait()

        task = asyncio.create_task(whole())
        await until(lambda: web.asked(SLOW) and len(web.urls) == 3)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(kept(crawl_dir, "http://a.test/", "response")) == 1
        web.let_go(SLOW)
        ran = await crawl(web, crawl_dir, "http://a.test/")
    assert ran.summary.finished
    assert [len(kept(crawl_dir, url, "response")) for url in SITE] == [1, 1, 1]


async def test_a_cancelled_wait_leaves_it_running(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        web.hold(SLOW)
        async with opened(config_of(crawl_dir, "http://a.test/"), resolver=web.resolver()) as run:
            waiter = asyncio.create_task(run.wait())
            await until(lambda: web.asked(SLOW))
            waiter.cancel()
            await asyncio.wait([waiter])
            web.let_go(SLOW)
            summary = await run.wait()
    assert (summary.finished, summary.exit_code) == (True, 0)


async def test_an_error_in_the_block_stops_the_crawl_and_goes_on_up(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        web.hold(SLOW)

        async def broken() -> None:
            async with opened(config_of(crawl_dir, "http://a.test/", grace=0.1), resolver=web.resolver()):
                await until(lambda: web.asked(SLOW))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await broken()
        assert len(kept(crawl_dir, "http://a.test/", "response")) == 1


async def test_more_hosts_than_are_held_in_memory(crawl_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each host links to two others; all wait in the store for their turn, and each keeps its rules and its pace."""
    monkeypatch.setattr(crawler.frontier.loading, "WORKING_SET", 8)
    monkeypatch.setattr(crawler.frontier.claiming, "TURN", 2)
    count = 60
    answers: dict[str, Answer] = {}
    for n in range(count):
        others = [f"http://h{(2 * n + d) % count}.test/" for d in (1, 2)]
        answers[f"http://h{n}.test/"] = page("/1", "/2", "/3", *others, images=["/i.png"])
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://h0.test/", scope="any", concurrency=16)
        assert ran.summary.finished
        assert len(web.urls) == len(set(web.urls)) == count * 5
        assert sum(asked.url.endswith("/robots.txt") for asked in web.requests) == count
