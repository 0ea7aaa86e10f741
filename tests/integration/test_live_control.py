"""A running crawl held, slowed and hurried: as a whole and host by host."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from crawler.config import InvalidSetting
from tests.support.archive_check import read_log
from tests.support.engine import at_rest, config_of, finish_by, opened
from tests.support.fakeclock import FakeClock
from tests.support.serving import until
from tests.support.web import Answer, Web, page

A, B = "http://a.test/", "http://b.test/"
SITE: dict[str, Answer] = {}
SITE.update({f"{root}{n}": page() for root in (A, B) for n in range(20)})
SITE.update({root: page(*(f"/{n}" for n in range(20))) for root in (A, B)})


async def test_a_paused_crawl_asks_nothing_until_it_is_resumed(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A, robots=False), resolver=web.resolver()) as crawl:
            crawl.pause()
            assert crawl.progress().state == "paused"
            task = asyncio.ensure_future(crawl.submit(B))
            await until(lambda: crawl._opened.frontier.current_counts.queued == 2)
            await at_rest(crawl)
            assert (crawl.progress().in_flight, web.requests, task.done()) == (0, [], False)
            crawl.resume()
            await task
            assert crawl.progress().state == "crawling"
            assert (await crawl.wait()).finished


async def test_leaving_the_block_resumes(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with asyncio.timeout(10), opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            crawl.pause()
            crawl.hosts["a.test"].pause()
        assert len(web.urls) == 21


async def test_a_paused_crawl_can_be_stopped(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with asyncio.timeout(10), opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            crawl.pause()
            crawl.stop()
            assert (await crawl.wait()).exit_code == 3
        assert web.urls == []


async def test_one_host_paused_leaves_the_others_alone(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A, B), resolver=web.resolver()) as crawl:
            crawl.hosts["A.test"].pause()
            ended = asyncio.ensure_future(crawl.wait())
            await until(lambda: len(read_log(crawl_dir)) >= 22)
            await at_rest(crawl)
            assert {asked.url.split("/")[2] for asked in web.requests} == {"b.test"}
            assert not ended.done()  # what is queued keeps the crawl from ending
            assert crawl.hosts["a.test"].paused
            assert (crawl.hosts["a.test"].queued, crawl.hosts["a.test"].active) == (1, 0)
            crawl.hosts["a.test"].resume()
            assert (await ended).finished
        assert len(web.urls) == 42


async def test_a_paused_host_without_urls_keeps_nothing_open(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with asyncio.timeout(10), opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            crawl.hosts["elsewhere.test"].pause()
            assert (await crawl.wait()).finished


async def test_a_shorter_delay_holds_for_the_wait_under_way(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        config = config_of(crawl_dir, A, delay=3600.0, robots=False)
        async with asyncio.timeout(10), opened(config, resolver=web.resolver()) as crawl:
            await until(lambda: len(read_log(crawl_dir)) == 1)
            await at_rest(crawl)
            assert (crawl.progress().in_flight, web.urls) == (0, [A])
            assert crawl.hosts["a.test"].delay == 3600.0
            crawl.hosts["a.test"].delay = 0
            assert (await crawl.wait()).finished


async def test_a_longer_delay_holds_from_the_next_request_on(crawl_dir: Path) -> None:
    clock = FakeClock()
    with Web(SITE, clock=clock.time) as web:
        async with opened(config_of(crawl_dir, A, robots=False), resolver=web.resolver(), clock=clock) as crawl:
            crawl.hosts["a.test"].delay = 2
            assert (await finish_by(clock, crawl)).finished
    gaps = [later.at - earlier.at for earlier, later in pairwise(web.requests)]
    assert gaps == pytest.approx([2.0] * 20, abs=1e-6)


async def test_the_slots_of_a_host_and_of_the_crawl(crawl_dir: Path) -> None:
    with Web(SITE, pause=0.02) as web:
        config = config_of(crawl_dir, A, B, per_host=2, per_ip=0, robots=False)
        async with opened(config, resolver=web.resolver()) as crawl:
            crawl.hosts["a.test"].per_host = 6
            assert (await crawl.wait()).finished
    assert web.peaks["a.test"] > 2
    assert web.peaks["b.test"] <= 2


@pytest.mark.parametrize(("before", "after"), [(16, 2), (1, 8)])
async def test_concurrency_while_it_runs(crawl_dir: Path, before: int, after: int) -> None:
    with Web(SITE, pause=0.01) as web:
        config = config_of(crawl_dir, A, B, per_host=32, concurrency=before, robots=False)
        async with opened(config, resolver=web.resolver()) as crawl:
            assert crawl.concurrency == before
            crawl.concurrency = after
            assert crawl.concurrency == after
            assert (await crawl.wait()).finished
    if after < before:
        assert web.peaks[""] <= after
    else:
        assert web.peaks[""] > before


async def test_values_that_the_options_refuse(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            with pytest.raises(InvalidSetting, match="delay"):
                crawl.hosts["a.test"].delay = -1
            with pytest.raises(InvalidSetting, match="per_host"):
                crawl.hosts["a.test"].per_host = 0
            with pytest.raises(ValueError, match="at least one"):
                crawl.concurrency = 0
            with pytest.raises(KeyError):
                crawl.hosts["http://a.test/"]
            assert crawl.hosts["a.test"].delay == 0.0


async def test_what_is_ignored_from_now_on(crawl_dir: Path) -> None:
    """Queued URLs too; and it is a line of DIR/ignores, so it holds in later sessions."""
    with Web(SITE) as web:
        web.hold(A)
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            await until(lambda: web.asked(A))
            (crawl_dir / "ignores").write_text("# mine, without a line end at the end")
            crawl.ignore("/1[0-9]$")
            crawl.ignore("/9$")
            web.let_go(A)
            assert (await crawl.wait()).finished
            for wrong in ("(", "", "# a comment", "one\ntwo"):
                with pytest.raises(ValueError, match=r"^'.*' is not (a regular expression: |one pattern)"):
                    crawl.ignore(wrong)
        assert sorted(web.urls) == sorted([A, *(f"{A}{n}" for n in range(9))])
    lines = (crawl_dir / "ignores").read_text().splitlines()
    assert lines == ["# mine, without a line end at the end", "/1[0-9]$", "/9$"]
