"""Which links a page asks robots not to follow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawler.archiving.metadata import metadata_text, outlinks_in
from crawler.capture import Capture
from crawler.frontier import Settled
from crawler.links import Document, extract
from crawler.model import CrawlURL, Exchange, Extraction, Kind
from crawler.nofollow import allowed, marked, page_forbids

URL = "http://a.test/"


def extraction(markup: str) -> Extraction:
    return extract(Document(URL, "text/html", None, markup.encode()))


def exchange(*headers: tuple[str, str]) -> Exchange:
    return Exchange(URL, datetime.now(UTC), b"", None, None, headers=headers)


@pytest.mark.parametrize(
    ("content", "forbids"),
    [
        ("nofollow", True), ("none", True), ("NoIndex, NoFollow", True), ("noindex,nofollow,noarchive", True),
        (" none ", True), ("noindex", False), ("follow", False), ("all", False), ("", False),
        ("nofollows", False), ("no follow", False), ("none of these", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["robots", "ROBOTS", " robots", "annals", "Annals"])
def test_meta_elements(name: str, content: str, forbids: bool) -> None:
    found = extraction(f'<meta name="{name}" content="{content}">')
    assert page_forbids(exchange(), found, "annals") is forbids


@pytest.mark.parametrize("name", ["googlebot", "annalsbot", "description", "robot"])
def test_meta_elements_for_others(name: str) -> None:
    assert not page_forbids(exchange(), extraction(f'<meta name="{name}" content="nofollow">'), "annals")


def test_what_is_said_to_all_holds_beside_what_is_said_by_name() -> None:
    found = extraction('<meta name=annals content=follow><meta name=robots content="noindex, nofollow">')
    assert page_forbids(exchange(), found, "annals")


@pytest.mark.parametrize(
    ("values", "forbids"),
    [
        (["nofollow"], True),
        (["noindex, none"], True),
        (["noindex", "NOFOLLOW"], True),
        (["annals: nofollow"], True),
        (["Annals : noindex , nofollow"], True),
        (["otherbot: nofollow"], False),
        (["otherbot: noindex, nofollow"], False),
        (["otherbot: noindex, annals: nofollow"], True),
        (["annals: noindex, otherbot: nofollow"], False),
        (["otherbot: nofollow", "nofollow"], True),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow"], True),
        (["max-snippet: 50, max-image-preview: none"], False),
        (["noindex"], False),
        (["x-nofollow"], False),
        ([""], False),
        ([":nofollow", "::", ",,,"], False),
    ],
)
@pytest.mark.parametrize("header", ["X-Robots-Tag", "x-robots-tag"])
def test_headers(header: str, values: list[str], forbids: bool) -> None:
    assert page_forbids(exchange(*((header, value) for value in values)), Extraction(), "annals") is forbids


def test_single_links() -> None:
    found = extraction(
        "<a href=1 rel=nofollow>1</a><a href=2 rel='external NOFOLLOW'>2</a><a href=3 rel=noopener>3</a>"
        "<map><area href=4 rel=nofollow></map><a href=5 rel=nofollow>5</a><a href=5>5</a><a href=6>6</a>"
        "<a href=6 rel=nofollow>6</a><a href=7.png rel=nofollow><img src=7.png></a><img src=8.png rel=nofollow>"
    ).links
    assert {url for url, role in found.items() if role.nofollow} == {
        f"{URL}{name}" for name in ("1", "2", "4", "7.png")
    }
    kept = allowed(found)
    assert set(kept) == {f"{URL}{name}" for name in ("3", "5", "6", "7.png", "8.png")}
    assert kept[f"{URL}7.png"].kind is Kind.REQUISITE
    assert kept[f"{URL}3"].context == "a/@href"


def test_a_page_that_forbids_keeps_what_it_needs() -> None:
    found = extraction("<a href=1>1</a><img src=2><a href=3><img src=3></a><link rel=stylesheet href=4>").links
    kept = allowed(marked(found))
    assert set(kept) == {f"{URL}{number}" for number in (2, 3, 4)}
    assert {role.kind for role in kept.values()} == {Kind.REQUISITE}


def test_the_archive_tells_and_links_judged_again_know() -> None:
    found = marked(extraction("<a href=1>1</a><img src=2>").links)
    capture = Capture(CrawlURL(URL), Settled(), datetime.now(UTC), exchange(), Extraction(found))
    text = metadata_text(capture, capture.exchange)
    assert f"outlink: {URL}1 L a/@href[nofollow]\r\n" in text
    assert outlinks_in(text.encode()) == found


def test_many_meta_elements_are_not_all_kept() -> None:
    assert len(extraction("<meta name=robots content=nofollow>" * 1000).robots) < 100
