"""nofollow: not looked at by default, and with --respect-nofollow as seen from the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.engine import crawl
from tests.support.kept import kept
from tests.support.web import Web, ok, page

A = "http://a.test"
BODY = b"<!doctype html><title>t</title>%s<a href=/1>1</a><a rel=nofollow href=/2>2</a><img src=/i.png>"
META = b'<meta name="robots" content="noindex, nofollow">'
PLAIN = ok(BODY % b"", type_="text/html")
ALL = {f"{A}/", f"{A}/1", f"{A}/2", f"{A}/i.png"}


@pytest.mark.parametrize(
    ("answer", "left_out"),
    [
        (PLAIN, {f"{A}/2"}),
        (ok(BODY % META, type_="text/html"), {f"{A}/1", f"{A}/2"}),
        (ok(BODY % b"", "X-Robots-Tag: noarchive", "X-Robots-Tag: none", type_="text/html"), {f"{A}/1", f"{A}/2"}),
        (ok(BODY % b"", "X-Robots-Tag: mybot: nofollow", type_="text/html"), {f"{A}/1", f"{A}/2"}),
        (ok(BODY % b"", "X-Robots-Tag: other: nofollow", type_="text/html"), {f"{A}/2"}),
        (ok(BODY % b"<meta name=robots content='noindex,noarchive'>", type_="text/html"), {f"{A}/2"}),
    ],
    ids=["link", "meta", "header", "header by name", "header for another", "other directives"],
)
async def test_on_request(crawl_dir: Path, answer: bytes, left_out: set[str]) -> None:
    with Web({f"{A}/": answer, f"{A}/1": page(), f"{A}/2": page()}) as web:
        await crawl(web, crawl_dir, f"{A}/", respect_nofollow=True, user_agent="MyBot/1.0")
        assert set(web.urls) == ALL - left_out
    (about,) = kept(crawl_dir, f"{A}/", "metadata")
    assert {line.split()[0] for line in about.fields["outlink"]} == ALL - {f"{A}/"}


@pytest.mark.parametrize("answer", [PLAIN, ok(BODY % META, "X-Robots-Tag: none", type_="text/html")])
async def test_not_by_default(crawl_dir: Path, answer: bytes) -> None:
    with Web({f"{A}/": answer, f"{A}/1": page(), f"{A}/2": page()}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert set(web.urls) == ALL


async def test_another_page_may_lead_there(crawl_dir: Path) -> None:
    with Web({f"{A}/": PLAIN, f"{A}/1": page("/2"), f"{A}/2": page()}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/", respect_nofollow=True)
    assert ran.by_url[f"{A}/2"].via == f"{A}/1"


async def test_redirects_are_no_links(crawl_dir: Path) -> None:
    answer = ok(b"", "Location: /1", "X-Robots-Tag: nofollow", status="302 Found")
    with Web({f"{A}/": answer, f"{A}/1": page()}) as web:
        await crawl(web, crawl_dir, f"{A}/", respect_nofollow=True)
        assert f"{A}/1" in web.urls
