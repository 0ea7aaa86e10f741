"""Pages that are nearly the same: patterns of URLs, sketches of pages, and when links are no longer followed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import pytest

from crawler.model import CrawlURL, Kind, Outlink
from crawler.rules.fingerprint import SIZE, heading, likeness, sketch
from crawler.rules.patterns import pattern_of
from crawler.rules.repeats import (
    DEEP,
    MANY_PAGES,
    MANY_WITH_PARAMETERS,
    MAX_PATTERNS,
    MOST_REPEATS,
    MOST_SUSPICIOUS_REPEATS,
    Repeats,
)

HOST = "https://example.com"
WORDS = [f"word{letter}{other}" for letter in "abcdefghijklmnopqrst" for other in "abcdefghijklmnopqrst"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/post/17", "/post/2024"),
        ("/2024/05/12/", "/1999/5/1"),
        ("/shop?id=7&sid=abc", "/shop?sid=x&id=9"),
        ("/a/b/a/b/", "/b/a/"),
        ("/page;jsessionid=12AB?x=1", "/page;jsessionid=99?x="),
        ("/s/0123456789abcdef0/x", "/s/ffff56789abcdef01234/x"),
        ("/img12x3.html", "/img9x100.html"),
    ],
)
def test_urls_of_one_kind(one: str, other: str) -> None:
    assert pattern_of(HOST + one) == pattern_of(HOST + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/post/17", "/page/17"),
        ("/shop?id=7", "/shop?id=7&sid=1"),
        ("/library/asyncio.html", "/library/abc.html"),
        ("/x", "http://example.org/x"),
        ("/x", "https://example.com:8443/x"),
    ],
)
def test_urls_of_different_kinds(one: str, other: str) -> None:
    assert pattern_of(HOST + one) != pattern_of(other if "://" in other else HOST + other)


def markup(*words: str) -> bytes:
    return f"<html><head><script>var x = {id(words)}</script></head><p>{' '.join(words)}</p>".encode()


def alike(one: bytes, other: bytes, url: str = HOST + "/x", other_url: str | None = None) -> float:
    return likeness(sketch(one, url), sketch(other, other_url or url))


class TestSketches:
    def test_a_page_is_like_itself_and_unlike_others(self) -> None:
        assert alike(markup(*WORDS), markup(*WORDS)) == 1.0
        assert alike(markup(*WORDS), markup(*reversed(WORDS))) == 0.0
        assert alike(b"", b"<html></html>") == 1.0
        assert alike(b"", markup("some", "words")) == 0.0

    def test_it_estimates_how_much_is_the_same(self) -> None:
        rng = random.Random(5)
        for changed in (0, 4, 40, 200):
            words = list(WORDS)
            for index in rng.sample(range(len(words)), changed):
                words[index] = f"other{chr(97 + index % 26)}x"
            pairs, others = set(pairwise(WORDS)), set(pairwise(words))
            true = len(pairs & others) / len(pairs | others)
            assert abs(alike(markup(*WORDS), markup(*words)) - true) < 0.2, changed

    def test_days_years_identifiers_and_the_own_address_are_no_difference(self) -> None:
        march = markup("March", "2031", "1", "2", "3", "id", "9f86d081884c7d65", "month", "63", "next", "64")
        april = markup("March", "2032", "11", "12", "13", "id", "60303ae22b998861", "month", "75", "next", "76")
        assert alike(march, april, HOST + "/?m=63", HOST + "/?m=75") == 1.0
        assert alike(markup("12,5", "degrees"), markup("13,5", "degrees")) == 0.0, "measured values are content"
        assert alike(markup("533", "visits"), markup("534", "visits")) == 0.0

    def test_scripts_and_styles_say_nothing(self) -> None:
        one = b"<p>a b c</p><script>if (1<2) d e f</script><style>g h</style> i<SCRIPT src=x></SCRIPT>"
        assert alike(one, b"<div>a b c</div> i") == 1.0

    def test_it_is_bounded_whatever_the_markup(self) -> None:
        assert len(sketch(markup(*WORDS), HOST)) == SIZE
        for hostile in (b"<script>" * 100_000, b"<" * 1_000_000, b"a " * 1_000_000, b"\xff" * 100_000):
            assert len(sketch(hostile, HOST)) <= SIZE

    def test_it_is_the_same_in_every_run(self) -> None:
        pairs = (b"one two", b"two three", b"three 0", b"0 0")
        assert sketch(b"One two, three: 12. 2031", HOST) == set(map(crc32, pairs))

    def test_headings(self) -> None:
        url, other = HOST + "/photo/17", HOST + "/photo/18"
        assert heading("Photo 17", ["/logo.png"], url) == heading("Photo 18", ["/logo.png?sid=1"], other)
        assert heading("Photo 17", ["/17.jpg"], url) != heading("Photo 18", ["/18.jpg"], other)
        assert heading("Jane", [], url) != heading("John", [], other)
        assert heading(None, ["/a", "/b"], url) == heading(None, ["/b", "/a"], url)


def visited(
    repeats: Repeats, path: str, content: bytes, links: Sequence[str], *, title: str = "Title", depth: int = 1
) -> list[str]:
    """The paths of the links that are not to be followed."""
    outlinks = [Outlink(HOST + link, Kind.NAVIGATION, depth + 1, 0, 0, 1) for link in links]
    url = CrawlURL(HOST + path, depth=depth, via=HOST, seed=1)
    return [link.url.removeprefix(HOST) for link in repeats.unwanted(url, title, (), content, outlinks)]


def first_unwanted(repeats: Repeats, path: str, *, depth: int = 1, most: int = 1000) -> int | None:
    """Follows `path` with the numbers 0, 1, 2 …, each page linking to the next; where that ends."""
    for number in range(most):
        if visited(repeats, path.format(number), markup("Nothing", "here"), [path.format(number + 1)], depth=depth):
            return number
    return None


class TestRepeats:
    @pytest.mark.parametrize(
        ("path", "depth", "pages"),
        [
            ("/page/{}", 1, MANY_PAGES + MOST_REPEATS),
            ("/page?n={}", 1, MANY_WITH_PARAMETERS + MOST_SUSPICIOUS_REPEATS),
            ("/page;n={}", 1, MANY_WITH_PARAMETERS + MOST_SUSPICIOUS_REPEATS),
            ("/page/{}", DEEP, MOST_SUSPICIOUS_REPEATS),
            ("/a/b/c/d/e/f/g/{}", 1, MOST_SUSPICIOUS_REPEATS),
            ("/page?a=1&b=2&n={}", 1, MOST_SUSPICIOUS_REPEATS),
        ],
    )
    def test_it_ends_after_so_many(self, path: str, depth: int, pages: int) -> None:
        # Two pages are there to be compared with, the next one is the first repeat.
        assert first_unwanted(Repeats(), path, depth=depth) == pages + 2

    def test_pages_that_differ_are_followed_for_ever(self) -> None:
        rng, repeats = random.Random(3), Repeats()
        for number in range(2000):
            words = rng.choices(WORDS, k=60)
            assert not visited(repeats, f"/post?n={number}", markup(*words), [f"/post?n={number + 1}"])

    def test_pages_with_titles_of_their_own_are_followed_for_ever(self) -> None:
        repeats = Repeats()
        for number in range(2000):
            title = f"{WORDS[number % 400]} {WORDS[number // 400]}"
            assert not visited(repeats, f"/who?n={number}", markup("the", "same"), ["/who?n=1"], title=title)

    def test_a_page_that_differs_is_followed_after_all(self) -> None:
        repeats = Repeats()
        assert first_unwanted(repeats, "/page?n={}") is not None
        assert visited(repeats, "/page?n=7000", markup("Nothing", "here"), ["/page?n=7001"])
        assert not visited(repeats, "/page?n=8000", markup(*WORDS), ["/page?n=8001"])

    def test_a_repeats_links_elsewhere_are_followed(self) -> None:
        repeats = Repeats()
        assert first_unwanted(repeats, "/page?n={}") is not None
        links = ["/page?n=7001", "/papers/x.pdf", "/other?n=1"]
        assert visited(repeats, "/page?n=7000", markup("Nothing", "here"), links) == ["/page?n=7001"]
        assert first_unwanted(repeats, "/other?n={}") is not None
        assert visited(repeats, "/page?n=7000", markup("Nothing", "here"), links) == ["/page?n=7001", "/other?n=1"]

    def test_requisites_of_a_repeat_are_fetched(self) -> None:
        repeats = Repeats()
        assert first_unwanted(repeats, "/page?n={}") is not None
        image = Outlink(HOST + "/page?n=1", Kind.REQUISITE, 1, 0, 0, 1)
        url = CrawlURL(HOST + "/page?n=9000", depth=1, via=HOST, seed=1)
        assert repeats.unwanted(url, "Title", (), markup("Nothing", "here"), [image]) == []

    def test_frames_in_frames_have_an_end(self) -> None:
        repeats, ended = Repeats(), None
        for number in range(100):
            following = Outlink(f"{HOST}/frame?n={number + 1}", Kind.REQUISITE, 1, 0, 0, 1)
            url = CrawlURL(f"{HOST}/frame?n={number}", Kind.REQUISITE, depth=1, via=HOST, seed=1)
            if repeats.unwanted(url, None, [following.url], markup("Nothing", "here"), [following]):
                ended = number
                break
        assert ended == MANY_WITH_PARAMETERS + MOST_SUSPICIOUS_REPEATS + 2

    def test_a_trap_behind_many_different_pages_is_found_too(self) -> None:
        rng, repeats = random.Random(4), Repeats()
        for number in range(3000):
            assert not visited(repeats, f"/page?n={number}", markup(*rng.choices(WORDS, k=60)), ["/x"])
        assert first_unwanted(repeats, "/page?n={}") is not None

    def test_what_is_remembered_is_bounded_and_the_trap_is_what_stays(self) -> None:
        repeats = Repeats()
        assert first_unwanted(repeats, "/page?n={}") is not None
        for number in range(MAX_PATTERNS + 10):
            name = "".join(chr(97 + int(digit)) for digit in str(number))
            visited(repeats, f"/{name}", b"", ["/x"])
            assert len(repeats._patterns) <= MAX_PATTERNS
        assert visited(repeats, "/page?n=7000", markup("Nothing", "here"), ["/page?n=7001"])
