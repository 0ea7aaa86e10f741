"""When to stop asking for more."""

from __future__ import annotations

import pytest

from crawler.config import CrawlConfig
from crawler.frontier import Counts
from crawler.limits import Limits

NONE = Limits(None, None, None)


def test_without_limits_nothing_ends_it() -> None:
    assert NONE.reached(Counts(bytes=1 << 60, pages=1 << 40), 1 << 60, 1e9) is None
    assert NONE.pages_left(Counts(pages=1 << 40), 5) is None


def test_they_come_from_the_configuration() -> None:
    config = CrawlConfig(max_pages=3, max_bytes=4, max_time=5.5)
    assert Limits.of(config) == Limits(3, 4, 5.5)
    assert Limits.of(CrawlConfig()) == NONE


@pytest.mark.parametrize(("elapsed", "reached"), [(0.0, None), (9.999, None), (10.0, True), (11.0, True)])
def test_time(elapsed: float, reached: bool | None) -> None:
    sentence = Limits(None, None, 10.0).reached(Counts(), 0, elapsed)
    assert sentence == ("--max-time 10 s reached" if reached else None)


@pytest.mark.parametrize(
    ("committed", "in_flight", "reached"),
    [(0, 0, False), (99, 0, False), (60, 39, False), (60, 40, True), (100, 0, True)],
)
def test_bytes_count_those_that_are_not_committed_yet(committed: int, in_flight: int, reached: bool) -> None:
    sentence = Limits(None, 100, None).reached(Counts(bytes=committed), in_flight, 0.0)
    assert sentence == ("--max-bytes 100 reached" if reached else None)


@pytest.mark.parametrize(
    ("done", "in_flight", "left"), [(0, 0, 10), (4, 3, 3), (9, 1, 0), (10, 0, 0), (10, 5, 0), (12, 0, 0)]
)
def test_pages_in_flight_use_up_what_is_left(done: int, in_flight: int, left: int) -> None:
    limits = Limits(10, None, None)
    assert limits.pages_left(Counts(pages=done), in_flight) == left
    assert limits.reached(Counts(pages=done), 0, 0.0) is None, "what the last pages need is still fetched"


def test_requisites_only_leaves_no_page() -> None:
    limits = Limits.of(CrawlConfig(max_pages=5), requisites_only=True)
    assert limits.pages_left(Counts(), 0) == 0
    assert limits.no_more_pages == "only requisites were asked for"
