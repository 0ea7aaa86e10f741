"""Reading outcomes in the order of the archive: during the crawl, late, slowly, from any number on, after a restart."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from crawler import following
from crawler.crawl import Crawl
from crawler.model import Outcome, OutcomeKind
from tests.support.archive_check import read_log
from tests.support.engine import config_of, opened
from tests.support.fakeclock import turns
from tests.support.serving import until
from tests.support.web import Answer, Web, page

A = "http://a.test/"
COUNT = 30
SITE: dict[str, Answer] = {A: page(*(f"/{n}" for n in range(COUNT))), **{f"{A}{n}": page() for n in range(COUNT)}}


async def test_every_outcome_comes_in_order_and_the_iteration_ends_with_the_crawl(crawl_dir: Path) -> None:
    heard: list[Outcome] = []
    told: list[Outcome] = []
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            crawl.add_done_callback(told.append)
            async for outcome in crawl:
                heard.append(outcome)  # noqa: PERF401 - as the tutorial does
            assert (await crawl.wait()).finished
    assert heard == told
    assert [outcome.seq for outcome in heard] == list(range(1, COUNT + 3))
    assert [outcome.url for outcome in heard] == [line["url"] for line in read_log(crawl_dir)]


async def test_each_knows_when_it_was_started_fetched_and_archived(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            heard = [outcome async for outcome in crawl]
    for outcome in heard:
        assert outcome.started is not None
        assert outcome.fetched is not None
        assert outcome.archived is not None
        assert outcome.started <= outcome.fetched <= outcome.archived, outcome
    archived = [outcome.archived for outcome in heard if outcome.archived is not None]
    assert archived == sorted(archived)


async def test_from_any_number_on_also_after_a_restart_and_after_the_end(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A, max_pages=10), resolver=web.resolver()) as crawl:
            first = [outcome async for outcome in crawl]
        assert [outcome async for outcome in crawl.outcomes()] == first
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            second = [outcome async for outcome in crawl]
            whole = [outcome async for outcome in crawl.outcomes()]
        since = [outcome async for outcome in crawl.outcomes(since=7)]
    assert len(first) < len(whole)
    assert whole == first + second
    assert since == whole[7:]
    assert [outcome.seq for outcome in whole] == list(range(1, COUNT + 3))


async def test_a_slow_reader_holds_little_and_slows_nothing(crawl_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PIECE", 4)
    monkeypatch.setattr(following.read_piece, "__defaults__", (4,))
    heard = []
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            reader = crawl.outcomes()
            heard.append(await anext(reader))
            summary = await crawl.wait()  # it ends, though the reader does not read
            assert len(reader._read) <= 3
            heard += [outcome async for outcome in reader]
    assert summary.finished
    assert [outcome.seq for outcome in heard] == list(range(1, COUNT + 3))


async def test_two_readers_and_one_that_leaves_early(crawl_dir: Path) -> None:
    async def first_three(crawl: Crawl) -> list[int]:
        found = []
        async for outcome in crawl.outcomes():
            found.append(outcome.seq)
            if len(found) == 3:
                break
        return found

    async def everything(crawl: Crawl) -> list[int]:
        return [outcome.seq async for outcome in crawl]

    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            few, all_ = await asyncio.gather(first_three(crawl), everything(crawl))
    assert few == [1, 2, 3]
    assert all_ == list(range(1, COUNT + 3))


async def test_a_reader_that_waits_is_woken_by_a_commit_and_by_the_end(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, robots=False), resolver=web.resolver(), keep_open=True) as crawl:
            reader = crawl.outcomes()
            waiting = asyncio.ensure_future(anext(reader))
            await turns()
            assert not waiting.done()
            await crawl.submit(f"{A}1")
            assert (await waiting).url == f"{A}1"
            last = asyncio.ensure_future(anext(reader, None))
            await turns()
            assert not last.done()
        assert await last is None


async def test_interrupted_is_told_to_callbacks_and_never_enters_the_order(crawl_dir: Path) -> None:
    told: list[Outcome] = []
    with Web(SITE) as web:
        web.hold(f"{A}1")
        config = config_of(crawl_dir, A, grace=0.1, per_host=1, timeout=30.0)
        async with opened(config, resolver=web.resolver()) as crawl:
            crawl.add_done_callback(told.append)
            await until(lambda: web.asked(f"{A}1"))
            crawl.stop()
            heard = [outcome async for outcome in crawl]
        web.let_go(f"{A}1")
    assert [outcome.url for outcome in told if outcome.kind is OutcomeKind.INTERRUPTED] == [f"{A}1"]
    assert [outcome for outcome in told if outcome.kind is not OutcomeKind.INTERRUPTED] == heard


async def test_with_random_fetch_times_the_order_is_that_of_the_archive(crawl_dir: Path, rng: random.Random) -> None:
    """Records lie in the order of seq, which has no gaps, whichever answer came first."""
    held = [f"{A}{n}" for n in range(COUNT)]
    with Web(SITE) as web:
        for url in held:
            web.hold(url)
        async with opened(config_of(crawl_dir, A, per_host=64), resolver=web.resolver()) as crawl:
            await until(lambda: len(web.urls) == COUNT + 1)
            for url in rng.sample(held, len(held)):
                web.let_go(url)
                if rng.random() < 0.3:
                    await asyncio.sleep(0.005)
            heard = [outcome async for outcome in crawl]
    assert [outcome.seq for outcome in heard] == list(range(1, COUNT + 3))
    places = [(outcome.receipt.segment, outcome.receipt.offset) for outcome in heard if outcome.receipt]
    assert places == sorted(places)
    assert all(outcome.receipt and outcome.receipt.seq == outcome.seq for outcome in heard)
