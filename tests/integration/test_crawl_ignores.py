"""DIR/ignores while a crawl runs, and ready-made sets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crawler.model import Outcome, OutcomeKind
from tests.support.engine import config_of, crawl, opened
from tests.support.web import Answer, Web, page


async def test_a_pattern_written_while_it_runs_takes_urls_out_of_the_queue(
    crawl_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.ignorefile.INTERVAL", 0.0)
    answers: dict[str, Answer] = {
        "http://a.test/": page("/first", "/calendar/1", "/calendar/2", "/last"),
        "http://a.test/first": page("/more"),
    }
    outcomes: list[Outcome] = []
    begun = asyncio.Event()
    with Web(answers) as web:
        web.hold("http://a.test/first")
        config = config_of(crawl_dir, "http://a.test/", concurrency=1, robots=False)
        async with opened(config, resolver=web.resolver()) as running:
            running.add_done_callback(outcomes.append)
            running.add_done_callback(lambda outcome: begun.set())
            await begun.wait()
            (crawl_dir / "ignores").write_text("/calendar/\n(\n")
            web.let_go("http://a.test/first")
            await running.wait()
        assert web.urls == [f"http://a.test/{name}" for name in ("", "first", "last", "more")]
    excluded = {outcome.url: outcome.reason for outcome in outcomes if outcome.kind is OutcomeKind.EXCLUDED}
    assert excluded == {"http://a.test/calendar/1": "ignores", "http://a.test/calendar/2": "ignores"}


async def test_a_file_that_was_there_before_and_a_set(crawl_dir: Path) -> None:
    crawl_dir.mkdir(parents=True)
    (crawl_dir / "ignores").write_text("# not these\n[.]zip$\nset:forums\n")
    links = ["/a.zip", "/posting.php?mode=reply", "/?utm_source=x", "/b"]
    with Web({"http://a.test/": page(*links)}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", ignore_sets=("global",))
    assert sorted(ran.by_url) == ["http://a.test/", "http://a.test/b"]
