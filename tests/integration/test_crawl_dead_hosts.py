"""A host that stops answering: parked, probed, given up at once, brought back."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from crawler.model import FailureKind, Outcome, OutcomeKind
from tests.support.engine import QuickClock, config_of, crawl, finish_by, opened
from tests.support.fakeclock import START, FakeClock
from tests.support.web import Web, page

REFUSED = "cannot connect to dead.test: Connection refused"


async def test_many_urls_of_a_dead_host_cost_a_handful_of_connections(crawl_dir: Path) -> None:
    """With a live host beside it, which is not held up. robots.txt is what is asked for, and what is probed."""
    links = [f"http://dead.test/{number}" for number in range(500)]
    with Web({"http://a.test/": page(*links), "http://a.test/last": page()}, dead=["dead.test"]) as web:
        options = {"scope": "any", "retries": 3, "clock": QuickClock(100)}
        ran = await crawl(web, crawl_dir, "http://a.test/", "http://a.test/last", **options)  # type: ignore[arg-type]
    dead = [outcome for outcome in ran.outcomes if "//dead.test/" in outcome.url]
    robots, *pages = dead
    assert (robots.url, robots.kind, robots.attempt) == ("http://dead.test/robots.txt", OutcomeKind.FAILED, 4)
    assert [outcome.url for outcome in pages] == links
    assert {(outcome.kind, outcome.reason, outcome.failure, outcome.attempt) for outcome in pages} == {
        (OutcomeKind.FAILED, f"host is dead: {REFUSED}", FailureKind.CONNECT, 1)
    }
    assert ran.by_url["http://a.test/last"].kind is OutcomeKind.ARCHIVED
    assert ran.summary.finished


async def test_an_outage_is_waited_for_and_costs_no_page(crawl_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The host goes away in the middle and comes back: everything is archived, nothing failed, and the log knows."""
    caplog.set_level(logging.INFO, "crawler.frontier.sqlite")
    links = [f"/{number}" for number in range(30)]
    answers = {"http://a.test/": page(*links), **{f"http://a.test{link}": page() for link in links}}
    clock = QuickClock(100)
    with Web(answers) as web:
        place = web.resolver()
        config = config_of(crawl_dir, "http://a.test/", retries=3, concurrency=1, delay=0.2)
        outcomes: list[Outcome] = []
        async with opened(config, resolver=place, clock=clock) as running:
            eight = asyncio.Event()

            def told(outcome: Outcome) -> None:
                outcomes.append(outcome)
                if len(outcomes) == 8:
                    eight.set()

            running.add_done_callback(told)
            await eight.wait()
            web.close_port()
            gone = clock.time()
            await clock.sleep(45.0)
            web.open_port()
            await running.wait()
        last = max(asked.at for asked in web.requests)
    assert clock.moment(last) - gone > 45.0
    pages = [outcome for outcome in outcomes if not outcome.url.endswith("robots.txt")]
    assert {outcome.kind for outcome in pages} == {OutcomeKind.ARCHIVED}
    assert len(pages) == 31
    assert [record.getMessage() for record in caplog.records if record.name == "crawler.frontier.sqlite"] == [
        "http://a.test does not answer; asked again in 10 s, and in twice as long each time",
        "http://a.test answers again",
    ]


async def test_given_up_and_brought_back(crawl_dir: Path) -> None:
    """--retry-failed begins anew."""
    answers = {"http://a.test/": page(), "http://a.test/1": page()}
    with Web(answers) as web:
        web.close_port()
        clock, outcomes = FakeClock(), list[Outcome]()
        config = config_of(crawl_dir, *answers, robots=False, probes=0, retries=3)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            running.add_done_callback(outcomes.append)
            await finish_by(clock, running)
        assert clock.now - START < 1000.0
        assert {outcome.kind for outcome in outcomes} == {OutcomeKind.FAILED}
        web.open_port()
        again = await crawl(web, crawl_dir, *answers, robots=False, probes=0, retry_failed=True, clock=clock)
        assert {outcome.kind for outcome in again.outcomes} == {OutcomeKind.ARCHIVED}
