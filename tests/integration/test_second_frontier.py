"""A crawl with a frontier that the program does not know, through the public library alone: the same archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler import BackgroundCrawl
from crawler.config import CrawlConfig
from crawler.model import Outcome, OutcomeKind
from crawler.progress import Summary
from storage import verify_chain
from tests.support.engine import config_of, finish_by, opened
from tests.support.fakeclock import FakeClock
from tests.support.kept import Kept, kept
from tests.support.memory_fetcher import MemoryFetcher
from tests.support.memory_frontier import Memory, MemoryFrontier
from tests.support.web import UNAVAILABLE, Answer, Web, css, ok, page, redirect, robots, versioned

A = "http://a.test/"
DELAY = 1.0
SAME = b"the same bytes " * 100


def site() -> dict[str, Answer]:
    """All of it on one host, whose first page is not to be had at first."""
    asked: list[bytes] = []
    start = versioned(page("/1", "/2", "/private/x", "/login", "/twice", images=["/i.png"]), etag='"seed"')

    def late(request: bytes) -> bytes:
        asked.append(request)
        return UNAVAILABLE if len(asked) == 1 else start(request)

    return {
        A: late,
        f"{A}robots.txt": robots("User-agent: *\nDisallow: /private/\nSitemap: http://a.test/map.xml\n"),
        f"{A}map.xml": ok(b"<urlset><url><loc>http://a.test/listed</loc></url></urlset>", type_="application/xml"),
        f"{A}listed": page("/3"),
        f"{A}1": page("/3", "/style", images=["/2"]),
        f"{A}2": page("/4"),
        f"{A}3": page("/5"),
        f"{A}4": ok(SAME),
        f"{A}5": ok(SAME),
        f"{A}style": css("body { background: url(/bg.png) }"),
        f"{A}i.png": ok(b"\x89PNG", type_="image/png"),
        f"{A}bg.png": ok(b"\x89PNG too", type_="image/png"),
        f"{A}login": ok(b"", "Location: /", "Set-Cookie: who=me; Path=/", status="302 Found"),
        f"{A}twice": redirect("/twice/"),
        f"{A}twice/": redirect("/twice"),
    }


VOLATILE = {"WARC-Date", "WARC-Refers-To-Date", "WARC-IP-Address", "WARC-Filename"}
TIMED = re.compile(rb"(?m)^(fetchTimeMs|firstByteMs|connectMs|[A-Za-z-]*(?:Ms|ms)): .*$")

Frontiers = Callable[[FakeClock], dict[str, Any]]
"""What is handed in for each session of one crawl."""


def embedded() -> Frontiers:
    return lambda clock: {}


def in_memory() -> Frontiers:
    memory = Memory()
    return lambda clock: {"frontier": MemoryFrontier(memory, delay=DELAY, per_host=8, per_ip=0, clock=clock)}


def story(directory: Path) -> list[tuple[str, str | None, list[tuple[str, str]], bytes]]:
    """The records in order, but for what no two crawls have in common: the ids become numbers, the times go."""
    ids: dict[str, str] = {}

    def numbered(text: str) -> str:
        return re.sub(r"<urn:uuid:[^>]*>", lambda found: ids.setdefault(found[0], f"<{len(ids)}>"), text)

    def told(record: Kept) -> tuple[str, str | None, list[tuple[str, str]], bytes]:
        measured = record.type in ("metadata", "warcinfo")
        left_out = VOLATILE | ({"WARC-Block-Digest", "Content-Length"} if measured else set())
        headers = [(name, numbered(value)) for name, values in record.headers.items() for value in values]
        block = TIMED.sub(rb"\1", record.block) if measured else record.block
        return record.type, record.url, [each for each in headers if each[0] not in left_out], block

    return [told(record) for record in kept(directory)]


def configured(directory: Path, **options: Any) -> CrawlConfig:
    usual: dict[str, Any] = {"delay": DELAY, "per_host": 8, "retries": 1, "sitemaps": True}
    return config_of(directory, A, **{**usual, **options})


async def session(
    web: Web, clock: FakeClock, frontiers: Frontiers, config: CrawlConfig
) -> tuple[Summary, list[Outcome]]:
    """One run, and the outcomes of all so far."""
    async with opened(config, resolver=web.resolver(), clock=clock, **frontiers(clock)) as crawl:
        return await finish_by(clock, crawl), [outcome async for outcome in crawl.outcomes()]


def outline(outcomes: list[Outcome]) -> list[tuple[Any, ...]]:
    return [
        (o.seq, o.url, o.kind, o.reason, o.status, o.media_type, o.bytes, o.attempt, o.depth, o.via, o.seed, o.title,
         o.page, o.round, o.receipt and (o.receipt.segment.rpartition("-")[2], o.receipt.digest))
        for o in outcomes
    ]  # fmt: skip


async def several_sessions(web: Web, frontiers: Frontiers, directory: Path) -> list[Outcome]:
    """A crawl that is stopped early, gone on with, finished; then by wider rules."""
    clock = FakeClock()
    narrow = configured(directory, exclude=("/2$",))
    summary, _ = await session(web, clock, frontiers, configured(directory, exclude=("/2$",), max_pages=3))
    assert not summary.finished
    summary, _ = await session(web, clock, frontiers, narrow)
    assert summary.finished
    summary, outcomes = await session(web, clock, frontiers, configured(directory))
    assert summary.finished
    return outcomes


async def test_the_archive_is_the_same_with_either(tmp_path: Path) -> None:
    """Sitemaps, robots.txt, retries, revisits, cookies, a stop, a resume, wider rules: record by record."""
    outlines, stories = [], []
    for number, frontiers in enumerate((embedded(), in_memory())):
        directory = tmp_path / str(number) / "crawl"
        with Web(site()) as web:
            outlines.append(outline(await several_sessions(web, frontiers, directory)))
        stories.append(story(directory))
        assert verify_chain(directory) == []
    assert outlines[0] == outlines[1]
    assert stories[0] == stories[1]
    kinds = [record[0] for record in stories[1]]
    assert set(kinds) == {"warcinfo", "request", "response", "revisit", "metadata"}
    assert kinds.count("warcinfo") == 3
    assert not (tmp_path / "1" / "crawl" / "crawl.db").exists()


async def test_a_later_round_is_the_same_with_either(tmp_path: Path) -> None:
    compared, outlines, stories = [], [], []
    for number, frontiers in enumerate((embedded(), in_memory())):
        directory, clock = tmp_path / str(number) / "crawl", FakeClock()
        with Web(site()) as web:
            await session(web, clock, frontiers, configured(directory))
            web.answers[f"{A}1"] = page("/new")
            summary, outcomes = await session(web, clock, frontiers, configured(directory, recrawl=True))
        assert summary.finished
        assert summary.round == 2
        compared.append(summary.comparison)
        outlines.append(outline(outcomes))
        stories.append(story(directory))
    assert compared[0] == compared[1]
    assert compared[0] is not None
    assert compared[0].changed == 1
    assert outlines[0] == outlines[1]
    assert stories[0] == stories[1]


@pytest.mark.parametrize("frontiers", [embedded, in_memory])
async def test_what_fails_can_be_offered_again(tmp_path: Path, frontiers: Callable[[], Frontiers]) -> None:
    given, clock = frontiers(), FakeClock()
    with Web({A: page("/1", "http://dead.test/"), f"{A}1": page()}, dead=["dead.test"]) as web:
        for again in (False, True):
            config = config_of(tmp_path / "crawl", A, offsite_links=1, retry_failed=again)
            summary, outcomes = await session(web, clock, given, config)
    assert summary.outcomes[OutcomeKind.ARCHIVED] == 3
    assert summary.outcomes[OutcomeKind.FAILED] == 2
    failed = [outcome.url for outcome in outcomes if outcome.kind is OutcomeKind.FAILED]
    assert sorted(failed) == ["http://dead.test/"] * 2 + ["http://dead.test/robots.txt"] * 2


def test_a_crawl_in_a_thread_of_its_own_reads_the_outcomes_of_its_frontier(tmp_path: Path) -> None:
    frontier = MemoryFrontier(Memory(), delay=0.0, per_host=8, robots=False)
    config = config_of(tmp_path / "crawl", robots=False)
    background = BackgroundCrawl(config, frontier=frontier, fetcher=MemoryFetcher(tmp_path))
    with background:
        receipt = background.submit(A).result(timeout=30)
    (outcome,) = background.outcomes()
    assert (outcome.url, outcome.receipt) == (A, receipt)
