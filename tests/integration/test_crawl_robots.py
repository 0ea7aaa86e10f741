"""robots.txt is obeyed from the first request on: RFC 9309 as seen from the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.model import FailureKind, OutcomeKind
from tests.support.engine import QuickClock, crawl
from tests.support.kept import kept
from tests.support.web import UNAVAILABLE, Answer, Web, ok, page, redirect, robots

A = "http://a.test"
START = page("/open", "/closed/1", "/closed/open")
DISALLOW = robots("User-agent: *\nDisallow: /closed/\nAllow: /closed/open\n")


async def test_a_disallowed_page_is_excluded_with_its_reason(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": DISALLOW, f"{A}/": START, f"{A}/open": page(), f"{A}/closed/open": page(),
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == [f"{A}/", f"{A}/closed/open", f"{A}/open"]
    outcome = ran.by_url[f"{A}/closed/1"]
    assert (outcome.kind, outcome.reason, outcome.via) == (OutcomeKind.EXCLUDED, "robots.txt", f"{A}/")
    assert [record.block for record in kept(crawl_dir, f"{A}/robots.txt", "response")] == [DISALLOW]


async def test_without_obedience_it_is_not_even_asked_for(crawl_dir: Path) -> None:
    with Web({f"{A}/robots.txt": robots("User-agent: *\nDisallow: /\nCrawl-delay: 60"), f"{A}/": START}) as web:
        await crawl(web, crawl_dir, f"{A}/", robots=False)
        assert web.asked(f"{A}/robots.txt") == []
        assert len(web.urls) == 4


async def test_a_seed_that_robots_forbid_is_said_to_be_so(crawl_dir: Path) -> None:
    with Web({f"{A}/robots.txt": robots("User-agent: *\nDisallow: /"), f"{A}/": START}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert web.urls == []
    assert ran.summary.exit_code == 1
    assert [outcome.reason for outcome in ran.summary.failed_seeds] == ["robots.txt"]


async def test_the_group_of_the_crawlers_own_name_counts(crawl_dir: Path) -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: MyBot\nDisallow: /closed/\n"
    with Web({f"{A}/robots.txt": robots(text), f"{A}/": START}) as web:
        await crawl(web, crawl_dir, f"{A}/", user_agent="mybot/2.0 (+https://a.test/)")
        assert sorted(web.urls) == [f"{A}/", f"{A}/open"]


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "410 Gone", "401 Who"])
async def test_where_there_is_none_all_is_allowed(crawl_dir: Path, status: str) -> None:
    answer = ok(b"User-agent: *\nDisallow: /", status=status)
    with Web({f"{A}/robots.txt": answer, f"{A}/": START}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert len(web.urls) == 4
    assert ran.summary.exit_code == 0


@pytest.mark.parametrize("status", ["500 No", "503 Later"])
async def test_where_it_cannot_be_had_nothing_is_asked(crawl_dir: Path, status: str) -> None:
    with Web({f"{A}/robots.txt": ok(status=status), f"{A}/": START, "http://b.test/": page()}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", "http://b.test/", retries=1, clock=QuickClock(200))
        assert web.urls == ["http://b.test/"]
        assert len(web.asked(f"{A}/robots.txt")) == 2
    outcome = ran.by_url[f"{A}/"]
    assert (outcome.kind, outcome.failure) == (OutcomeKind.FAILED, FailureKind.ROBOTS)
    assert "robots.txt" in str(outcome.reason)


async def test_it_is_tried_again_before_its_host_is_given_up(crawl_dir: Path) -> None:
    with Web({f"{A}/robots.txt": [UNAVAILABLE, DISALLOW], f"{A}/": START}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", retries=1, clock=QuickClock(100))
        assert f"{A}/closed/1" not in web.urls
    assert ran.by_url[f"{A}/"].kind is OutcomeKind.ARCHIVED
    assert len(kept(crawl_dir, f"{A}/robots.txt", "response")) == 2


@pytest.mark.parametrize("place", [f"{A}/r/2", "http://b.test/rules", "http://b.test/robots.txt"])
async def test_its_redirects_are_followed_to_the_rules(crawl_dir: Path, place: str) -> None:
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": redirect("/r/1"), f"{A}/r/1": redirect(place), place: DISALLOW, f"{A}/": START,
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert [asked.url for asked in web.requests[:4]] == [f"{A}/robots.txt", f"{A}/r/1", place, f"{A}/"]
    assert ran.by_url[f"{A}/closed/1"].reason == "robots.txt"
    assert len(kept(crawl_dir, place, "response")) == 1


async def test_redirects_without_end_are_as_good_as_none(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"{A}/{n}": redirect(f"/{n + 1}") for n in range(1, 30)}
    with Web({f"{A}/robots.txt": redirect("/1"), f"{A}/": START, **answers}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert len([asked for asked in web.requests if asked.url in answers]) == 5
        assert f"{A}/closed/1" in web.urls


async def test_nothing_is_asked_of_an_origin_before_its_rules_are_known(crawl_dir: Path) -> None:
    """Many hosts, links to each from each; requisites and pages alike."""
    hosts = [f"http://h{n}.test" for n in range(12)]
    answers: dict[str, Answer] = {}
    for host in hosts:
        answers[f"{host}/robots.txt"] = robots("User-agent: *\nDisallow: /no")
        answers[f"{host}/"] = page(*(f"{other}/p" for other in hosts), images=[f"{other}/i.png" for other in hosts])
    with Web(answers, pause=0.01) as web:
        await crawl(web, crawl_dir, f"{hosts[0]}/", scope="any")
        for host in hosts:
            rules, *others = [asked for asked in web.requests if asked.url.startswith(f"{host}/")]
            assert rules.url == f"{host}/robots.txt"
            assert rules.answered is not None
            assert others
            assert min(asked.at for asked in others) >= rules.answered


async def test_crawl_delay_is_kept_also_after_resuming(crawl_dir: Path) -> None:
    """Ten times as fast: two seconds are two tenths."""
    urls = [f"{A}/{n}" for n in range(4)]
    answers: dict[str, Answer] = dict.fromkeys(urls, page())
    with Web({f"{A}/robots.txt": robots("User-agent: *\nCrawl-delay: 2"), **answers}) as web:
        await crawl(web, crawl_dir, *urls, max_pages=2, clock=QuickClock(10))
        first = len(web.requests)
        await crawl(web, crawl_dir, *urls, clock=QuickClock(10))
        assert (first, len(web.requests)) == (3, 5)
        times = [asked.at for asked in web.requests]
    for earlier, later in ((1, 2), (2, 3), (3, 4)):
        assert times[later] - times[earlier] >= 0.19


@pytest.mark.parametrize("obey", [True, False])
async def test_log_and_warcinfo_say_whether_it_is_obeyed(
    crawl_dir: Path, obey: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with Web({f"{A}/": page()}) as web:
        await crawl(web, crawl_dir, f"{A}/", robots=obey)
    assert ("robots.txt is neither asked for nor obeyed (--no-robots)" in caplog.messages) is not obey
    (info,) = [record for record in kept(crawl_dir) if record.type == "warcinfo"]
    assert info.fields["robots"] == ["classic" if obey else "ignore"]


async def test_a_page_of_html_is_no_rules(crawl_dir: Path) -> None:
    answer = ok(b"<!doctype html><title>Home</title><pre>\nUser-agent\nDisallow: /\n</pre>", type_="text/html")
    with Web({f"{A}/robots.txt": answer, f"{A}/": START}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert len(web.urls) == 4


async def test_too_many_requests_is_no_permission(crawl_dir: Path) -> None:
    with Web({f"{A}/robots.txt": ok(status="429 Too Many Requests"), f"{A}/": START}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert web.urls == []


async def test_what_lies_beyond_500_kib_does_not_count(crawl_dir: Path) -> None:
    text = "User-agent: *\nDisallow: /closed/1\n" + "# much ado\n" * 60_000 + "Disallow: /open\n"
    with Web({f"{A}/robots.txt": robots(text), f"{A}/": START}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == [f"{A}/", f"{A}/closed/open", f"{A}/open"]
    assert ran.by_url[f"{A}/closed/1"].reason == "robots.txt"
    assert [record.block for record in kept(crawl_dir, f"{A}/robots.txt", "response")] == [robots(text)]


async def test_the_rules_hold_for_a_day_also_after_resuming(crawl_dir: Path) -> None:
    """A clock that is quick enough for days to pass would be a loop's luck: the second run's clock is a day ahead."""
    urls = [f"{A}/{number}" for number in range(3)]
    answers: dict[str, Answer] = {
        **dict.fromkeys(urls, page()),
        f"{A}/robots.txt": robots("User-agent: *\nDisallow: /2"),
    }
    with Web(answers) as web:
        for pages, ahead in ((1, 0.0), (2, 86_000.0), (3, 86_500.0)):
            await crawl(web, crawl_dir, *urls, max_pages=pages, clock=_Ahead(ahead))
        assert [asked.url for asked in web.requests] == [
            f"{A}/robots.txt", f"{A}/0", f"{A}/1", f"{A}/robots.txt",
        ]  # fmt: skip


class _Ahead(QuickClock):
    def __init__(self, seconds: float) -> None:
        super().__init__(1.0)
        self._began += seconds
