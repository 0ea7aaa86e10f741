"""Sitemaps as seen from the server: which are asked for, and what of their lists is fetched."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from crawler.config import CrawlConfig
from crawler.model import OutcomeKind
from tests.support.archive_check import read_log
from tests.support.engine import Ran
from tests.support.engine import crawl as crawl_without
from tests.support.kept import kept
from tests.support.web import Answer, Web, ok, page, redirect, robots

A, B = "http://a.test", "http://b.test"


def urlset(*urls: str, extra: str = "") -> bytes:
    entries = "".join(f"<url><loc>{url}</loc><lastmod>2024-05-06</lastmod>{extra}</url>" for url in urls)
    return (
        f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()
    )


def index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{entries}</sitemapindex>".encode()


def xml(body: bytes) -> bytes:
    return ok(body, type_="application/xml")


async def crawl(web: Web, directory: Path, *seeds: str, **options: Any) -> Ran:
    return await crawl_without(web, directory, *seeds, **{"sitemaps": True, **options})


async def test_what_robots_txt_names_and_the_usual_place(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": robots(f"Sitemap: {A}/map.xml\nUser-agent: *\nDisallow: /closed\nSitemap: /list.txt\n"),
        f"{A}/": page("/linked"),
        f"{A}/map.xml": xml(urlset(f"{A}/1", f"{A}/closed", "http://elsewhere.test/", f"{A}/linked")),
        f"{A}/list.txt": ok(f"{A}/2\n".encode()),
        f"{A}/sitemap.xml": xml(urlset(f"{A}/3")),
        **{f"{A}/{name}": page() for name in ("1", "2", "3", "linked", "closed")},
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        expected = {f"{A}/{name}" for name in ("", "map.xml", "list.txt", "sitemap.xml", "1", "2", "3", "linked")}
        assert sorted(web.urls) == sorted(expected)
    outcomes = ran.by_url
    assert outcomes[f"{A}/closed"].reason == "robots.txt"
    assert (outcomes[f"{A}/1"].depth, outcomes[f"{A}/1"].via) == (1, f"{A}/map.xml")
    assert (outcomes[f"{A}/map.xml"].depth, outcomes[f"{A}/map.xml"].via) == (0, f"{A}/robots.txt")
    assert [record.block for record in kept(crawl_dir, f"{A}/map.xml", "response")] == [answers[f"{A}/map.xml"]]
    (about,) = kept(crawl_dir, f"{A}/robots.txt", "metadata")
    assert about.fields["outlink"] == [f"{A}/map.xml M robots.txt/sitemap", f"{A}/list.txt M robots.txt/sitemap"]
    (about,) = kept(crawl_dir, f"{A}/map.xml", "metadata")
    assert about.fields["outlink"][0] == f"{A}/1 L urlset/loc[lastmod=2024-05-06]"
    assert about.fields["kind"] == ["sitemap"]


async def test_a_guess_that_fails_is_told_as_no_broken_link_and_made_once(crawl_dir: Path) -> None:
    with Web({f"{A}/": page("/1"), f"{A}/1": page()}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", f"{A}/1", max_pages=1)
        again = await crawl(web, crawl_dir, f"{A}/", f"{A}/1")
        assert sorted(web.urls) == [f"{A}/", f"{A}/1", f"{A}/sitemap.xml"]
    assert again.summary.exit_code == 0
    assert (again.summary.statuses, again.summary.absent) == ({200: 2, 404: 2}, 2), "robots.txt, too"
    answered = again.summary.outcomes[OutcomeKind.ARCHIVED] + again.summary.outcomes[OutcomeKind.REVISITED]
    assert sum(again.summary.statuses.values()) == answered == len(read_log(crawl_dir))
    assert again.summary.outcomes[OutcomeKind.FAILED] == 0
    assert ran.summary.exit_code == 0
    assert {line["url"] for line in read_log(crawl_dir)} >= {f"{A}/sitemap.xml"}


async def test_indexes_gzip_and_feeds_of_any_media_type(crawl_dir: Path) -> None:
    packed = gzip.compress(urlset(f"{A}/1"))
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": robots("Sitemap: /index.xml.gz"),
        f"{A}/": page(),
        f"{A}/index.xml.gz": ok(
            gzip.compress(index(f"{A}/a.xml.gz", f"{A}/b", f"{A}/c.rss", f"{A}/d.txt", f"{A}/e.xml")),
            type_="application/x-gzip",
        ),
        f"{A}/a.xml.gz": ok(packed, type_="application/octet-stream"),
        f"{A}/b": ok(gzip.compress(urlset(f"{A}/2")), "Content-Encoding: gzip", type_="text/xml"),
        f"{A}/c.rss": ok(
            f"<rss><channel><item><link>{A}/3</link></item></channel></rss>".encode(), type_="application/rss+xml"
        ),
        f"{A}/d.txt": ok(f"{A}/4".encode(), type_="text/plain"),
        f"{A}/e.xml": ok(gzip.compress(packed), "Content-Encoding: gzip", type_="application/x-gzip"),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
    assert {f"{A}/{number}" for number in range(1, 5)} <= ran.by_url.keys()
    assert ran.by_url[f"{A}/1"].depth == 1


async def test_a_sitemap_reached_by_a_link_is_known_by_its_root(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        f"{A}/": page("/maps/"), f"{A}/maps/": xml(index(f"{A}/s.xml")), f"{A}/s.xml": xml(urlset(f"{A}/1")),
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
    assert ran.by_url[f"{A}/1"].via == f"{A}/s.xml"


async def test_sitemaps_count_as_no_pages(crawl_dir: Path) -> None:
    maps = [f"{A}/s{number}.xml" for number in range(5)]
    answers: dict[str, Answer] = {f"{A}/sitemap.xml": xml(index(*maps)), f"{A}/": page("/1", "/2")}
    with Web({**answers, **{url: xml(urlset()) for url in maps}, f"{A}/1": page(), f"{A}/2": page()}) as web:
        await crawl(web, crawl_dir, f"{A}/", max_pages=3)
        assert {f"{A}/1", f"{A}/2"} <= set(web.urls)


async def test_an_index_that_never_ends_does(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {f"{A}/s/{n}": xml(index(f"{A}/s/{n + 1}", f"{A}/s/{n}")) for n in range(50)}
    with Web({f"{A}/robots.txt": robots("Sitemap: /s/0"), f"{A}/": page(), **answers}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert [url for url in web.urls if "/s/" in url] == [f"{A}/s/{n}" for n in range(4)]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, True),
        ({"sitemaps": False}, False),
        ({"max_depth": 0}, False),
        ({"scope": "page"}, False),
        ({"scope": "page", "include": ["/1"]}, True),
        ({"exclude": ["sitemap"]}, False),
        ({"robots": False}, True),
    ],
    ids=repr,
)
async def test_when_they_are_asked_for(crawl_dir: Path, options: dict[str, Any], asked: bool) -> None:
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": robots("Sitemap: /sitemap-b.xml"), f"{A}/": page(),
        f"{A}/sitemap.xml": xml(urlset(f"{A}/1")),
    }  # fmt: skip
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/", **options)
        assert (f"{A}/sitemap.xml" in web.urls, f"{A}/1" in web.urls) == (asked, asked)
        assert (f"{A}/sitemap-b.xml" in web.urls) == (asked and options.get("robots", True))


async def test_switched_off_on_resuming_they_are_excluded(crawl_dir: Path) -> None:
    with Web({f"{A}/": page(), f"{A}/sitemap.xml": xml(urlset(f"{A}/1"))}) as web:
        await crawl(web, crawl_dir, f"{A}/", max_time=0.001)
        await crawl(web, crawl_dir, f"{A}/", sitemaps=False)
        assert f"{A}/sitemap.xml" not in web.urls
    assert {line["url"]: line["reason"] for line in read_log(crawl_dir)}[f"{A}/sitemap.xml"] == "no-sitemaps"


async def test_each_url_is_judged_by_the_seed_that_it_belongs_to(crawl_dir: Path) -> None:
    listed = (
        f"{A}/docs/1",
        f"{A}/docs",
        f"{A}/blog/2?x=1/2",
        f"{A}/blog/",
        f"{A}/shop/3",
        f"{A}/",
        f"{B}/4",
        f"{B}/x/5",
    )
    with Web(
        {f"{A}/sitemap.xml": xml(urlset(*listed)), f"{B}/": page(), f"{A}/docs/": page(), f"{A}/blog/a": page()}
    ) as web:
        await crawl(web, crawl_dir, f"{A}/docs/", f"{A}/blog/a", f"{B}/x/", scope="prefix")
        assert set(listed) & set(web.urls) == {f"{A}/docs/1", f"{A}/blog/2?x=1/2", f"{A}/blog/", f"{B}/x/5"}


async def test_they_begin_at_depth_one(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        f"{A}/": page(), f"{A}/sitemap.xml": xml(index(f"{A}/s.xml")), f"{A}/s.xml": xml(urlset(f"{A}/1")),
        f"{A}/1": page("/2"), f"{A}/2": page("/3"),
    }  # fmt: skip
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", max_depth=2)
        assert f"{A}/3" not in web.urls
    assert [ran.by_url[f"{A}/{number}"].depth for number in (1, 2)] == [1, 2]


async def test_only_sites_of_seeds_have_their_sitemaps_read(crawl_dir: Path) -> None:
    """A host that only lends a picture is not crawled; one that keeps a site's sitemap may."""
    answers: dict[str, Answer] = {
        f"{A}/robots.txt": robots(f"Sitemap: {B}/a-map.xml"),
        f"{A}/": page(images=[f"{B}/i.png"]),
        f"{B}/robots.txt": robots("Sitemap: /b-map.xml"),
        f"{B}/a-map.xml": xml(urlset(f"{A}/1", f"{B}/2")),
        f"{B}/b-map.xml": xml(urlset(f"{A}/3")),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert {f"{B}/a-map.xml", f"{A}/1"} <= set(web.urls)
        assert {f"{B}/b-map.xml", f"{B}/sitemap.xml", f"{B}/2", f"{A}/3"}.isdisjoint(web.urls)


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("host", {f"{A}/1"}),
        ("domain", {f"{A}/1", "http://www.a.test/2", "http://www.a.test/3"}),
        ("any", {f"{A}/1", "http://www.a.test/2", "http://b.test/4"}),
    ],
)
async def test_a_site_is_as_large_as_the_scope(crawl_dir: Path, scope: str, asked: set[str]) -> None:
    """In scope `domain` a subdomain is the seed's own site. In scope `any` only seeds' sites have a say."""
    sub = "http://www.a.test"
    answers: dict[str, Answer] = {
        f"{A}/": page(f"{sub}/", f"{B}/"),
        f"{A}/sitemap.xml": xml(urlset(f"{A}/1", f"{sub}/2", f"{B}/4")),
        f"{sub}/robots.txt": robots("Sitemap: /map.xml"),
        f"{sub}/": page(),
        f"{sub}/map.xml": xml(urlset(f"{sub}/3")),
        f"{B}/robots.txt": robots("Sitemap: /map.xml"),
        f"{B}/": page(),
        f"{B}/map.xml": xml(urlset(f"{B}/5")),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/", scope=scope)
        assert {url for url in web.urls if url[-1].isdigit()} == asked


async def test_redirects_lead_to_the_sitemap_and_widen_no_scope(crawl_dir: Path) -> None:
    answers: dict[str, Answer] = {
        f"{A}/": page(), f"{A}/sitemap.xml": redirect(f"{B}/s.xml"), f"{B}/s.xml": xml(urlset(f"{A}/1", f"{B}/2")),
    }  # fmt: skip
    with Web(answers) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert f"{A}/1" in web.urls
        assert f"{B}/2" not in web.urls


async def test_where_a_seed_redirects_to_has_its_usual_place(crawl_dir: Path) -> None:
    with Web({f"{A}/": redirect(f"{B}/"), f"{B}/": page(), f"{B}/sitemap.xml": xml(urlset(f"{B}/1"))}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert {f"{A}/sitemap.xml", f"{B}/sitemap.xml", f"{B}/1"} <= set(web.urls)


async def test_pictures_that_it_lists_are_requisites(crawl_dir: Path) -> None:
    extra = f"<image:image><image:loc>{B}/i.png</image:loc></image:image>"
    with Web({f"{A}/": page(), f"{A}/sitemap.xml": xml(urlset(f"{A}/1", extra=extra)), f"{B}/i.png": ok()}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert f"{B}/i.png" in web.urls


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok(b"<!doctype html><html><a href='/x'>no such page</a></html>", type_="text/html"), "not a sitemap"),
        (
            xml(b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><urlset><url><loc>&a;</loc></url></urlset>"),
            "entity",
        ),
        (ok(b"<urlset><url><loc>http://a.test/x</loc></url></urlset>", status="404 Not Found"), None),
    ],
)
async def test_what_is_no_good_costs_only_itself(crawl_dir: Path, answer: bytes, said: str | None) -> None:
    with Web({f"{A}/": page("/1"), f"{A}/sitemap.xml": answer, f"{A}/1": page()}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert f"{A}/x" not in web.urls
    assert ran.summary.exit_code == 0
    (about,) = kept(crawl_dir, f"{A}/sitemap.xml", "metadata")
    assert said is None or said in about.fields["extraction"][0]


async def test_a_large_one_is_read_to_its_end(crawl_dir: Path) -> None:
    """Longer than what is kept of other documents for their links, and read beside the event loop."""
    filler = b"<!--" + b"x" * 100_000 + b"-->"
    body = urlset(f"{A}/1").replace(b"</urlset>", filler * 180 + f"<url><loc>{A}/2</loc></url></urlset>".encode())
    assert len(body) > 17 << 20
    with Web({f"{A}/": page(), f"{A}/sitemap.xml": xml(body)}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert {f"{A}/1", f"{A}/2"} <= set(web.urls)


def test_they_are_followed_unless_one_says_no() -> None:
    assert CrawlConfig().sitemaps
