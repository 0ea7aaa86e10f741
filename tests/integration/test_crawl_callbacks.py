"""A crawl inside somebody's program: callbacks, several crawls in one loop."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from crawler.model import Outcome
from tests.support.archive_check import read_log
from tests.support.engine import config_of, crawl, opened
from tests.support.web import Answer, Web, ok, page

SITE: dict[str, Answer] = {
    "http://a.test/": page("/1", "/2", "/3"),
    **{f"http://a.test/{n}": page(f"/{n}/x") for n in (1, 2, 3)},
    **{f"http://a.test/{n}/x": page() for n in (1, 2, 3)},
}


async def test_callbacks_are_called_after_the_commit_with_their_parameters(crawl_dir: Path) -> None:
    """Sync and async, with positional and named parameters; what is told is in the ledger and in the log already."""
    told: list[tuple[str, str, int, object]] = []
    finished: list[str] = []

    def now(outcome: Outcome, prefix: str, *, named: int) -> None:
        seq, url = outcome.seq, outcome.url
        with sqlite3.connect(f"file:{crawl_dir}/crawl.db?mode=ro", uri=True) as db:
            row = db.execute("SELECT url FROM ledger WHERE seq = ?", (seq,)).fetchone()
        db.close()
        assert read_log(crawl_dir)[seq - 1]["url"] == url
        told.append((prefix, url, named, row and row[0]))

    async def later(outcome: Outcome, gathered: list[str]) -> None:
        await asyncio.sleep(0.01)
        gathered.append(outcome.url)

    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, "http://a.test/"), resolver=web.resolver()) as running:
            running.add_done_callback(now, "p", named=7)
            running.add_done_callback(later, finished)
            summary = await running.wait()
    urls = [line["url"] for line in read_log(crawl_dir)]
    assert told == [("p", url, 7, url) for url in urls]
    assert sorted(finished) == sorted(str(url) for url in urls)
    assert summary.callback_errors == 0


async def test_a_callback_that_raises_harms_nobody(crawl_dir: Path) -> None:
    heard: list[str] = []

    def broken(outcome: object) -> None:
        raise ZeroDivisionError("mine")

    async def broken_later(outcome: object) -> None:
        raise KeyError("mine too")

    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, "http://a.test/"), resolver=web.resolver()) as running:
            running.add_done_callback(broken)
            running.add_done_callback(broken_later)
            running.add_done_callback(lambda outcome: heard.append(outcome.url))
            summary = await running.wait()
    assert (summary.exit_code, summary.finished, summary.callback_errors) == (0, True, 16)
    assert heard == [line["url"] for line in read_log(crawl_dir)]


async def test_two_crawls_in_one_loop_do_not_meet(tmp_path: Path) -> None:
    with Web(SITE) as one, Web({**SITE, "http://a.test/": ok(b"other")}) as two:
        first, second = await asyncio.gather(
            crawl(one, tmp_path / "1", "http://a.test/"), crawl(two, tmp_path / "2", "http://a.test/")
        )
    assert len(first.by_url) == 7
    assert list(second.by_url) == ["http://a.test/"]


async def test_a_program_that_goes_to_another_directory_leaves_the_crawl_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there / "crawl" / "archive"):
        place.mkdir(parents=True)
    monkeypatch.chdir(here)
    with Web(SITE) as web:
        async with opened(config_of(Path("crawl"), "http://a.test/", segment_size=100), resolver=web.resolver()) as run:
            run.add_done_callback(lambda outcome: monkeypatch.chdir(there))
            summary = await run.wait()
    assert summary.finished
    assert len(list((here / "crawl" / "archive").iterdir())) > 1
    assert len(read_log(here / "crawl")) == len(SITE) + 1
    assert list((there / "crawl").rglob("*")) == [there / "crawl" / "archive"]
