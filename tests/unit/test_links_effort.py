"""Long documents are searched in a thread of their own, short ones where they are: a thread costs more than they do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import crawler.visit
from crawler.links import Document, extract
from crawler.links.effort import LONG, LONG_PAGE, takes_long
from crawler.model import Extraction
from tests.support.engine import crawl
from tests.support.web import Web, ok, page


@pytest.mark.parametrize(
    ("media_type", "longest"),
    [
        ("text/html", LONG_PAGE),
        ("image/svg+xml", LONG_PAGE),
        ("text/css", LONG_PAGE),
        (None, LONG_PAGE),
        ("application/json", LONG),
        ("application/activity+json", LONG),
        ("application/rss+xml", LONG),
        ("text/xml", LONG),
        ("application/vnd.apple.mpegurl", LONG),
        ("text/javascript", LONG),
    ],
)
def test_by_type_and_length(media_type: str | None, longest: int) -> None:
    assert not takes_long(Document("http://a.test/", media_type, None, b"x" * longest))
    assert takes_long(Document("http://a.test/", media_type, None, b"x" * (longest + 1)))


@pytest.mark.parametrize("media_type", ["application/dash+xml", "text/xml", None])
def test_a_short_dash_manifest_stands_for_much(media_type: str | None) -> None:
    assert takes_long(Document("http://a.test/", media_type, None, b"<?xml version='1.0'?><MPD></MPD>"))


async def test_the_event_loop_does_not_wait_for_long_ones(crawl_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = set[str](), set[str]()

    def noted(document: Document) -> Extraction:
        (here if threading.current_thread() is threading.main_thread() else elsewhere).add(document.url)
        return extract(document)

    monkeypatch.setattr(crawler.visit, "extract", noted)
    feed = b"<rss><channel>" + b"<item><link>/1</link></item>" * 2000 + b"</channel></rss>"
    answers = {
        "http://a.test/": page("/long", "/feed", "/data", markup="<link rel=alternate href=/short.json>"),
        "http://a.test/long": page("/2", markup="<p>text</p>" * 20_000),
        "http://a.test/feed": ok(feed, type_="application/rss+xml"),
        "http://a.test/data": ok(b"[" + b'"/3",' * 10_000 + b"0]", type_="application/json"),
        "http://a.test/short.json": ok(b'["/4"]', type_="application/json"),
        **{f"http://a.test/{number}": page() for number in (1, 2, 3, 4)},
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, "http://a.test/")
        assert sorted(web.urls) == sorted(answers)
    assert elsewhere == {"http://a.test/long", "http://a.test/feed", "http://a.test/data"}
    assert here == answers.keys() - elsewhere
