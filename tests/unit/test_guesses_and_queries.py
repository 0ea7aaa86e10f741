"""When guessing ends, and which query parameters are left out."""

from __future__ import annotations

import pytest

from crawler.config import CrawlConfig, InvalidSetting
from crawler.guesses import MISSED, TRIED, Guesses
from crawler.links.roles import embed, link
from crawler.model import Kind
from crawler.querystrip import QueryStrip


def test_guessing_ends_where_most_are_missing() -> None:
    guesses = Guesses()
    for number in range(TRIED):
        assert not guesses.are_futile("h")
        guesses.note("h", 404 if number else 200)
    assert guesses.are_futile("h")
    assert not guesses.are_futile("other")


def test_guessing_goes_on_where_some_are_there() -> None:
    guesses = Guesses()
    there = round(TRIED * (1 - MISSED))
    for status in [200] * there + [410] * (TRIED - there):
        guesses.note("h", status)
    assert not guesses.are_futile("h")
    guesses.note("h", 404)
    assert guesses.are_futile("h")


def test_no_answer_says_nothing_of_a_guess() -> None:
    guesses = Guesses()
    for status in [None, 403, 500, 301] * TRIED:
        guesses.note("h", status)
    assert not guesses.are_futile("h")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/?utm_source=a&x=1&utm_medium=b", "http://h/?x=1"),
        ("http://h/p?utm_source", "http://h/p"),
        ("http://h/p?a=%20&sid=1&b=&a=+", "http://h/p?a=%20&b=&a=+"),
        ("http://h/p?%75tm_x=1", "http://h/p"),
        ("http://h/p?", "http://h/p?"),
        ("http://h/p?&&x", "http://h/p?&&x"),
        ("http://h/utm_x=1", "http://h/utm_x=1"),
        ("http://h/?SID=1&xsid=2&y=utm_z", "http://h/?SID=1&xsid=2&y=utm_z"),
    ],
)
def test_query_parameters_are_left_out(url: str, expected: str) -> None:
    strip = QueryStrip(["utm_*", "sid"])
    assert strip.url(url) == expected
    assert strip.url(expected) == expected


def test_links_that_become_one_keep_the_best_role() -> None:
    shown, read = embed("img/@src"), link("a/@href")
    links = QueryStrip(["s"]).links({"http://h/x?s=1": shown, "http://h/y": read, "http://h/x?s=2": read})
    assert list(links) == ["http://h/x", "http://h/y"]
    assert (links["http://h/x"].kind, links["http://h/x"].embedded) == (Kind.NAVIGATION, True)


@pytest.mark.parametrize("pattern", ["", "a=b", "a&b", "#", "a b"])
def test_a_pattern_is_a_name(pattern: str) -> None:
    with pytest.raises(InvalidSetting, match="strip_query"):
        CrawlConfig(strip_query=(pattern,))
