"""How hard servers are pressed: the server itself counts and measures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.crawl import Crawl
from crawler.fetcher import HttpFetcher
from crawler.model import CrawlURL, Exchange
from tests.support.engine import config_of, crawl, finish_by, opened
from tests.support.fakeclock import START, FakeClock
from tests.support.web import UNAVAILABLE, Answer, Web, page, redirect, robots


def hosts(count: int, pages: int) -> dict[str, Answer]:
    """Every host's start page links to all its pages and to the next host's start."""
    answers: dict[str, Answer] = {}
    for number in range(count):
        links = [f"/{n}" for n in range(pages)]
        answers[f"http://h{number}.test/"] = page(*links, f"http://h{(number + 1) % count}.test/")
        answers.update({f"http://h{number}.test/{n}": page(images=[f"/{n}.png"]) for n in range(pages)})
    return answers


@pytest.mark.parametrize("per_host", [1, 2, 5])
async def test_per_host_is_never_exceeded_and_made_use_of(crawl_dir: Path, per_host: int) -> None:
    with Web(hosts(3, 15), pause=0.01 * per_host) as web:
        seeds = [f"http://h{n}.test/" for n in range(3)]
        await crawl(web, crawl_dir, *seeds, per_host=per_host)
        peaks = {host: peak for host, peak in web.peaks.items() if host}
        assert peaks == {f"h{n}.test": per_host for n in range(3)}


async def test_ports_and_schemes_share_their_hosts_slots(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"http://a.test:{port}/{n}": page() for port in (8001, 8002, 8003) for n in range(6)}
    with Web(answers, pause=0.01) as web:
        await crawl(web, crawl_dir, *answers, per_host=2)
        assert web.peaks[""] == 2


@pytest.mark.parametrize("concurrency", [1, 4, 9])
async def test_concurrency_is_never_exceeded_and_made_use_of(crawl_dir: Path, concurrency: int) -> None:
    answers = hosts(20, 3)
    with Web(answers, pause=0.008 * concurrency) as web:
        await crawl(web, crawl_dir, *(f"http://h{n}.test/" for n in range(20)), concurrency=concurrency)
        assert web.peaks[""] == concurrency
        assert answers.keys() <= set(web.urls)


@pytest.mark.parametrize("delay", [0.1, 7.0, 3600.0])
async def test_a_fixed_delay_lies_between_any_two_requests_to_a_host(crawl_dir: Path, delay: float) -> None:
    """robots.txt, redirects, pages and requisites alike; two slots do not make it shorter. Times are those of the
    crawl's own clock, which stands still while anything is under way: none may be missed by however little."""
    answers: dict[str, Answer] = {
        "http://a.test/": redirect("/start"),
        "http://a.test/start": page("/1", "/2", images=["/i.png"]),
    }
    clock = FakeClock()
    with Web(answers, clock=clock.time) as web:
        config = config_of(crawl_dir, "http://a.test/", per_host=2, delay=delay)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            assert (await finish_by(clock, running)).finished
        times = [asked.at - START for asked in web.requests]
    assert times == pytest.approx([delay * number for number in range(6)], abs=1e-6)


async def test_a_slow_answer_does_not_make_the_delay_longer(crawl_dir: Path) -> None:
    """It lies between the starts; a second slot is for answers that take longer than it."""
    names = [f"http://a.test/{number}" for number in range(4)]
    clock = FakeClock()
    with Web(dict.fromkeys(names, page()), clock=clock.time) as web:
        for name in names[:2]:
            web.hold(name)
        config = config_of(crawl_dir, *names, per_host=2, delay=10.0, robots=False)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            await web.seen(names[0])
            await clock.advance(9.9)
            assert len(web.requests) == 1
            await clock.advance(0.1)
            await web.seen(names[1])
            await clock.advance(100.0)
            assert len(web.requests) == 2, "no slot is free"
            web.let_go(names[0])
            await web.seen(names[2])
            web.let_go(names[1])
            await finish_by(clock, running)
        assert [asked.at - START for asked in web.requests] == pytest.approx([0.0, 10.0, 110.0, 120.0])


