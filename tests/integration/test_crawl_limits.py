"""Limits end a crawl with success; what is queued is kept and said, and a higher limit goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.frontier import Commit
from crawler.model import CrawlURL, FailureKind, Outcome, OutcomeKind
from storage import AppendFile, DiskFiles
from tests.support.engine import config_of, crawl, engine, finish_by, opened
from tests.support.fakeclock import START, FakeClock
from tests.support.kept import kept, metadata
from tests.support.memory_frontier import Memory, MemoryFrontier
from tests.support.web import Answer, Web, ok, page, redirect, robots

Captured = pytest.CaptureFixture[str]
QUICK = ["--delay", "0", "--min-free-disk", "0", "--no-sitemaps"]


def chain(count: int) -> dict[str, Answer]:
    """Pages in a row, each with an image of its own."""
    return {f"http://a.test/{n}": page(f"/{n + 1}", images=[f"/{n}.png"]) for n in range(count)}


def star(count: int) -> dict[str, Answer]:
    """One page that links to all others, each with an image of its own."""
    pages: dict[str, Answer] = {f"http://a.test/{n}": page(images=[f"/{n}.png"]) for n in range(1, count)}
    return {"http://a.test/0": page(*(f"/{n}" for n in range(1, count)), images=["/0.png"]), **pages}


@pytest.mark.parametrize("site", [chain, star])
@pytest.mark.parametrize("limit", [1, 5])
async def test_max_pages_is_exact_and_the_last_pages_have_their_images(
    crawl_dir: Path, site: object, limit: int
) -> None:
    answers = site(20)  # type: ignore[operator]
    with Web(answers, pause=0.005) as web:
        first = await crawl(web, crawl_dir, "http://a.test/0", max_pages=limit, per_host=8)
        pages = [url for url in web.urls if not url.endswith(".png")]
        assert len(pages) == limit
        assert sorted(url for url in web.urls if url.endswith(".png")) == sorted(f"{url}.png" for url in pages)
        summary = first.summary
        assert (summary.exit_code, summary.finished) == (0, False)
        assert summary.queued > 0
        assert summary.stopped_by == f"--max-pages {limit} reached"

        same = await crawl(web, crawl_dir, "http://a.test/0", max_pages=limit, per_host=8)
        assert (same.outcomes, same.summary.exit_code, same.summary.queued) == ([], 0, summary.queued)
        more = await crawl(web, crawl_dir, "http://a.test/0", max_pages=limit + 3, per_host=8)
        assert more.summary.outcomes[OutcomeKind.ARCHIVED] == 2 * (limit + 3) + 1
        last = await crawl(web, crawl_dir, "http://a.test/0", per_host=8)
        assert last.summary.finished
        assert sorted(web.urls) == sorted({*web.urls})
        assert {url for url in web.urls if not url.endswith(".png")} >= answers.keys()


class CommitsWhileAsked(MemoryFrontier):
    """A store that takes its time: whatever is in flight is committed while it looks for something to give."""

    def __init__(self, memory: Memory, **options: Any) -> None:
        super().__init__(memory, **options)
        self.committed = asyncio.Event()

    async def claim(self, limit: int) -> Sequence[CrawlURL]:
        found = await super().claim(limit)
        if not found and self._claims:
            self.committed.clear()
            await self.committed.wait()
        return found

    async def commit(self, commit: Commit) -> Sequence[Outcome | None]:
        outcomes = await super().commit(commit)
        self.committed.set()
        return outcomes


async def test_a_page_that_became_none_at_the_last_moment_leaves_its_place_to_another(tmp_path: Path) -> None:
    """The last page that the limit allows is excluded just as the frontier is asked for what such pages need."""
    frontier = CommitsWhileAsked(Memory(), delay=0.0, per_host=8)
    answers: dict[str, Answer] = {
        "http://a.test/": page("/private/x", "/1", "/2"),
        "http://a.test/robots.txt": robots("User-agent: *\nDisallow: /private/"),
        "http://a.test/1": page(),
        "http://a.test/2": page(),
    }
    with Web(answers) as web:
        config = config_of(tmp_path / "crawl", "http://a.test/", max_pages=2)
        async with opened(config, resolver=web.resolver(), frontier=frontier) as running:
            summary = await running.wait()
        assert web.urls == ["http://a.test/", "http://a.test/1"]
    assert (summary.stopped_by, summary.queued) == ("--max-pages 2 reached", 1)


async def test_a_site_of_just_so_many_pages_is_finished(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {"http://a.test/": page("/1"), "http://a.test/1": page("/")}
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", max_pages=2)
    assert (ran.summary.finished, ran.summary.stopped_by, ran.summary.exit_code) == (True, None, 0)


async def test_a_redirect_is_not_a_page_to_count(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": redirect("http://www.test/"), "http://www.test/": page("/1"), "http://www.test/1": page(),
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
        assert web.urls == ["http://a.test/", "http://www.test/"]
    assert ran.summary.stopped_by == "--max-pages 1 reached"


async def test_pages_that_fail_do_not_use_up_the_limit(crawl_dir: Path) -> None:
    bad, good = ["http://dead.test/1", "http://dead.test/2"], ["http://a.test/1", "http://a.test/2"]
    with Web(dict.fromkeys(good, page()), dead=["dead.test"]) as web:
        ran = await crawl(web, crawl_dir, *bad, *good, max_pages=2, robots=False, concurrency=1)
        assert web.urls == good
    assert len(ran.by_url) > 2


async def test_max_bytes(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"http://a.test/{n}": page(f"/{n + 1}", markup="x" * 10_000) for n in range(30)}
    with Web(answers) as web:
        first = await crawl(web, crawl_dir, "http://a.test/0", max_bytes=50_000, concurrency=1)
        assert len(web.urls) == 5
        assert (first.summary.exit_code, first.summary.finished) == (0, False)
        assert first.summary.stopped_by == "--max-bytes 50000 reached"
        second = await crawl(web, crawl_dir, "http://a.test/0")
        assert len(web.urls) == 31
    assert second.summary.finished


async def test_max_time_ends_the_run_and_not_the_round(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"http://a.test/{n}": page(f"/{n + 1}") for n in range(60)}
    config = config_of(crawl_dir, "http://a.test/0", max_time=44.0, delay=10.0, robots=False)
    for began in (START, START + 100):
        clock = FakeClock(began)
        with Web(answers, clock=clock.time) as web:
            async with opened(config, resolver=web.resolver(), clock=clock) as running:
                summary = await finish_by(clock, running)
            assert [asked.at - began for asked in web.requests] == [0, 10, 20, 30, 40]
            first = 0 if began == START else 5
            assert web.urls == [f"http://a.test/{n}" for n in range(first, first + 5)]
        assert (summary.exit_code, summary.finished) == (0, False)
        assert summary.stopped_by == "--max-time 44 s reached"


async def test_max_time_is_not_held_up_by_a_page_that_drags_on(crawl_dir: Path) -> None:
    with Web({"http://a.test/": page("/slow"), "http://a.test/slow": page()}) as web:
        web.hold("http://a.test/slow")
        clock, outcomes = FakeClock(), list[Outcome]()
        config = config_of(crawl_dir, "http://a.test/", max_time=300.0, grace=20.0, timeout=30.0)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            running.add_done_callback(outcomes.append)
            ending = asyncio.ensure_future(running.wait())
            await web.seen("http://a.test/slow")
            await clock.advance(319.9)
            assert running.progress().in_flight == 1
            await clock.advance(0.1)
            summary = await ending
    assert (summary.exit_code, summary.finished, summary.queued) == (0, False, 1)
    assert [outcome.url for outcome in outcomes if outcome.kind is OutcomeKind.INTERRUPTED] == ["http://a.test/slow"]
    assert kept(crawl_dir, "http://a.test/slow") == []


@pytest.mark.parametrize("size", [9_999, 10_000, 10_001, 3_000_000])
async def test_max_body_cuts_to_the_byte_and_says_so(crawl_dir: Path, size: int) -> None:
    url, answer = "http://a.test/big", ok(b"z" * size)
    with Web({url: answer}) as web:
        ran = await crawl(web, crawl_dir, url, max_body=10_000)
    (response,) = kept(crawl_dir, url, "response")
    head = answer.index(b"\r\n\r\n") + 4
    assert response.block == answer[: head + 10_000]
    outcome = ran.by_url[url]
    if size <= 10_000:
        assert (outcome.kind, response.header("WARC-Truncated")) == (OutcomeKind.ARCHIVED, None)
        return
    assert response.header("WARC-Truncated") == "length"
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.TRUNCATED)
    assert "--max-body" in str(outcome.reason)
    assert metadata(crawl_dir, url)[0]["reason"] == [outcome.reason]


async def test_a_large_body_is_spooled_and_archived_whole(crawl_dir: Path) -> None:
    url, answer = "http://a.test/big", ok(bytes(range(256)) * 20_000)
    with Web({url: answer}) as web:
        ran = await crawl(web, crawl_dir, url)
    assert [record.block for record in kept(crawl_dir, url, "response")] == [answer]
    assert ran.by_url[url].bytes == len(answer)
    assert ran.by_url[url].kind is OutcomeKind.ARCHIVED


def test_a_limit_is_told_with_the_queue_and_how_to_go_on(crawl_dir: Path, capsys: Captured) -> None:
    with Web(star(20)) as web:
        words = ["http://a.test/0", "--max-pages", "3", *QUICK, "--output", str(crawl_dir)]
        assert main(words, engine=engine(web)) == 0
    out = capsys.readouterr().out
    assert out.startswith("Stopped: --max-pages 3 reached (7 URLs, ")
    assert "; 17 URLs still queued)." in out.splitlines()[0]
    assert out.splitlines()[-2] == "To go on, raise the limit in:"


async def test_memory_of_the_pipeline_is_bounded_by_the_archiver(crawl_dir: Path) -> None:
    """An archiver whose disk does not answer: fetching stops at what the hand-off and two batches hold."""
    gate = asyncio.Event()

    class Slow(DiskFiles):
        async def open_append(self, path: Path, *, create: bool) -> AppendFile:
            await gate.wait()
            return await super().open_append(path, create=create)

    count = 700
    answers: dict[str, Answer] = {f"http://a.test/{n}": page() for n in range(1, count)}
    answers["http://a.test/robots.txt"] = ok(b"")
    links = [f"http://a.test/{n}" for n in range(count)]
    with Web(answers) as web:
        config = config_of(crawl_dir, *links, per_host=64, robots=False)
        async with opened(config, resolver=web.resolver(), files=Slow()) as running:
            before, asked = -1, 0
            while asked != before or not asked:
                await asyncio.sleep(0.3)
                before, asked = asked, len(web.requests)
            progress = running.progress()
            assert progress.in_flight == 64
            assert progress.done == 0
            assert asked <= 64 + 256 + 2 * 64
            gate.set()
            summary = await running.wait()
        assert len(web.requests) == count
    assert summary.finished
