"""Redirects: each is a capture of its own, its target goes through the frontier, and none runs for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.model import OutcomeKind
from tests.support.engine import crawl
from tests.support.kept import kept, metadata
from tests.support.web import Answer, Web, ok, page, redirect


async def test_a_chain_is_kept_link_by_link(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": redirect("/1", "301 Moved Permanently"),
        "http://a.test/1": redirect("http://a.test/2", "303 See Other"),
        "http://a.test/2": redirect("3?x=1", "308 Permanent Redirect"),
        "http://a.test/3?x=1": page("/end"),
        "http://a.test/end": ok(),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
        assert web.urls == list(answers)
    assert [ran.by_url[url].status for url in answers] == [301, 303, 308, 200, 200]
    assert [ran.by_url[url].depth for url in answers] == [0, 0, 0, 0, 1]
    assert [ran.by_url[url].via for url in answers] == [None, *list(answers)[:-1]]
    assert [record.block for record in kept(crawl_dir, "http://a.test/2", "response")] == [answers["http://a.test/2"]]
    assert metadata(crawl_dir, "http://a.test/2")[0]["outlink"] == ["http://a.test/3?x=1 R header/location"]


@pytest.mark.parametrize("loop", [["/"], ["/1", "/"], ["/1", "/2", "/1"]], ids=["self", "two", "later"])
async def test_a_loop_ends(crawl_dir: Path, loop: list[str]) -> None:
    urls = ["http://a.test/", *(f"http://a.test{path}" for path in loop)]
    answers: dict[str, Answer] = {url: redirect(path) for url, path in zip(urls, loop, strict=False)}
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
        assert sorted(web.urls) == sorted(set(urls))
    assert ran.summary.finished
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}


async def test_no_more_than_twenty_in_a_row(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"http://a.test/{n}": redirect(f"/{n + 1}") for n in range(40)}
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/0")
        assert web.urls == [f"http://a.test/{n}" for n in range(21)]
    assert ran.summary.finished
    assert metadata(crawl_dir, "http://a.test/20")[0]["outlink"] == ["http://a.test/21 R header/location"]


@pytest.mark.parametrize("scope", ["page", "prefix", "host", "domain"])
async def test_what_a_seed_leads_to_joins_its_scope(crawl_dir: Path, scope: str) -> None:
    answers: dict[str, Answer] = {
        "http://example.com/": redirect("http://other.test/en/"),
        "http://other.test/en/": page("/en/1", "/en/2", "http://third.test/"),
        "http://other.test/en/1": page("/en/3"),
        "http://other.test/en/2": page(),
        "http://other.test/en/3": page(),
        "http://third.test/": page(),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://example.com/", scope=scope)
    wanted = list(answers)[:2] if scope == "page" else list(answers)[:-1]
    assert sorted(ran.by_url) == sorted(wanted)


async def test_the_joined_host_is_remembered_on_resuming(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": redirect("http://www.test/"),
        "http://www.test/": page("/1"),
        "http://www.test/1": page("/2", "http://b.test/"),
        "http://www.test/2": page(),
        "http://b.test/": page(),
    }
    with Web(answers) as web:
        first = await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
        assert first.summary.queued == 1
        second = await crawl(web, crawl_dir, "http://a.test/")
        assert web.urls == list(answers)[:-1]
    assert second.summary.finished


async def test_only_a_seeds_own_redirects_widen_the_scope(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": page("/away", "/near"),
        "http://a.test/away": redirect("http://b.test/"),
        "http://a.test/near": redirect("https://a.test/there"),
        "http://b.test/": page(),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", robots=False, timeout=0.3)
    # https on the same host is in scope; that nobody speaks TLS here makes it fail.
    assert sorted(ran.by_url) == ["http://a.test/", "http://a.test/away", "http://a.test/near", "https://a.test/there"]


async def test_a_requisite_is_fetched_from_where_its_redirects_lead(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        "http://a.test/": page(images=["/i.png", "http://cdn.test/j.png"]),
        "http://a.test/i.png": redirect("http://img.cdn.test/i.png"),
        "http://img.cdn.test/i.png": redirect("http://edge.cdn.test/i.png"),
        "http://edge.cdn.test/i.png": ok(b"png", type_="image/png"),
        "http://cdn.test/j.png": redirect("http://edge2.cdn.test/j.png"),
        "http://edge2.cdn.test/j.png": ok(b"png", type_="image/png"),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
    assert sorted(ran.by_url) == sorted(answers)
    assert {outcome.depth for outcome in ran.by_url.values()} == {0}


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/caf\u00c3\u00a9", "/caf%C3%A9"),
        ("/caf\u00e9", "/caf%C3%A9"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/a b", "/a%20b"),
        ("\t/x ", "/x"),
        ("/x#part", "/x"),
        ("//b.test/y?q=\u00c3\u00bc", "http://b.test/y?q=%C3%BC"),
    ],
    ids=["utf-8", "latin-1", "escaped", "space", "around", "fragment", "utf-8-query"],
)
async def test_a_location_is_read_as_browsers_read_it(crawl_dir: Path, location: str, path: str) -> None:
    target = path if path.startswith("http:") else f"http://a.test{path}"
    with Web({"http://a.test/": redirect(location), target: page()}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
        assert web.urls == ["http://a.test/", target]
    assert ran.by_url[target].status == 200


@pytest.mark.parametrize(
    "location", ["", "mailto:a@b.test", "http://", "http://[::1", "javascript:void(0)", "ftp://a.test/"]
)
async def test_a_location_that_is_no_web_address_leads_nowhere(crawl_dir: Path, location: str) -> None:
    with Web({"http://a.test/": redirect(location)}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/")
    assert list(ran.by_url) == ["http://a.test/"]
    assert ran.by_url["http://a.test/"].kind is OutcomeKind.ARCHIVED


async def test_an_excluded_target_is_not_fetched_even_for_a_seed(crawl_dir: Path) -> None:
    with Web({"http://a.test/": redirect("http://b.test/login"), "http://b.test/login": page()}) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", exclude=("/login",))
        assert web.urls == ["http://a.test/"]
    assert ran.summary.finished