async def test_a_delay_for_one_host_holds_up_no_other(crawl_dir: Path) -> None:
    """All are asked at the same moment, and again when the delay is over."""
    seeds = [f"http://h{n}.test/" for n in range(8)]
    clock = FakeClock()
    with Web(dict.fromkeys(seeds, page()), clock=clock.time) as web:
        async with opened(config_of(crawl_dir, *seeds, delay=7.0), resolver=web.resolver(), clock=clock) as running:
            await finish_by(clock, running)
        asked = sorted((each.url, each.at - START) for each in web.requests)
    assert asked == sorted((f"{seed}{name}", moment) for seed in seeds for name, moment in (("robots.txt", 0), ("", 7)))


async def test_no_delay_is_waited_for_when_there_is_nothing_more_to_ask(crawl_dir: Path) -> None:
    """Neither at the end of a crawl nor at a limit; nor the back-off of a host whose last page failed. The clock stands
    still: whoever waits would wait for ever."""
    with Web({"http://a.test/": page("/1", "/2")}) as web:
        options: dict[str, Any] = {"robots": False, "delay": 20.0, "clock": FakeClock()}
        first = await crawl(web, crawl_dir, "http://a.test/", max_pages=1, **options)
        assert first.summary.queued == 2
    with Web({"http://b.test/": UNAVAILABLE}) as web:
        second = await crawl(web, crawl_dir.with_name("other"), "http://b.test/", **options)
        assert second.summary.finished


class Timed(HttpFetcher):
    """Notes how long each host took to answer, as the crawl is told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seconds: list[float] = []

    async def fetch(self, url: CrawlURL) -> Exchange:
        exchange = await super().fetch(url)
        assert exchange.first_byte_ms is not None
        self.seconds.append(exchange.first_byte_ms / 1000)
        return exchange


async def test_automatic_delay_follows_the_hosts_own_time(crawl_dir: Path, tmp_path: Path) -> None:
    """A host that takes 20 ms is left alone five times as long between two requests: five times what it really took,
    the newest answer counting a quarter."""
    names = [f"http://a.test/{name}" for name in ("robots.txt", "", *range(6))]
    clock = FakeClock()
    config = config_of(crawl_dir, names[1], delay=None, per_host=1)
    answers: dict[str, Answer] = {**dict.fromkeys(names, page()), names[0]: robots(""), names[1]: page(*names[2:])}
    with Web(answers, pause=0.02, clock=clock.time) as web:
        async with (
            Timed(config, spool_dir=tmp_path, resolver=web.resolver()) as fetcher,
            Crawl(config, fetcher=fetcher, clock=clock) as running,
        ):
            await finish_by(clock, running)
        asked = [(each.url, each.at - START) for each in web.requests]
    assert [url for url, _ in asked] == names
    assert min(fetcher.seconds) >= 0.015  # a pause never ends much too early
    # When robots.txt was asked for nothing was known, so the seed came at once; from then on each start adds a delay.
    moments, smoothed = [0.0, 0.0], fetcher.seconds[0]
    for seconds in fetcher.seconds[1:-1]:
        moments.append(moments[-1] + 5 * smoothed)
        smoothed += (seconds - smoothed) / 4
    assert [moment for _, moment in asked] == pytest.approx(moments, abs=1e-6)


async def test_a_host_that_pushes_back_is_left_alone_ever_longer(crawl_dir: Path) -> None:
    clock = FakeClock()
    with Web({"http://a.test/": [UNAVAILABLE] * 4}, clock=clock.time) as web:
        config = config_of(crawl_dir, "http://a.test/", retries=3, robots=False)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            await finish_by(clock, running)
        pauses = [later.at - earlier.at for earlier, later in pairwise(web.requests)]
    assert len(pauses) == 3
    assert all(pause >= least for pause, least in zip(pauses, (1.0, 2.0, 4.0), strict=True)), pauses


async def test_hosts_take_turns(crawl_dir: Path) -> None:
    """One slot and all URLs queued from the start: one host's pages do not come before all of the other's."""
    seeds = [f"http://{host}.test/{n}" for host in "ab" for n in range(10)]
    with Web(dict.fromkeys(seeds, page())) as web:
        await crawl(web, crawl_dir, *seeds, concurrency=1, robots=False)
        order = [url.split("/")[2] for url in web.urls]
    assert order[:10].count("a.test") == order[:10].count("b.test") == 5
