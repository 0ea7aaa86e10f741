"""What cannot be had: each failure has one outcome, a record that says why, a line in the log, and is tried again."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.model import FailureKind, Outcome, OutcomeKind
from tests.support.archive_check import read_log
from tests.support.engine import QuickClock, config_of, crawl, engine, finish_by, opened
from tests.support.fakeclock import FakeClock
from tests.support.hostile import HostileServer
from tests.support.kept import kept, metadata
from tests.support.serving import serving
from tests.support.web import UNAVAILABLE, Web, ok, page, redirect, robots

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def refused_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _assert_fails(directory: Path, seed: str, kind: FailureKind, word: str, **options: object) -> None:
    outcomes: list[Outcome] = []
    async with opened(config_of(directory, seed, **options)) as running:
        running.add_done_callback(outcomes.append)
        summary = await running.wait()
    assert (summary.exit_code, summary.seeds_answered) == (1, 0)
    assert [outcome.url for outcome in summary.failed_seeds] == [seed]
    lines = {line["url"]: line for line in read_log(directory)}
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.FAILED] * len(outcomes)
    for outcome in outcomes:
        assert outcome.failure is kind
        assert word in str(outcome.reason)
        (about,) = metadata(directory, outcome.url)
        assert about["failure"] == [kind.value]
        assert about["reason"] == [outcome.reason]
        line = lines.pop(outcome.url)
        assert (line["outcome"], line["reason"], line["status"]) == ("failed", outcome.reason, None)
        assert line["segment"] is not None
    assert lines == {}
    assert seed in [outcome.url for outcome in outcomes]


@pytest.mark.parametrize("obey", [True, False], ids=["robots", "no-robots"])
async def test_a_name_that_does_not_resolve(crawl_dir: Path, obey: bool) -> None:
    await _assert_fails(crawl_dir, "http://does-not-exist.invalid/", FailureKind.DNS, "resolve", robots=obey)


@pytest.mark.parametrize("obey", [True, False], ids=["robots", "no-robots"])
async def test_a_port_that_nobody_listens_on(crawl_dir: Path, refused_port: int, obey: bool) -> None:
    seed = f"http://127.0.0.1:{refused_port}/"
    await _assert_fails(crawl_dir, seed, FailureKind.CONNECT, "Connection refused", robots=obey)


async def test_tls_spoken_to_a_plain_port(crawl_dir: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(ok(status="400 Bad Request"))

    async with serving(plain) as port:
        await _assert_fails(crawl_dir, f"https://127.0.0.1:{port}/", FailureKind.TLS, "TLS", robots=False)


async def test_a_server_that_stays_silent(crawl_dir: Path) -> None:
    with Web({}) as web:
        seed = f"http://127.0.0.1:{web.port}/"
        web.hold(seed)
        await _assert_fails(crawl_dir, seed, FailureKind.TIMEOUT, "for 0.3 s", robots=False, timeout=0.3)
    (request,) = kept(crawl_dir, seed, "request")
    assert request.block == web.requests[0].request


async def test_a_connection_that_is_reset(crawl_dir: Path) -> None:
    with HostileServer() as server:
        seed = f"http://127.0.0.1:{server.port}/case/reset-at-once"
        await _assert_fails(crawl_dir, seed, FailureKind.DISCONNECT, "reset", robots=False)


def test_no_seed_answered_and_the_same_command_tries_again(tmp_path: Path, capsys: Captured) -> None:
    seeds = ["http://dead.test/x", "http://does-not-exist.invalid/"]
    words = [*seeds, "--output", str(tmp_path / "c"), "--retries", "0", "--quiet", "--min-free-disk", "0"]
    words.append("--no-sitemaps")
    for _ in range(2):  # robots.txt could not be had either: that must not be remembered against the second try
        with Web({}, dead=["dead.test"]) as web:
            assert main(words, engine=engine(web)) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("crawler: no seed answered: ")
        assert f"{seeds[0]} (" in line
        assert "Connection refused" in line
        assert f"{seeds[1]} (" in line
        assert "resolve" in line
    with Web(dict.fromkeys(seeds, ok())) as web:
        assert main(words, engine=engine(web)) == 0
        assert sorted(web.urls) == sorted(seeds)
    assert [line["outcome"] for line in read_log(tmp_path / "c")][-4:] == ["archived"] * 4


async def test_a_flaky_page_has_two_attempts_and_one_outcome(crawl_dir: Path) -> None:
    url = "http://a.test/flaky"
    with Web({url: [UNAVAILABLE, ok()]}) as web:
        ran = await crawl(web, crawl_dir, url, retries=3, clock=QuickClock())
    assert len(web.asked(url)) == 2
    assert [record.block for record in kept(crawl_dir, url, "response")] == [UNAVAILABLE, ok()]
    assert [about["attempt"] for about in metadata(crawl_dir, url)] == [["1"], ["2"]]
    assert metadata(crawl_dir, url)[0]["retry"] == ["status 503"]
    outcome = ran.by_url[url]
    assert (outcome.kind, outcome.status, outcome.attempt) == (OutcomeKind.ARCHIVED, 200, 2)
    assert len([line for line in read_log(crawl_dir) if line["url"] == url]) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
async def test_an_answer_that_stays_bad_is_archived_in_the_end(crawl_dir: Path, status: int) -> None:
    url = "http://a.test/"
    with Web({url: ok(status=f"{status} Oh")}) as web:
        ran = await crawl(web, crawl_dir, url, retries=2, clock=QuickClock(500))
    assert len(web.asked(url)) == 3
    assert len(kept(crawl_dir, url, "response")) == 3
    outcome = ran.by_url[url]
    assert (outcome.kind, outcome.status, outcome.attempt) == (OutcomeKind.ARCHIVED, status, 3)


@pytest.mark.parametrize("status", [404, 410, 403, 501])
async def test_an_answer_that_means_what_it_says_is_not_asked_for_twice(crawl_dir: Path, status: int) -> None:
    url = "http://a.test/"
    with Web({url: ok(status=f"{status} No")}) as web:
        ran = await crawl(web, crawl_dir, url, retries=2)
    assert len(web.asked(url)) == 1
    assert (ran.by_url[url].kind, ran.by_url[url].status) == (OutcomeKind.ARCHIVED, status)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_waited_for_by_the_whole_host(crawl_dir: Path, form: str) -> None:
    clock = FakeClock()
    date = datetime.fromtimestamp(clock.time(), UTC).replace(microsecond=0) + timedelta(seconds=30)
    value = "20" if form == "seconds" else format_datetime(date, usegmt=True)
    busy, other, elsewhere = "http://a.test/busy", "http://a.test/other", "http://b.test/"
    unavailable = ok(b"", f"Retry-After: {value}", status="503 Busy")
    with Web({busy: [unavailable, ok()], other: ok(), elsewhere: ok()}, clock=clock.time) as web:
        config = config_of(crawl_dir, busy, other, elsewhere, retries=1, per_host=1)
        async with opened(config, resolver=web.resolver(), clock=clock) as running:
            assert (await finish_by(clock, running)).exit_code == 0
    first, second = (asked.at for asked in web.asked(busy))
    until = first + 20 if form == "seconds" else date.timestamp()
    assert second >= until
    assert web.asked(other)[0].at >= until
    assert web.asked(elsewhere)[0].at < until


async def test_an_impossible_retry_after_does_not_cost_the_answers_record(crawl_dir: Path) -> None:
    url = "http://a.test/"
    never = "Retry-After: Fri, 02 Jan 99999999999999999999 12:01:00 GMT"
    with Web({url: ok(b"later", never, status="503 Busy")}) as web:
        outcome = (await crawl(web, crawl_dir, url, robots=False)).by_url[url]
    assert (outcome.kind, outcome.status, outcome.reason) == (OutcomeKind.ARCHIVED, 503, None)


async def test_a_retry_holds_no_slot(crawl_dir: Path) -> None:
    flaky, calm = "http://a.test/flaky", "http://b.test/calm"
    with Web({flaky: [UNAVAILABLE, ok()], calm: ok()}) as web:
        await crawl(web, crawl_dir, flaky, calm, concurrency=1, retries=1, robots=False, clock=QuickClock(10))
    assert web.urls == [flaky, calm, flaky]


async def test_retry_failed_tries_what_failed_and_nothing_else(crawl_dir: Path) -> None:
    good, bad = "http://a.test/", "http://dead.test/x"
    with Web({good: page(bad)}, dead=["dead.test"]) as web:
        first = await crawl(web, crawl_dir, good, scope="any")
        assert first.by_url[bad].kind is OutcomeKind.FAILED
        again = await crawl(web, crawl_dir, good, scope="any")
        assert (again.summary.already_complete, again.outcomes) == (True, [])
    with Web({good: page(bad), bad: ok(b"back")}) as web:
        third = await crawl(web, crawl_dir, good, scope="any", retry_failed=True)
        assert web.urls == [bad]
    outcome = third.by_url[bad]
    assert (outcome.kind, outcome.status, outcome.via) == (OutcomeKind.ARCHIVED, 200, good)
    assert third.summary.outcomes[OutcomeKind.FAILED] == 0
    assert third.summary.seeds_answered == 1


async def test_retry_failed_has_retries_of_its_own(crawl_dir: Path) -> None:
    good, bad = "http://a.test/", "http://a.test/bad"
    with Web({good: page("/bad")}) as web:
        web.hold(bad)
        first = await crawl(web, crawl_dir, good, timeout=0.1, retries=1, clock=QuickClock(200))
        assert first.by_url[bad].attempt == 2
    with Web({good: page("/bad"), bad: [UNAVAILABLE, ok()]}) as web:
        second = await crawl(web, crawl_dir, good, retries=1, retry_failed=True, clock=QuickClock(200))
        assert web.urls == [bad, bad]
    assert (second.by_url[bad].status, second.by_url[bad].attempt) == (200, 4)


async def test_a_robots_txt_that_fails_is_told_of_each_page_it_gates(crawl_dir: Path) -> None:
    urls = ["http://a.test/1", "http://a.test/2"]
    with Web({"http://a.test/robots.txt": ok(status="500 No"), **{url: ok() for url in urls}}) as web:
        ran = await crawl(web, crawl_dir, *urls)
        assert web.urls == []
    for url in urls:
        assert ran.by_url[url].kind is OutcomeKind.FAILED
        assert ran.by_url[url].failure is FailureKind.ROBOTS
        (about,) = metadata(crawl_dir, url)
        assert about["reason"] == [ran.by_url[url].reason]
        assert "robots.txt answered 500" in about["reason"][0]
        assert kept(crawl_dir, url, "request") == []


async def test_a_link_that_no_request_can_be_made_for(crawl_dir: Path) -> None:
    """Port 0 and the like: the URL stands in a page, so it has an outcome."""
    start = page("http://a.test:0/", "http://a.test:99999/", "/fine")
    with Web({"http://a.test/": start, "http://a.test/fine": ok()}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", scope="any", robots=False)
    assert ran.by_url["http://a.test/fine"].kind is OutcomeKind.ARCHIVED
    assert ran.summary.finished


async def test_a_redirect_that_leads_nowhere_does_not_fail_its_page(crawl_dir: Path) -> None:
    target = "http://dead.test/"
    with Web({"http://a.test/": redirect(target), "http://a.test/robots.txt": robots("")}, dead=["dead.test"]) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
    assert ran.summary.exit_code == 0
    assert ran.by_url["http://a.test/"].kind is OutcomeKind.ARCHIVED
    assert ran.by_url[target].kind is OutcomeKind.FAILED
