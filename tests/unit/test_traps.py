"""URLs that betray a site without end, and those that look a little like it and are real."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from crawler.config import ScopeKind
from crawler.model import CrawlURL, Kind
from crawler.rules.traps import LONGEST, MOST_NESTED, MOST_SEGMENTS
from crawler.scope import Scope

HOST = "https://www.example.com"
YEAR = 2026


def rule(path: str, kind: Kind = Kind.NAVIGATION, **options: object) -> str | None:
    """The trap rule that rejects the path, or None."""
    of = Scope(ScopeKind.HOST, {1: [HOST + "/"]}, year=YEAR, **options)  # type: ignore[arg-type]
    verdict = of.verdict(HOST + path, kind, 1, 0, 1)
    return None if verdict.accepted else verdict.rule


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b/a/b/a/b", "trap-repeat"),
        ("/docs/a/b/c/a/b/c/a/b/c/index.html", "trap-repeat"),
        ("/x/x/x/x", "trap-repeat"),
        ("/x/x//x/x/?q=1", "trap-repeat"),
        ("/0/0/0/0/0/0/0", "trap-repeat"),
        ("/" + "/".join(f"s{n}" for n in range(MOST_SEGMENTS + 1)), "trap-segments"),
        ("/?q=" + "x" * LONGEST, "trap-length"),
        ("/s?a=1&a=1&a=1", "trap-query"),
        ("/s?page=2&sort=x&page=2&u=/&page=2", "trap-query"),
        ("/calendar/2032/01", "trap-calendar"),
        ("/calendar/2032/1/", "trap-calendar"),
        ("/kalender/1599-12-31", "trap-calendar"),
        ("/events/2040/03/12/", "trap-calendar"),
        ("/day/20400312", "trap-calendar"),
        ("/x/2040-03-12", "trap-calendar"),
        ("/?date=2040-03", "trap-calendar"),
        ("/?tribe-bar-date=2040-03-01&eventDisplay=month", "trap-calendar"),
        ("/cal.php?year=2040&month=3", "trap-calendar"),
        ("/cal.php?cal_month=12&cal_year=12040", "trap-calendar"),
        ("/cal.php?month=3&year=0", "trap-calendar"),
    ],
)
def test_a_trap_is_named(path: str, name: str) -> None:
    assert rule(path) == name


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/b/a/b/c",
        "/x/x/x",
        "/system/images/000/000/012/original/a.jpg",
        "/tiles/0/0/0.png",
        "/0/0/0/0/0/0",
        "/2010/10/10/10/",
        "/node_modules/a/node_modules/b/node_modules/c/node_modules/d/node_modules/e",
        "/" + "/".join(f"s{n}" for n in range(MOST_SEGMENTS)),
        "/?q=" + "x" * 7000,
        "/s?" + "/" * 60,
        "/s?id[]=1&id[]=2&id[]=3&a=1&a=1",
        "/s?&&&&",
        "/news/1848/03/18/",
        "/calendar/2031/12",
        "/calendar/1600/01",
        "/events/2027/03/",
        "/topic/1503/2",
        "/topic/1503/02",
        "/item/2045/12",
        "/part/1299-10/",
        "/updates/1234/05/",
        "/climate/2050",
        "/targets?year=2050",
        "/p/20500",
        "/rfc/rfc9110.html",
        "/sku-9999-1234.html",
    ],
)
def test_a_real_address_is_none(path: str) -> None:
    assert rule(path) is None


def test_requisites_are_no_calendars_but_may_be_other_traps() -> None:
    assert rule("/calendar/2040/01/sheet.css", Kind.REQUISITE) is None
    assert rule("/?q=" + "x" * LONGEST, Kind.REQUISITE) == "trap-length"
    assert rule("/f/f/f/f/", Kind.REQUISITE) == "trap-repeat", "frames in frames have no end either"


def test_include_overrides_and_exclude_still_wins() -> None:
    assert rule("/x/x/x/x", include=["/x/"]) is None
    assert rule("/x/x/x/x", include=["/x/"], exclude=["x"]) == "exclude"


def test_without_a_year_there_are_no_traps() -> None:
    of = Scope(ScopeKind.HOST, {1: [HOST + "/"]})
    assert of.verdict(HOST + "/x/x/x/x", Kind.NAVIGATION, 1, 0, 1).accepted


@pytest.mark.parametrize("seed", [1, -1, 0])
def test_requisites_in_a_row(seed: int) -> None:
    """Those of a submitted URL, which is its own seed, are no exception."""
    of = Scope(ScopeKind.HOST, {1: [HOST + "/"]}, year=YEAR)
    module = CrawlURL(HOST + "/x.js", Kind.REQUISITE, 0, via=HOST + "/y.js", seed=seed, nesting=MOST_NESTED - 1)
    assert of.still_wanted(module).accepted
    assert of.still_wanted(replace(module, nesting=MOST_NESTED)).rule == "trap-nesting"
    included = Scope(ScopeKind.HOST, {1: [HOST + "/"]}, year=YEAR, include=["x[.]js"])
    assert included.still_wanted(replace(module, nesting=MOST_NESTED)).rule == "include"
