"""A finished or interrupted crawl, gone on with under rules that take in more: nothing is fetched twice for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crawler.model import OutcomeKind
from tests.support.engine import crawl
from tests.support.web import Answer, Web, css, page, redirect

ANSWERS: dict[str, Answer] = {
    "http://a.test/": page("/1", "/drop/1", "http://b.test/", "/to", images=["/style.css"]),
    "http://a.test/1": page("/2"),
    "http://a.test/2": page("/3"),
    "http://a.test/3": page(),
    "http://a.test/drop/1": page("/drop/2"),
    "http://a.test/drop/2": page(),
    "http://a.test/style.css": css("body { background: url(drop.png) }"),
    "http://a.test/to": redirect("http://b.test/there"),
    "http://b.test/": page("/x"),
    "http://b.test/x": page(),
    "http://b.test/there": page(),
}
A = {"/", "/1", "/2", "/3", "/drop/1", "/drop/2", "/style.css", "/drop.png", "/to"}


def paths(urls: list[str], host: str = "a.test") -> list[str]:
    return sorted(url.removeprefix(f"http://{host}") for url in urls if url.startswith(f"http://{host}/"))


@pytest.mark.parametrize(
    ("before", "after", "on_a", "on_b"),
    [
        ({"max_depth": 0}, {"max_depth": 1}, {"/1", "/drop/1", "/to"}, set()),
        ({"max_depth": 1}, {}, {"/2", "/3", "/drop/2"}, set()),
        ({"scope": "page"}, {"scope": "host"}, A - {"/", "/style.css", "/drop.png"}, set()),
        ({}, {"scope": "any"}, set(), {"/", "/x", "/there"}),
        ({}, {"offsite_links": 1}, set(), {"/", "/there"}),
        ({}, {"include": ("b[.]test/$",)}, set(), {"/"}),
        ({"exclude": ("drop",)}, {}, {"/drop/1", "/drop/2", "/drop.png"}, set()),
        ({"exclude": ("drop", "x")}, {"exclude": ("drop",)}, set(), set()),
        ({"seed_options": ("http://a.test/ depth=0",)}, {}, A - {"/", "/style.css", "/drop.png"}, set()),
        ({}, {"max_depth": 1}, set(), set()),
    ],
)
async def test_links_that_were_rejected_come_back(
    crawl_dir: Path, before: dict[str, Any], after: dict[str, Any], on_a: set[str], on_b: set[str]
) -> None:
    with Web(ANSWERS) as web:
        await crawl(web, crawl_dir, "http://a.test/", robots=False, **before)
        web.requests.clear()
        ran = await crawl(web, crawl_dir, "http://a.test/", robots=False, **after)
        assert paths(web.urls) == sorted(on_a)
        assert paths(web.urls, "b.test") == sorted(on_b)
        assert len(ran.outcomes) == len(on_a) + len(on_b)
        web.requests.clear()
        await crawl(web, crawl_dir, "http://a.test/", robots=False, **after)
        assert web.urls == [], "once is enough"


async def test_urls_excluded_in_the_queue_come_back(crawl_dir: Path) -> None:
    with Web(ANSWERS) as web:
        await crawl(web, crawl_dir, "http://a.test/", robots=False, max_pages=1)
        (crawl_dir / "ignores").write_text("/drop/\n")
        ran = await crawl(web, crawl_dir, "http://a.test/", robots=False)
        assert [o.url for o in ran.outcomes if o.reason == "ignores"] == ["http://a.test/drop/1"]
        (crawl_dir / "ignores").unlink()
        web.requests.clear()
        ran = await crawl(web, crawl_dir, "http://a.test/", robots=False)
    assert paths(web.urls) == ["/drop/1", "/drop/2"]
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}
    assert ran.summary.outcomes.get(OutcomeKind.EXCLUDED, 0) == 0


async def test_a_larger_budget_brings_back_what_the_smaller_one_took(crawl_dir: Path) -> None:
    links = [f"/{n}" for n in range(1, 9)]
    with Web({"http://a.test/": page(*links), **{f"http://a.test{link}": page() for link in links}}) as web:
        for budget, fetched in ((3, 3), (5, 2), (None, 4)):
            web.requests.clear()
            await crawl(web, crawl_dir, "http://a.test/", robots=False, host_pages=budget)
            assert len(web.urls) == fetched


async def test_what_robots_txt_forbids_stays_out(crawl_dir: Path) -> None:
    answers = {**ANSWERS, "http://a.test/robots.txt": page()}
    answers["http://a.test/robots.txt"] = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nUser-agent: *\nDisallow: /drop\n"
    )
    with Web(answers) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_depth=1)
        ran = await crawl(web, crawl_dir, "http://a.test/")
    assert not any("/drop/" in url for url in web.urls)
    assert "http://a.test/drop/1" not in ran.by_url
