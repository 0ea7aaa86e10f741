"""What every implementation of `crawler.frontier.Frontier` must do, whatever keeps it. Subclass, give a `bench`, run.

Time is a fake clock's: nothing here waits for real time, and a wait that would never end is seen as one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from crawler.earlier.revisit import Original
from crawler.frontier import (
    Commit,
    Counts,
    Finished,
    Frontier,
    HostReport,
    Needed,
    Readiness,
    RetryAt,
    RobotsAnswer,
    SegmentState,
    Settled,
)
from crawler.model import FailureKind, Kind, OutcomeKind, Outlink
from tests.support.fakeclock import START, turns
from tests.support.frontier_model import FrontierModel, Web
from tests.support.frontiers import (
    ALLOW,
    ARCHIVED,
    NOON,
    Bench,
    answer_robots,
    claim_all,
    claim_one,
    finish_all,
    idle,
    item,
    link,
    retry,
    settle,
    stored,
    urls,
    wait_now,
)
from tests.unit.frontier_keeping_conformance import Begun, Figures, Hosts, Rules
from tests.unit.frontier_sharing_conformance import Parking, SharedAddress

A, B = "http://a.test/", "http://b.test/"
REQUISITE, GUESS = Kind.REQUISITE, Kind.GUESS
FAILED = Finished(OutcomeKind.FAILED, "refused")


class Queueing:
    async def test_a_new_frontier_is_empty(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.claim(10) == []
        assert await frontier.wait() is Readiness.EMPTY
        assert await frontier.counts() == Counts()
        assert list(frontier.outcomes(0)) == []
        assert await frontier.segments() == []

    async def test_seeds_are_numbered_in_order_and_queued_once(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.add_seeds([B, A]) == [1, 2]
        assert await frontier.add_seeds([A, "http://c.test/", B]) == [2, 3, 1]
        assert await frontier.seeds() == {1: [B], 2: [A], 3: ["http://c.test/"]}
        claimed = await claim_all(frontier)
        assert sorted(urls(claimed)) == [A, B, "http://c.test/"]
        assert {url.url: url.seed for url in claimed} == {B: 1, A: 2, "http://c.test/": 3}
        assert all((url.kind, url.depth, url.via, url.attempt) == (Kind.NAVIGATION, 0, None, 1) for url in claimed)
        assert (await frontier.counts()).queued == 3

    async def test_requisites_of_requisites_are_counted(self, bench: Bench) -> None:
        """Kept by what each was found on: by another opening of the frontier, too, and of what a rule has excluded."""
        frontier = await bench.open()
        await frontier.add_seeds([A])
        [page] = await claim_all(frontier)
        await settle(frontier, item(page, links=[link(A + "0.js", REQUISITE, 0), link(A + "page")]))
        counted = []
        for number in range(1, 5):
            for url in await claim_all(frontier):
                links = [link(f"{A}{number}.js", REQUISITE, 0)] if url.kind is REQUISITE else []
                counted += [(url.url, url.nesting)]
                await settle(frontier, item(url, links=links))
            frontier = await bench.open()
        assert counted == [(A + "0.js", 0), (A + "page", 0), (A + "1.js", 1), (A + "2.js", 2), (A + "3.js", 3)]
        [last] = await claim_all(frontier)
        await settle(frontier, item(last, Finished(OutcomeKind.EXCLUDED, "trap-nesting"), kept=False))
        [excluded] = await frontier.excluded(0)
        assert (excluded.url, excluded.nesting, last.nesting) == (last.url, 4, 4)

    @pytest.mark.parametrize(("reason", "again"), [("trap-nesting", True), ("max-depth", True), ("robots.txt", False)])
    async def test_what_was_left_out_for_how_it_was_found_is_offered_for_a_better_reason(
        self, bench: Bench, reason: str, again: bool
    ) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        first, second = await claim_all(frontier)
        await settle(frontier, item(first, links=[link(A + "x", REQUISITE, 7)]))
        [left] = await claim_all(frontier)
        await settle(frontier, item(left, Finished(OutcomeKind.EXCLUDED, reason), kept=False))
        assert (await frontier.counts()).excluded == 1
        await settle(frontier, item(second, links=[link(A + "x", depth=1)]))
        counts, offered = await frontier.counts(), await claim_all(frontier)
        if not again:
            assert (counts.excluded, counts.queued, offered) == (1, 0, [])
            return
        assert (counts.excluded, counts.queued) == (0, 1)
        [url] = offered
        assert (url.url, url.kind, url.depth, url.via, url.attempt) == (A + "x", Kind.NAVIGATION, 1, second.url, 2)
        await settle(frontier, item(url))
        assert (await frontier.counts()).archived == 3

    async def test_a_url_is_queued_once_a_round(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        seed = await claim_one(frontier, A)
        await settle(frontier, item(seed, links=[link(A + "x"), link(A), link(A + "x"), link(A + "y")]))
        first, second = await claim_all(frontier)
        assert urls([first, second]) == [A + "x", A + "y"]
        await settle(frontier, item(first, links=[link(A + "y", depth=2), link(A + "x", depth=2)]))
        await settle(frontier, item(second, links=[link(A + "x", depth=2)]))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is Readiness.EMPTY
        assert (await frontier.counts()).archived == 3

    async def test_links_keep_their_order_and_carry_all_that_the_next_decision_needs(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        names = [f"{A}{name}" for name in ("z", "b", "q", "a", "m")]
        await settle(frontier, item(await claim_one(frontier, A), links=[link(name) for name in names]))
        claimed = await claim_all(frontier)
        assert urls(claimed) == names
        assert {(url.kind, url.depth, url.via, url.seed) for url in claimed} == {(Kind.NAVIGATION, 1, A, 1)}
        odd = link("http://b.test/i.png", REQUISITE, 3, offsite=2, redirects=7, seed=5)
        await settle(frontier, item(claimed[0], links=[odd]))
        url = await claim_one(frontier, odd.url)
        assert (url.kind, url.depth, url.offsite, url.redirects, url.seed, url.via) == (REQUISITE, 3, 2, 7, 5, names[0])

    async def test_requisites_come_first_then_pages_breadth_first_then_guesses(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        links = [link(A + "guess", GUESS), link(A + "deep", depth=9), link(A + "near"), link(A + "image", REQUISITE)]
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        assert urls(await claim_all(frontier)) == [A + "image", A + "near", A + "deep", A + "guess"]

    async def test_among_equals_what_expires_first_comes_first(self, bench: Bench) -> None:
        """Signed URLs before others of their lane, whenever they were found, and through promotion and a crash."""
        frontier = await bench.open()
        await frontier.add_seeds([A])
        late, soon, guess = (f"{A}?Expires={START + moment:.0f}&Signature=x" for moment in (99, 0, -9))
        links = [link(A + "plain"), link(late), link(A + "deep", depth=2), link(guess, GUESS), link(A + "i", REQUISITE)]
        await settle(frontier, item(await claim_one(frontier, A), links=[*links, link(soon)]))
        assert urls(await claim_all(frontier)) == [A + "i", soon, late, A + "plain", A + "deep", guess]
        frontier = await bench.open()
        frontier.restrict(frozenset({REQUISITE}))
        [requisite] = await claim_all(frontier)
        assert requisite.url == A + "i"
        frontier.restrict(None)
        await settle(frontier, item(requisite, links=[link(guess, depth=1)]))
        rest = await claim_all(frontier)
        assert urls(rest) == [guess, soon, late, A + "plain", A + "deep"]
        await settle(frontier, *(item(url) for url in rest))
        assert await idle(frontier) is Readiness.EMPTY
        assert (await frontier.counts()).queued == 0

    @pytest.mark.parametrize(
        "url",
        [
            "http://a.test/%E4%BD%A0%E5%A5%BD?q=%F0%9F%95%B8",
            "http://a.test/你好?q=🕸",
            "http://xn--bcher-kva.test/",
            "http://[2001:db8::1]:8080/x",
            "http://[2001:db8::1]/x",
            "http://192.0.2.1:81/",
            "https://a.test:8443/?a=1&a=2;b='%22--",
            "http://a.test/" + "x" * 16_000,
            "http://a.test/'; DROP TABLE queue; --",
            "http://a.test//double//slash/../.",
            "http://a.test/?",
        ],
    )
    async def test_any_url_comes_back_as_it_went_in(self, bench: Bench, url: str) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([url])
        [outcome] = await settle(frontier, item(await claim_one(frontier, url)))
        assert outcome is not None
        assert outcome.url == url
        assert [each.url for each in frontier.outcomes(0)] == [url]
        await frontier.add_seeds([url])
        assert await idle(frontier) is Readiness.EMPTY

    async def test_depths_beyond_16_bits(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        links = [link(A + "deeper", depth=1_000_000), link(A + "deep", depth=65_536), link(A + "last", GUESS, 70_000)]
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        claimed = await claim_all(frontier)
        assert {url.url: url.depth for url in claimed} == {
            A + "deeper": 1_000_000, A + "deep": 65_536, A + "last": 70_000,
        }  # fmt: skip
        assert claimed[-1].url == A + "last"
        deeper = next(url for url in claimed if url.depth == 1_000_000)
        await settle(frontier, item(deeper, retry(1)), *(item(url) for url in claimed if url is not deeper))
        await bench.clock.advance(1)
        again = await claim_one(frontier, A + "deeper")
        assert again.depth == 1_000_000
        [outcome] = await settle(frontier, item(again))
        assert outcome is not None
        assert outcome.depth == 1_000_000

    async def test_known_tells_nothing_that_is_not_durable(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        seed = await claim_one(frontier, A)
        bad = item(replace(seed, key=(99, 99)), links=[link(B)])
        frontier.fetched(seed)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the store says to a claim that is none
            await frontier.commit(Commit([item(seed, links=[link(A + "x")]), bad]))
        assert set(frontier.known) <= {A}
        await frontier.commit(Commit([item(seed, links=[link(A + "x", depth=3)])]))
        reopened = await bench.open()
        assert set(urls(await claim_all(reopened))) == set(frontier.known) - {A}


class Submitting:
    async def test_what_is_new_is_queued_and_what_is_settled_has_its_outcome(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.submit([link(A, depth=0), link(B, depth=0)]) == [None, None]
        assert await frontier.submit([link(A, depth=0)]) == [None]
        told = [(await settle(frontier, item(url)))[0] for url in await claim_all(frontier)]
        assert await frontier.submit([link(B, depth=0), link(A, depth=0)]) == told[::-1]
        assert await claim_all(frontier) == []
        assert (await frontier.counts()).queued == 0

    async def test_a_failure_and_an_exclusion_are_outcomes_too(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.submit([link(A, depth=0), link(B, depth=0)])
        excluded = Finished(OutcomeKind.EXCLUDED, "robots.txt")
        first, second = await claim_all(frontier)
        await settle(frontier, item(first, FAILED), item(second, excluded, kept=False))
        found = await frontier.submit([link(A, depth=0), link(B, depth=0)])
        assert [each and (each.kind, each.reason) for each in found] == [
            (OutcomeKind.FAILED, "refused"),
            (OutcomeKind.EXCLUDED, "robots.txt"),
        ]

    async def test_a_page_that_is_queued_stays_as_it_is(self, bench: Bench) -> None:
        """Its seed's scope still applies to its links."""
        frontier = await bench.open()
        await frontier.add_seeds([B])
        seed = await claim_one(frontier, B)
        await settle(frontier, item(seed, links=[link(A, depth=3, seed=seed.seed)]))
        await frontier.submit([link(A, depth=0, seed=0)])
        claimed = await claim_one(frontier, A)
        assert (claimed.depth, claimed.seed, claimed.via) == (3, seed.seed, B)

    async def test_what_was_wanted_for_less_becomes_a_page(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.submit([link(A, REQUISITE, offsite=1, seed=0)])
        await frontier.submit([link(A, depth=0, seed=0)])
        claimed = await claim_one(frontier, A)
        assert (claimed.kind, claimed.depth, claimed.offsite) == (Kind.NAVIGATION, 0, 0)

    async def test_it_wakes_whoever_waits_and_survives_a_crash(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.submit([link(A, depth=0)])
        await claim_one(frontier, A)
        await frontier.submit([link(B, depth=0)])
        assert await wait_now(frontier) is Readiness.WAIT
        reopened = await bench.open()
        assert sorted(urls(await claim_all(reopened))) == [A, B]


class Promotion:
    async def test_while_queued(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        first, second = await claim_all(frontier)
        await settle(frontier, item(first, links=[link(A + "x", GUESS, 5, seed=1), link(A + "y", depth=3)]))
        await settle(frontier, item(second, links=[link(A + "x", depth=2, redirects=4, seed=2)]))
        [x, _] = claimed = await claim_all(frontier)
        assert urls(claimed) == [A + "x", A + "y"]
        assert (x.kind, x.depth, x.redirects, x.seed) == (Kind.NAVIGATION, 2, 4, 2)
        assert (await frontier.counts()).queued == 2

    async def test_never_away_from_the_better_reason(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        first, second = await claim_all(frontier)
        await settle(frontier, item(first, links=[link(A + "x", depth=2)]))
        worse = [link(A + "x", REQUISITE, 0), link(A + "x", depth=3), link(A + "x", depth=2, offsite=1)]
        await settle(frontier, item(second, links=worse))
        [x] = await claim_all(frontier)
        assert (x.kind, x.depth, x.offsite) == (Kind.NAVIGATION, 2, 0)

    async def test_while_waiting_for_its_retry(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", GUESS, 4), link(A + "y")]))
        y, x = await claim_all(frontier)
        await settle(frontier, item(x, retry(10)))
        await settle(frontier, item(y, links=[link(A + "x", REQUISITE, 2, seed=8)]))
        await bench.clock.advance(10)
        [again] = await claim_all(frontier)
        assert (again.kind, again.depth, again.seed, again.attempt) == (REQUISITE, 2, 8, 2)
        await settle(frontier, item(again))
        assert await idle(frontier) is Readiness.EMPTY

    @pytest.mark.parametrize("depth_matters", [False, True])
    async def test_while_claimed_its_links_are_judged_again(self, bench: Bench, depth_matters: bool) -> None:
        frontier = await bench.open(depth_matters=depth_matters)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", REQUISITE), link(A + "y")]))
        x, y = await claim_all(frontier)
        await settle(frontier, item(y, links=[link(A + "x", depth=2, seed=4)]))
        assert await claim_all(frontier) == []
        [outcome] = await settle(frontier, item(x))
        assert outcome is not None
        [again] = await claim_all(frontier)
        assert (again.url, again.rejudge, again.kind, again.depth, again.seed) == (x.url, True, Kind.NAVIGATION, 2, 4)
        assert await frontier.stored_outlinks(again) == ("s-1.warc.gz", stored(x).metadata_offset)
        found = link(A + "found", depth=3)
        assert await settle(frontier, item(again, Settled(), [found], kept=False)) == [None]
        found_url = await claim_one(frontier, found.url)
        assert found_url.via == x.url
        await settle(frontier, item(found_url))
        assert await idle(frontier) is Readiness.EMPTY
        assert (await frontier.counts()).seq == 4

    async def test_while_claimed_and_then_retried(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", GUESS, 6), link(A + "y")]))
        y, x = await claim_all(frontier)
        await settle(frontier, item(y, links=[link(A + "x", depth=2, redirects=3, seed=9)]))
        await settle(frontier, item(x, retry(5)))
        await bench.clock.advance(5)
        [again] = await claim_all(frontier)
        assert (again.kind, again.depth, again.redirects, again.seed) == (Kind.NAVIGATION, 2, 3, 9)
        await settle(frontier, item(again))
        assert await idle(frontier) is Readiness.EMPTY

    async def test_in_the_commit_that_settles_it(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", REQUISITE), link(A + "y")]))
        x, y = await claim_all(frontier)
        await settle(frontier, item(x), item(y, links=[link(A + "x", depth=2)]))
        [again] = await claim_all(frontier)
        assert (again.url, again.rejudge) == (A + "x", True)

    async def test_after_it_was_settled(self, bench: Bench) -> None:
        frontier = await bench.open(depth_matters=True)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", depth=9), link(A + "y")]))
        y, x = await claim_all(frontier)
        await settle(frontier, item(x))
        await settle(frontier, item(y, links=[link(A + "x", depth=2)]))
        [again] = await claim_all(frontier)
        assert (again.url, again.rejudge, again.again, again.depth) == (A + "x", True, False, 2)
        await settle(frontier, item(again, Settled(), kept=False))
        assert await idle(frontier) is Readiness.EMPTY

    async def test_depth_alone_is_nothing_where_depth_does_not_matter(self, bench: Bench) -> None:
        frontier = await bench.open(depth_matters=False)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", depth=9), link(A + "y")]))
        y, x = await claim_all(frontier)
        await settle(frontier, item(x))
        await settle(frontier, item(y, links=[link(A + "x", depth=2)]))
        assert await idle(frontier) is Readiness.EMPTY

    @pytest.mark.parametrize(
        ("media_type", "kept"), [("image/png", True), ("video/mp4", True), ("font/woff2", True), ("text/html", False)]
    )
    async def test_what_can_have_no_links_is_not_judged_again(self, bench: Bench, media_type: str, kept: bool) -> None:
        frontier = await bench.open(depth_matters=True)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", REQUISITE), link(A + "y")]))
        x, y = await claim_all(frontier)
        await settle(frontier, item(x, media_type=media_type, kept=kept))
        await settle(frontier, item(y, links=[link(A + "x", depth=2)]))
        assert await idle(frontier) is Readiness.EMPTY

    async def test_twice_after_it_was_settled_and_both_in_flight(self, bench: Bench) -> None:
        frontier = await bench.open(depth_matters=True)
        await frontier.add_seeds([A])
        pages = [link(A + "y"), link(A + "z"), link(A + "x", depth=9)]
        await settle(frontier, item(await claim_one(frontier, A), links=pages))
        y, z, x = await claim_all(frontier)
        await settle(frontier, item(x))
        await settle(frontier, item(y, links=[link(A + "x", depth=5)]))
        await settle(frontier, item(z, links=[link(A + "x", depth=2), link(x.url, again=True)]))
        claimed = await claim_all(frontier)
        assert sorted((url.rejudge, url.depth) for url in claimed if not url.again) == [(True, 2), (True, 5)]
        assert [(url.again, url.attempt) for url in claimed if url.again] == [(True, 2)]
        assert len({url.key for url in claimed}) == 3
        for url in claimed:
            assert await settle(frontier, item(url, Settled(), kept=url.again)) == [None]
        assert await idle(frontier) is Readiness.EMPTY
        assert (await frontier.counts()).seq == 4

    async def test_links_wait_to_be_judged_again_through_a_crash(self, bench: Bench) -> None:
        frontier = await bench.open(depth_matters=True)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x", depth=9), link(A + "y")]))
        y, x = await claim_all(frontier)
        await settle(frontier, item(x))
        await settle(frontier, item(y, links=[link(A + "x", depth=2)]))
        assert len(await claim_all(frontier)) == 1
        reopened = await bench.open(depth_matters=True)
        [again] = await claim_all(reopened)
        assert (again.url, again.rejudge, again.depth) == (A + "x", True, 2)


class Robots:
    async def test_the_first_claim_of_an_origin_is_its_robots_txt_and_nothing_else_until_it_is_answered(
        self, bench: Bench
    ) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, A + "x"])
        [robots] = await claim_all(frontier)
        assert (robots.url, robots.kind, robots.attempt, robots.again) == (A + "robots.txt", Kind.ROBOTS, 1, False)
        assert await idle(frontier) is None
        frontier.fetched(robots)
        assert await claim_all(frontier) == []
        answer = RobotsAnswer(text="User-agent: *\nDisallow: /x")
        [outcome] = await frontier.commit(Commit([item(robots, robots=answer)]))
        assert outcome is not None
        assert (outcome.url, outcome.seq, outcome.seed) == (A + "robots.txt", 1, False)
        claimed = await claim_all(frontier)
        assert urls(claimed) == [A, A + "x"]
        assert frontier.robots_text(claimed[0]) == RobotsAnswer(text="User-agent: *\nDisallow: /x")

    async def test_robots_txt_is_asked_once_an_origin_and_of_each(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, "https://a.test/", "http://a.test:81/", B])
        robots = await claim_all(frontier)
        assert sorted(urls(robots)) == [
            "http://a.test/robots.txt", "http://a.test:81/robots.txt", "http://b.test/robots.txt",
            "https://a.test/robots.txt",
        ]  # fmt: skip
        await settle(frontier, *(item(url, robots=ALLOW) for url in robots))
        assert len(await claim_all(frontier)) == 4

    async def test_without_anything_to_fetch_no_robots_txt_is_asked(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        await answer_robots(frontier)
        await finish_all(frontier)
        await bench.clock.advance(10 * 86_400)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is Readiness.EMPTY

    async def test_redirects_are_followed_before_the_origin_opens(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        [first] = await claim_all(frontier)
        moved = RobotsAnswer(next_url="https://a.test/robots.txt")
        await settle(frontier, item(first, robots=moved, status=301))
        [second] = await claim_all(frontier)
        assert (second.url, second.kind, second.redirects) == ("https://a.test/robots.txt", Kind.ROBOTS, 1)
        away = RobotsAnswer(next_url=B + "robots.txt")
        await settle(frontier, item(second, robots=away, status=301))
        reopened = await bench.open(robots=True)
        [third] = await claim_all(reopened)
        assert (third.url, third.redirects) == (B + "robots.txt", 2)
        await settle(reopened, item(third, robots=RobotsAnswer(text="rules")))
        page = await claim_one(reopened, A)
        assert reopened.robots_text(page) == RobotsAnswer(text="rules")
        assert [outcome.url for outcome in reopened.outcomes(0)] == [first.url, second.url, third.url]

    async def test_a_refusal_opens_the_origin_to_be_told_no_and_ends(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        refusal = RobotsAnswer(refusal="503", failure=FailureKind.ROBOTS, expires_in=3600)
        await answer_robots(frontier, refusal)
        page = await claim_one(frontier, A)
        known = frontier.robots_text(page)
        assert known is not None
        assert (known.text, known.refusal, known.failure) == (None, "503", FailureKind.ROBOTS)
        frontier.fetched(page)
        await frontier.release([page])
        await bench.clock.advance(3600)
        [robots] = await claim_all(frontier)
        assert (robots.kind, robots.attempt, robots.again) == (Kind.ROBOTS, 2, True)

    async def test_rules_expire(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        await answer_robots(frontier, RobotsAnswer(text="old", expires_in=100))
        page = await claim_one(frontier, A)
        await bench.clock.advance(100)
        await settle(frontier, item(page, links=[link(A + "x")]))
        again = await answer_robots(frontier, RobotsAnswer(text="new", expires_in=100))
        assert (again.url, again.attempt, again.again) == (A + "robots.txt", 2, True)
        page = await claim_one(frontier, A + "x")
        assert frontier.robots_text(page) == RobotsAnswer(text="new")
        assert (await frontier.counts()).seq == 2

    async def test_old_rules_stay_in_force_while_new_ones_are_looked_for(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, A + "x"])
        await answer_robots(frontier, RobotsAnswer(text="old", expires_in=100))
        page = (await frontier.claim(1))[0]
        await bench.clock.advance(100)
        await answer_robots(frontier, RobotsAnswer(next_url=B + "robots.txt"))
        assert frontier.robots_text(page) == RobotsAnswer(text="old")

    async def test_a_retry_waits_and_holds_the_origin(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        [robots] = await claim_all(frontier)
        assert await settle(frontier, item(robots, retry(30))) == [None]
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        await bench.clock.advance(29)
        assert await claim_all(frontier) == []
        reopened = await bench.open(robots=True)
        assert await claim_all(reopened) == []
        await bench.clock.advance(1)
        [again] = await claim_all(reopened)
        assert (again.url, again.kind, again.attempt, again.again) == (A + "robots.txt", Kind.ROBOTS, 2, False)
        await settle(reopened, item(again, robots=ALLOW))
        await claim_one(reopened, A)

    async def test_linked_as_a_page_it_is_not_fetched_twice(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A + "robots.txt", A])
        await answer_robots(frontier)
        claimed = await claim_all(frontier)
        assert urls(claimed) == [A]
        await settle(frontier, item(claimed[0], links=[link(A + "robots.txt"), link(A + "x")]))
        assert urls(await finish_all(frontier)) == [A + "x"]
        assert await idle(frontier) is Readiness.EMPTY
        assert sorted(outcome.url for outcome in frontier.outcomes(0)) == [A, A + "robots.txt", A + "x"]
        counts = await frontier.counts()
        assert (counts.queued, counts.waiting) == (0, 0)

    async def test_asked_for_by_two_origins_at_once_each_request_has_a_number_of_its_own(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, B])
        first = next(url for url in await claim_all(frontier) if url.url.startswith(A))
        await settle(frontier, item(first, robots=RobotsAnswer(next_url=B + "robots.txt")))
        [elsewhere] = await claim_all(frontier)
        assert (elsewhere.url, elsewhere.attempt) == (B + "robots.txt", 2)
        [outcome] = await settle(frontier, item(elsewhere, robots=ALLOW))
        assert outcome is not None
        assert outcome.attempt == 2

    async def test_a_visit_that_ends_without_an_answer_refuses_instead_of_asking_for_ever(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        [robots] = await claim_all(frontier)
        broken = item(robots, Finished(OutcomeKind.FAILED, "internal error"), failure=FailureKind.INTERNAL, kept=False)
        await settle(frontier, broken)
        page = await claim_one(frontier, A)
        known = frontier.robots_text(page)
        assert known is not None
        assert known.refusal == "internal error"

    async def test_crawl_delay_holds_for_the_whole_host_and_after_a_crash(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, "https://a.test/", A + "x"])
        robots = await claim_all(frontier)
        answers = {"http://a.test/robots.txt": RobotsAnswer(text="slow", crawl_delay=10)}
        await settle(frontier, *(item(url, robots=answers.get(url.url, ALLOW)) for url in robots))
        for reopen in (False, True):
            if reopen:
                frontier = await bench.open(robots=True)
            assert len(await claim_all(frontier)) == 1
            assert await claim_all(frontier) == []
            await bench.clock.advance(10)

    async def test_the_newest_crawl_delay_counts(self, bench: Bench) -> None:
        """It may be shorter than the one before, too."""
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([f"{A}{number}" for number in range(9)])
        await answer_robots(frontier, RobotsAnswer(text="slow", crawl_delay=50, expires_in=60))
        gaps = []
        for _ in range(6):
            began = bench.clock.now
            while not (claimed := await frontier.claim(1)):
                await bench.clock.advance(1)
            gaps.append((claimed[0].kind is Kind.ROBOTS, bench.clock.now - began))
            robots = RobotsAnswer(text="quick", crawl_delay=5) if claimed[0].kind is Kind.ROBOTS else None
            disposition = Settled() if claimed[0].again else ARCHIVED
            await settle(frontier, item(claimed[0], disposition, robots=robots))
        assert gaps == [(False, 0), (False, 50), (True, 50), (False, 50), (False, 5), (False, 5)]

    @pytest.mark.parametrize("robots", [True, False])
    async def test_a_long_robots_txt_is_there_for_each_url_claimed(self, bench: Bench, robots: bool) -> None:
        text = "User-agent: *\n" + "Disallow: /x\n" * 10_000
        frontier = await bench.open(robots=robots, per_host=2)
        await frontier.add_seeds([f"{A}{number}" for number in range(200)])
        if robots:
            await answer_robots(frontier, RobotsAnswer(text=text))
        done = 0
        while claimed := await claim_all(frontier):
            answers = [frontier.robots_text(url) for url in claimed]
            assert {None if answer is None else answer.text for answer in answers} == {text if robots else None}
            await settle(frontier, *(item(url) for url in claimed))
            done += len(claimed)
            if done == 100:
                frontier = await bench.open(robots=robots, per_host=2)
        assert done == 200

    async def test_released_before_it_was_asked_it_is_asked_again(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        [robots] = await claim_all(frontier)
        frontier.fetched(robots)
        await frontier.release([robots])
        assert await claim_all(frontier) == [robots]


class Waiting:
    async def test_a_retry_is_not_given_before_its_time(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        assert await settle(frontier, item(url, retry(60))) == [None]
        assert await frontier.counts() == Counts(queued=1, waiting=1, bytes=10)
        await bench.clock.advance(59.9)
        assert await claim_all(frontier) == []
        reopened = await bench.open()
        assert await claim_all(reopened) == []
        await bench.clock.advance(0.1)
        again = await claim_one(reopened, A)
        assert again.attempt == 2
        [outcome] = await settle(reopened, item(again))
        assert outcome is not None
        assert (outcome.attempt, outcome.seq) == (2, 1)
        assert await reopened.counts() == Counts(archived=1, pages=1, bytes=20, seq=1)

    async def test_others_of_the_host_go_on_meanwhile_and_the_due_one_comes_first(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=1)
        await frontier.add_seeds([A, A + "x", A + "y", A + "z"])
        await settle(frontier, item(await claim_one(frontier, A), retry(10)))
        await settle(frontier, item(await claim_one(frontier, A + "x")))
        await bench.clock.advance(10)
        assert urls(await finish_all(frontier)) in ([A + "y", A, A + "z"], [A, A + "y", A + "z"])

    async def test_many_waiting_rows_do_not_hide_one_that_is_due(self, bench: Bench) -> None:
        frontier = await bench.open()
        names = [f"{A}{n}" for n in range(300)]
        await frontier.add_seeds(names)
        claimed = await claim_all(frontier)
        await settle(frontier, *(item(url, retry(1000 + n)) for n, url in enumerate(claimed)))
        for n, url in enumerate(claimed):
            await bench.clock.advance(1000 if n == 0 else 1)
            await settle(frontier, item(await claim_one(frontier, url.url)))
        assert await idle(frontier) is Readiness.EMPTY

    async def test_wait_ends_when_the_time_has_come(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), retry(60)))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        waiting = asyncio.ensure_future(frontier.wait())
        await bench.clock.advance(59)
        assert not waiting.done()
        await bench.clock.advance(1)
        assert await waiting is Readiness.WAIT
        await claim_one(frontier, A)

    async def test_wait_is_empty_only_when_nothing_is_queued_and_nothing_in_flight(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        assert await wait_now(frontier) is Readiness.WAIT
        url = await claim_one(frontier, A)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        frontier.fetched(url)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None, "its outlinks may come yet"
        await frontier.commit(Commit([item(url, links=[link(B)])]))
        assert await wait_now(frontier) is Readiness.WAIT
        await settle(frontier, item(await claim_one(frontier, B)))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is Readiness.EMPTY

    @pytest.mark.parametrize("restricted", [False, True])
    async def test_the_end_does_not_wait_for_a_delay(self, bench: Bench, restricted: bool) -> None:
        frontier = await bench.open(delay=1000.0)
        await frontier.add_seeds([A, B])
        a = next(url for url in await claim_all(frontier) if url.url == A)
        if restricted:
            frontier.restrict(frozenset({REQUISITE}))
            await settle(frontier, item(a, links=[link(A + "page")]))
        else:
            await settle(frontier, item(a))
        assert await idle(frontier) is None, "the other one is in flight"
        reopened = await bench.open(delay=1000.0)
        reopened.restrict(frozenset({REQUISITE}) if restricted else None)
        await finish_all(reopened)
        assert await idle(reopened) is Readiness.EMPTY

    @pytest.mark.parametrize("what", ["fetched", "commit", "release", "wake", "add_seeds", "restrict"])
    async def test_whatever_may_change_the_answer_ends_the_wait(self, bench: Bench, what: str) -> None:
        frontier = await bench.open(per_host=1)
        await frontier.add_seeds([A, A + "x"])
        url = await claim_one(frontier, A)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        waiting = asyncio.ensure_future(frontier.wait())
        await turns()
        assert not waiting.done()
        match what:
            case "fetched":
                frontier.fetched(url)
            case "commit":
                await frontier.commit(Commit([item(url)]))
            case "release":
                await frontier.release([url])
            case "wake":
                frontier.wake()
            case "add_seeds":
                await frontier.add_seeds([B])
            case "restrict":
                frontier.restrict(frozenset({REQUISITE}))
        await turns()
        assert waiting.done()

    async def test_a_wake_between_an_empty_claim_and_the_wait_is_not_lost(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=1)
        await frontier.add_seeds([A, A + "x"])
        await claim_one(frontier, A)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        frontier.wake()
        assert await wait_now(frontier) is Readiness.WAIT
        assert await wait_now(frontier) is None

    async def test_wait_never_spins(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=1, delay=1.0)
        await frontier.add_seeds([f"http://h{n}.test/{k}" for n in range(5) for k in range(4)])
        waits = done = 0
        while True:
            claimed = await claim_all(frontier)
            for url in claimed:
                await settle(frontier, item(url))
            done += len(claimed)
            waiting = asyncio.ensure_future(frontier.wait())
            await turns()
            while not waiting.done():
                await bench.clock.advance(0.25)
            waits += 1
            if await waiting is Readiness.EMPTY:
                break
        assert done == 20
        assert waits <= 4 * 5 + 5

    async def test_a_cancelled_wait_changes_nothing(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), retry(60)))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        assert await wait_now(frontier) is None
        await bench.clock.advance(60)
        await claim_one(frontier, A)


class Politeness:
    async def test_slots_of_a_host(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=2)
        await frontier.add_seeds([f"{A}{n}" for n in range(5)] + [B])
        claimed = await claim_all(frontier)
        assert sorted(urls(claimed)) == [A + "0", A + "1", B]
        frontier.fetched(next(url for url in claimed if url.url == A + "0"))
        assert urls(await claim_all(frontier)) == [A + "2"]
        assert await claim_all(frontier) == []

    async def test_http_and_https_and_all_ports_of_a_host_share_its_pace(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=1, delay=10.0)
        origins = ["http://a.test/", "https://a.test/", "http://a.test:8080/"]
        await frontier.add_seeds(origins)
        seen = []
        for _ in origins:
            [url] = await claim_all(frontier)
            seen.append(url.url)
            assert await claim_all(frontier) == []
            await settle(frontier, item(url))
            assert await claim_all(frontier) == []
            await bench.clock.advance(10)
        assert sorted(seen) == sorted(origins)

    async def test_the_delay_counts_from_start_to_start(self, bench: Bench) -> None:
        frontier = await bench.open(delay=3.0)
        await frontier.add_seeds([A, A + "x", A + "y"])
        await claim_one(frontier, A)
        await bench.clock.advance(2.9)
        assert await claim_all(frontier) == []
        await bench.clock.advance(0.1)
        await claim_one(frontier, A + "x")
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None

    async def test_links_judged_again_cost_the_host_nothing(self, bench: Bench) -> None:
        frontier = await bench.open(delay=3.0, depth_matters=True)
        await frontier.add_seeds([A, B])
        a, b = await claim_all(frontier)
        await settle(frontier, item(a, links=[link(A + "x", depth=9), link(A + "y", depth=10)]))
        await bench.clock.advance(3)
        await settle(frontier, item(await claim_one(frontier, A + "x")))
        await bench.clock.advance(3)
        await settle(frontier, item(b, links=[link(A + "x", depth=2)]))
        claimed = await claim_all(frontier)
        assert {(url.url, url.rejudge) for url in claimed} == {(A + "x", True), (A + "y", False)}

    async def test_a_url_that_a_rule_excludes_costs_the_host_nothing(self, bench: Bench) -> None:
        frontier = await bench.open(delay=3.0)
        await frontier.add_seeds([A, A + "x", A + "y"])
        excluded = Finished(OutcomeKind.EXCLUDED, "robots.txt")
        for name in ("", "x"):
            url = await claim_one(frontier, A + name)
            assert await claim_all(frontier) == []
            await settle(frontier, item(url, excluded, kept=False, host=HostReport(asked=False)))
        await settle(frontier, item(await claim_one(frontier, A + "y")))
        await frontier.add_seeds([A + "z"])
        assert await claim_all(frontier) == [], "a page that was fetched does cost it a delay"

    async def test_automatic_delay_follows_the_answers(self, bench: Bench) -> None:
        frontier = await bench.open(delay=None, per_host=1)
        await frontier.add_seeds([A, A + "x", A + "y"])
        await settle(frontier, item(await claim_one(frontier, A), host=HostReport(answer_ms=400)))
        await settle(frontier, item(await claim_one(frontier, A + "x"), host=HostReport(answer_ms=400)))
        assert await claim_all(frontier) == []
        await bench.clock.advance(2.0)
        await claim_one(frontier, A + "y")

    async def test_pushback_holds_the_host_at_once_and_backs_off(self, bench: Bench) -> None:
        frontier = await bench.open(delay=0.0)
        await frontier.add_seeds([A, A + "x", A + "y", B])
        a = next(url for url in await frontier.claim(2) if url.url == A)
        frontier.fetched(a, HostReport(pushback=True))
        assert all(url.url == B for url in await claim_all(frontier))
        await frontier.commit(Commit([item(a, host=HostReport(pushback=True))]))
        assert await claim_all(frontier) == []
        await bench.clock.advance(1)
        await claim_one(frontier, A + "x")
        assert await claim_all(frontier) == [], "the backoff stands between any two requests"

    async def test_retry_after_holds_the_host_also_after_a_crash(self, bench: Bench) -> None:
        frontier = await bench.open(delay=0.0)
        await frontier.add_seeds([A, A + "x"])
        [a, _] = claimed = await frontier.claim(2)
        report = HostReport(pushback=True, retry_after=120)
        await settle(frontier, item(a, retry(1), host=report), item(claimed[1], retry(1)))
        assert await claim_all(frontier) == []
        frontier = await bench.open(delay=0.0)
        assert await claim_all(frontier) == []
        await bench.clock.advance(119)
        assert await claim_all(frontier) == []
        await bench.clock.advance(1)
        assert len(await claim_all(frontier)) == 1

    async def test_hosts_take_turns(self, bench: Bench) -> None:
        frontier = await bench.open()
        hosts = [f"http://h{n}.test/" for n in range(4)]
        await frontier.add_seeds([f"{host}{k}" for host in hosts for k in range(25)])
        order = [url.url.partition(".")[0] for url in await claim_all(frontier)]
        for start in range(0, 100, 4):
            assert len(set(order[start : start + 4])) == 4

    async def test_a_failed_commit_teaches_the_hosts_nothing(self, bench: Bench) -> None:
        frontier = await bench.open(delay=0.0, per_host=1)
        await frontier.add_seeds([A, A + "x", A + "y"])
        url = await claim_one(frontier, A)
        pushback = item(url, host=HostReport(pushback=True))
        frontier.fetched(url)
        for _ in range(5):
            with pytest.raises(Exception):  # noqa: B017, PT011
                await frontier.commit(Commit([pushback, item(replace(url, key=(99, 99)))]))
        await frontier.commit(Commit([pushback]))
        await bench.clock.advance(1.0)
        await claim_one(frontier, A + "x")


class Restriction:
    async def test_only_the_wanted_kinds_are_given(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        links = [link(A + "p"), link(A + "i", REQUISITE), link(A + "g", GUESS), link(B + "p"), link(B + "i", REQUISITE)]
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        for kind, expected in ((REQUISITE, [A + "i", B + "i"]), (GUESS, [A + "g"])):
            frontier.restrict(frozenset({kind}))
            claimed = await claim_all(frontier)
            assert sorted(urls(claimed)) == expected
            assert await idle(frontier) is None
            await settle(frontier, *(item(url) for url in claimed))
            assert await claim_all(frontier) == []
            assert await idle(frontier) is Readiness.EMPTY
        frontier.restrict(frozenset({Kind.NAVIGATION}))
        assert sorted(urls(await claim_all(frontier))) == [A + "p", B + "p"]

    async def test_two_kinds_and_none(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        links = [link(A + "p"), link(A + "i", REQUISITE), link(A + "g", GUESS)]
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        frontier.restrict(frozenset())
        assert await claim_all(frontier) == []
        assert await idle(frontier) is Readiness.EMPTY
        frontier.restrict(frozenset({REQUISITE, GUESS}))
        assert urls(await claim_all(frontier)) == [A + "i", A + "g"]
        frontier.restrict(None)
        assert urls(await claim_all(frontier)) == [A + "p"]

    async def test_the_requisites_of_a_restricted_crawl_come_after_robots_txt(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        await answer_robots(frontier)
        await settle(frontier, item(await claim_one(frontier, A), links=[link(B + "i", REQUISITE), link(B + "p")]))
        frontier.restrict(frozenset({REQUISITE}))
        assert (await answer_robots(frontier)).url == B + "robots.txt"
        assert urls(await finish_all(frontier)) == [B + "i"]
        assert await idle(frontier) is Readiness.EMPTY

    async def test_a_waiting_requisite_is_waited_for_and_a_waiting_page_is_not(self, bench: Bench) -> None:
        frontier = await bench.open()
        pages = [f"{A}{n}" for n in range(200)]
        await frontier.add_seeds([*pages, B])
        claimed = await claim_all(frontier)
        b = next(url for url in claimed if url.url == B)
        await settle(frontier, *(item(url, retry(30)) for url in claimed if url is not b))
        await settle(frontier, item(b, links=[link(A + "i", REQUISITE)]))
        await settle(frontier, item(await claim_one(frontier, A + "i"), retry(60)))
        frontier.restrict(frozenset({REQUISITE}))
        await bench.clock.advance(30)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        await bench.clock.advance(30)
        await settle(frontier, item(await claim_one(frontier, A + "i")))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is Readiness.EMPTY
        frontier.restrict(None)
        assert len(await claim_all(frontier)) == 200

    async def test_what_comes_while_restricted_is_given(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        frontier.restrict(frozenset({REQUISITE}))
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        await settle(frontier, item(url, links=[link(B + "i", REQUISITE), link(B + "p")]))
        assert urls(await finish_all(frontier)) == [B + "i"]


class GivingBack:
    async def test_a_released_url_is_given_again_as_it_was(self, bench: Bench) -> None:
        frontier = await bench.open(per_host=1)
        await frontier.add_seeds([A, A + "x"])
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        await frontier.release([url])
        assert await frontier.claim(1) == [url]
        assert (await frontier.counts()).queued == 2

    async def test_several_of_several_hosts(self, bench: Bench) -> None:
        frontier = await bench.open()
        names = [f"{host}{n}" for host in (A, B) for n in range(100)]
        await frontier.add_seeds(names)
        claimed = await claim_all(frontier)
        for url in claimed[::2]:
            frontier.fetched(url)
        await frontier.release(claimed[::2])
        again = await claim_all(frontier)
        assert sorted(urls(again)) == sorted(urls(claimed[::2]))

    async def test_a_waiting_row_that_is_released_need_not_wait_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), retry(60)))
        await bench.clock.advance(60)
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        await frontier.release([url])
        assert await claim_all(frontier) == [url]

    async def test_failures_are_offered_again_by_kind_with_a_new_attempt(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B, A + "ok"])
        claimed = {url.url: url for url in await claim_all(frontier)}
        await settle(
            frontier,
            item(claimed[A], FAILED, failure=FailureKind.DNS, kept=False),
            item(claimed[B], FAILED, failure=FailureKind.TIMEOUT),
            item(claimed[A + "ok"]),
        )
        assert await idle(frontier) is Readiness.EMPTY
        assert await frontier.requeue_failed(frozenset({FailureKind.TLS})) == 0
        assert await frontier.requeue_failed(frozenset({FailureKind.DNS})) == 1
        counts = await frontier.counts()
        assert (counts.queued, counts.failed, counts.archived, counts.seq) == (1, 1, 1, 3)
        again = await claim_one(frontier, A)
        assert (again.attempt, again.depth, again.via, again.seed) == (2, 0, None, 1)
        [outcome] = await settle(frontier, item(again))
        assert outcome is not None
        assert (outcome.seq, outcome.attempt, outcome.kind) == (4, 2, OutcomeKind.ARCHIVED)
        assert await frontier.requeue_failed() == 1
        await settle(frontier, item(await claim_one(frontier, B), FAILED, failure=FailureKind.TIMEOUT))
        assert await frontier.requeue_failed() == 1
        assert (await claim_one(frontier, B)).attempt == 3
        counts = await frontier.counts()
        assert (counts.queued, counts.failed, counts.archived, counts.seq) == (1, 0, 2, 5)

    async def test_a_refused_robots_txt_is_asked_for_again_with_the_failures(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        [robots] = await claim_all(frontier)
        refusal = RobotsAnswer(refusal="no such host", failure=FailureKind.DNS)
        await settle(frontier, item(robots, FAILED, robots=refusal, failure=FailureKind.DNS, kept=False))
        page = await claim_one(frontier, A)
        await settle(frontier, item(page, FAILED, failure=FailureKind.DNS, kept=False))
        assert await frontier.requeue_failed() == 2
        assert (await frontier.counts()).failed == 0
        again = await answer_robots(frontier)
        assert (again.url, again.attempt) == (A + "robots.txt", 2)
        await settle(frontier, item(await claim_one(frontier, A)))
        counts = await frontier.counts()
        assert (counts.failed, counts.archived, counts.seq) == (0, 2, 4)
        assert await idle(frontier) is Readiness.EMPTY

    async def test_missing_requisites_are_queued_and_those_that_failed_are_offered_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, A + "bad"])
        page, bad = await claim_all(frontier)
        image = link(A + "failed.png", kind=Kind.REQUISITE, depth=0)
        outcomes = await settle(frontier, item(page, links=[image]), item(bad, FAILED, failure=FailureKind.DNS))
        assert outcomes[0] is not None
        failed = await claim_one(frontier, A + "failed.png")
        await settle(frontier, item(failed, FAILED, failure=FailureKind.TIMEOUT))
        new = link(A + "new.png", kind=Kind.REQUISITE, depth=0)
        needs = [Needed(each, outcomes[0].seq) for each in (image, new)]
        assert await frontier.queue_missing(needs) == 2
        assert await frontier.queue_missing(needs) == 0
        first, second = await claim_all(frontier)
        assert [(url.url, url.kind, url.via, url.attempt) for url in (first, second)] == [
            (A + "failed.png", Kind.REQUISITE, A, 2),
            (A + "new.png", Kind.REQUISITE, A, 1),
        ]
        await settle(frontier, item(first), item(second))
        counts = await frontier.counts()
        assert (counts.queued, counts.failed, counts.archived) == (0, 1, 3)

    async def test_fetched_once_more_beyond_the_outcome_and_only_once(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, A + "login"])
        first, login = await claim_all(frontier)
        await settle(frontier, item(first, retry(1)))
        await bench.clock.advance(1)
        await settle(frontier, item(await claim_one(frontier, A)))
        await settle(frontier, item(login, links=[link(A, again=True), link(A, again=True)]))
        again = await claim_one(frontier, A)
        assert (again.again, again.attempt, again.via) == (True, 3, A + "login")
        deeper = link(A + "inside", depth=1)
        twice = link(A, again=True)
        assert await settle(frontier, item(again, Settled(), [deeper, twice])) == [None]
        inside = await claim_one(frontier, A + "inside")
        assert inside.via == A
        await settle(frontier, item(inside, links=[link(A, again=True)]))
        assert await idle(frontier) is Readiness.EMPTY
        assert (await frontier.counts()).seq == 3

    async def test_once_more_of_what_was_never_seen_is_its_first_fetch(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "new", again=True)]))
        url = await claim_one(frontier, A + "new")
        assert (url.again, url.attempt) == (False, 1)
        [outcome] = await settle(frontier, item(url))
        assert outcome is not None


class Durability:
    async def test_a_crash_offers_what_was_in_flight_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B, A + "x"])
        claimed = await claim_all(frontier)
        await settle(frontier, item(claimed[0], links=[link(A + "y")]))
        frontier.fetched(claimed[1])
        before = await frontier.counts()
        reopened = await bench.open()
        assert await reopened.counts() == before
        assert sorted(urls(await claim_all(reopened))) == sorted([claimed[1].url, claimed[2].url, A + "y"])
        assert [outcome.seq for outcome in reopened.outcomes(0)] == [1]

    async def test_sequence_numbers_have_no_gaps_and_follow_the_batch(self, bench: Bench) -> None:
        frontier = await bench.open()
        names = [f"{A}{n}" for n in range(30)]
        await frontier.add_seeds(names)
        claimed = {url.url: url for url in await claim_all(frontier)}
        order = names[::-1]
        for start in range(0, 30, 10):
            batch = [claimed[name] for name in order[start : start + 10]]
            items = [item(url, retry(5) if n % 5 == 4 else ARCHIVED) for n, url in enumerate(batch)]
            outcomes = await settle(frontier, *items)
            assert [None if o is None else o.url for o in outcomes] == [
                None if isinstance(i.disposition, RetryAt) else i.url.url for i in items
            ]
            if start == 10:
                frontier = await bench.open()
                claimed = {url.url: url for url in await claim_all(frontier)}
        told = list(frontier.outcomes(0))
        assert [outcome.seq for outcome in told] == list(range(1, 25))
        assert [outcome.url for outcome in told] == [name for n, name in enumerate(order) if n % 5 != 4]
        assert [outcome.seq for outcome in frontier.outcomes(20)] == [21, 22, 23, 24]

    async def test_an_outcome_is_told_as_it_is_stored(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        told = list(await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "é"), link(A + "x")])))
        e, x = await claim_all(frontier)
        failed = item(e, FAILED, failure=FailureKind.TLS, status=None, media_type=None)
        told += await settle(frontier, failed, item(x, Finished(OutcomeKind.EXCLUDED, "robots.txt"), kept=False))
        assert list(frontier.outcomes(0)) == told
        first, second, third = told
        assert first is not None
        assert second is not None
        assert third is not None
        assert (first.time, first.title, first.media_type, first.status, first.bytes, first.ms) == (
            NOON, "A title", "text/html", 200, 10, 5,
        )  # fmt: skip
        assert first.seed
        assert first.receipt is not None
        assert (first.receipt.seq, first.receipt.segment) == (1, "s-1.warc.gz")
        assert (second.kind, second.failure, second.reason, second.via) == (
            OutcomeKind.FAILED, FailureKind.TLS, "refused", A,
        )  # fmt: skip
        assert not second.seed
        assert third.receipt is None

    async def test_a_bad_item_in_the_middle_undoes_all_and_the_commit_can_be_made_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        first, second = await claim_all(frontier)
        good = [item(first, links=[link("http://new.test/"), link(A + "x")]), item(second, links=[link(B + "y")])]
        before = await frontier.counts()
        bad_ones = [
            item(replace(second, key=(99, 99))),
            item(second, Settled()),
            item(second, links=[link("not a url")]),
            replace(item(second), title=object()),
        ]
        for bad in bad_ones:
            with pytest.raises(Exception):  # noqa: B017, PT011 - each store has its own words
                await frontier.commit(Commit([good[0], bad]))
            assert await frontier.counts() == before
            assert list(frontier.outcomes(0)) == []
        outcomes = await settle(frontier, *good)
        assert [outcome.seq for outcome in outcomes if outcome is not None] == [1, 2]
        assert sorted(urls(await claim_all(frontier))) == sorted(["http://new.test/", A + "x", B + "y"])
        reopened = await bench.open()
        assert sorted(urls(await claim_all(reopened))) == sorted(["http://new.test/", A + "x", B + "y"])

    async def test_a_cancelled_commit_is_whole_or_nothing_in_memory_too(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        task = asyncio.ensure_future(frontier.commit(Commit([item(url, links=[link(A + "x")])])))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if (await frontier.counts()).seq == 0:
            await frontier.commit(Commit([item(url, links=[link(A + "x")])]))
        assert (await frontier.counts()).seq == 1
        await settle(frontier, item(await claim_one(frontier, A + "x")))
        assert await idle(frontier) is Readiness.EMPTY

    async def test_a_cancelled_claim_leaves_nothing_claimed(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        names = [f"http://h{n}.test/" for n in range(6)]
        await frontier.add_seeds(names)
        for steps in range(60):
            task = asyncio.ensure_future(frontier.claim(4))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            try:
                claimed = await task
            except asyncio.CancelledError:
                continue
            for url in claimed:
                frontier.fetched(url)
            await frontier.release(claimed)
        assert sorted(urls(await claim_all(frontier))) == [name + "robots.txt" for name in names]

    async def test_a_join_is_part_of_the_seed_from_then_on(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        await settle(frontier, item(url, links=[link("http://www.a.test/", depth=0)], joins="http://www.a.test/"))
        for each in (frontier, await bench.open()):
            assert await each.seeds() == {1: [A, "http://www.a.test/"]}

    async def test_segments_are_kept_in_order_and_by_number(self, bench: Bench) -> None:
        frontier = await bench.open()
        first = SegmentState("s-1.warc.gz", 1, "open", 100, 1, first_seq=1)
        await frontier.save_segment(first)
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        longer = replace(first, length=300, records=4)
        frontier.fetched(url)
        await frontier.commit(Commit([item(url)], longer))
        assert await frontier.segments() == [longer]
        sealed = replace(longer, state="sealed", sha256="ab", last_seq=1)
        await frontier.save_segment(sealed)
        second = SegmentState("s-2.warc.gz", 2, "open", 50, 1, previous_sha256="ab")
        await frontier.save_segment(second)
        for each in (frontier, await bench.open()):
            assert await each.segments() == [sealed, second]

    async def test_a_failed_commit_does_not_lengthen_the_segment(self, bench: Bench) -> None:
        frontier = await bench.open()
        first = SegmentState("s-1.warc.gz", 1, "open", 100, 1)
        await frontier.save_segment(first)
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        with pytest.raises(Exception):  # noqa: B017, PT011
            await frontier.commit(Commit([item(url), item(replace(url, key=(9, 9)))], replace(first, length=300)))
        assert await frontier.segments() == [first]

    async def test_pages_are_whole_navigations_that_lead_nowhere_else(self, bench: Bench) -> None:
        frontier = await bench.open()
        names = [A + name for name in ("page", "moved", "gone", "unchanged", "failed", "revisited")]
        await frontier.add_seeds([*names])
        claimed = {url.url.removeprefix(A): url for url in await claim_all(frontier)}
        await settle(
            frontier,
            item(claimed["page"], links=[link(A + "image", REQUISITE)]),
            item(claimed["moved"], status=301),
            item(claimed["gone"], status=404),
            item(claimed["unchanged"], status=304),
            item(claimed["failed"], FAILED, status=None),
            item(claimed["revisited"], Finished(OutcomeKind.REVISITED)),
        )
        await finish_all(frontier)
        counts = await frontier.counts()
        assert (counts.pages, counts.archived, counts.failed, counts.revisited) == (4, 5, 1, 1)
        assert (counts.bytes, counts.seq, counts.done) == (70, 7, 7)

    async def test_time_is_the_clocks(self, bench: Bench) -> None:
        assert bench.clock.time() == START


class Payloads:
    """Which records revisits may refer to."""

    async def test_a_committed_original_is_found_by_its_digest_also_after_a_crash(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        one, other = await claim_all(frontier)
        first = replace(stored(one), digest="sha256:aa")
        await settle(frontier, replace(item(one, original=True), stored=first), item(other, original=True))
        expected = Original(one.url, NOON, first.record_id, "sha256:aa")
        assert await frontier.originals(["sha256:bb", "sha256:aa"]) == {"sha256:aa": expected}
        found = await (await bench.open()).originals(["sha256:aa", str(stored(other).digest)])
        assert found["sha256:aa"] == expected
        assert sorted(each.url for each in found.values()) == sorted([one.url, other.url])
        assert await frontier.originals(["sha256:cc"]) == {}

    async def test_the_first_record_with_a_payload_stays_the_one_that_is_referred_to(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        for url in await claim_all(frontier):
            place = replace(stored(url), digest="sha256:aa")
            await settle(frontier, replace(item(url, original=True), stored=place))
        assert (await frontier.originals(["sha256:aa"]))["sha256:aa"].url == A

    async def test_what_is_no_original_is_never_referred_to(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B, "http://c.test/"])
        first, second, third = await claim_all(frontier)
        places = [str(stored(url).digest) for url in (first, second, third)]
        await settle(frontier, item(first), item(second, retry(1.0), original=True))
        await settle(frontier, item(third, Finished(OutcomeKind.REVISITED)))
        assert await frontier.originals(places) == {}

    async def test_a_commit_that_failed_leaves_no_digest(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        good, bad = await claim_all(frontier)
        digest = str(stored(good).digest)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the store says of nonsense
            await frontier.commit(Commit([item(good, original=True), replace(item(bad), title=object())]))
        assert await frontier.originals([digest]) == {}
        await frontier.commit(Commit([item(good, original=True), item(bad)]))
        assert list(await frontier.originals([digest])) == [digest]


class Rounds:
    """A round begins anew with the seeds and knows what the rounds before it captured."""

    async def first_round(self, bench: Bench, *links: Outlink) -> Frontier:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        await finish_all(frontier)
        return frontier

    async def test_all_is_queued_again_and_only_once_a_round(self, bench: Bench) -> None:
        frontier = await self.first_round(bench, link(A + "x"))
        assert await frontier.begin_round([A, B]) == [1, 2]
        assert frontier.round == 2
        await frontier.add_seeds([A, B])
        one, other = await claim_all(frontier)
        assert sorted(urls([one, other])) == [A, B]
        assert [(url.round, url.attempt, url.again) for url in (one, other)] == [(2, 1, False)] * 2
        await settle(frontier, item(one, links=[link(A + "x"), link(B)]), item(other, links=[link(A), link(A + "x")]))
        assert urls(await claim_all(frontier)) == [A + "x"]

    async def test_figures_begin_anew_and_sequence_numbers_go_on(self, bench: Bench) -> None:
        frontier = await self.first_round(bench, link(A + "x"), link(A + "y"))
        await frontier.begin_round([A])
        assert await frontier.counts() == Counts(queued=1, seq=3)
        [outcome] = await settle(frontier, item(await claim_one(frontier, A)))
        assert outcome is not None
        assert (outcome.seq, outcome.round) == (4, 2)
        assert [each.round for each in frontier.outcomes(0)] == [1, 1, 1, 2]
        counts = await frontier.counts()
        assert (counts.archived, counts.pages, counts.bytes, counts.seq) == (1, 1, 10, 4)

    async def test_a_round_that_is_not_finished_goes_on(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B])
        await settle(frontier, item(await claim_one(frontier, A)))
        with pytest.raises(ValueError, match="round 1 is not finished"):
            await frontier.begin_round([A])
        assert frontier.round == 1
        assert urls(await claim_all(frontier)) == [B]

    async def test_a_crash_within_a_round_offers_that_rounds_queue(self, bench: Bench) -> None:
        frontier = await self.first_round(bench, link(A + "x"))
        await frontier.begin_round([A])
        await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "x"), link(A + "y")]))
        reopened = await bench.open()
        assert reopened.round == 2
        assert urls(await claim_all(reopened)) == [A + "x", A + "y"]

    async def test_the_capture_before_is_known_through_failures_and_rounds_without_change(self, bench: Bench) -> None:
        frontier = await self.first_round(bench)
        for disposition, status in [(FAILED, None), (Finished(OutcomeKind.REVISITED), 304), (ARCHIVED, 200)]:
            await frontier.begin_round([A])
            url = await claim_one(frontier, A)
            previous = await frontier.previous(url)
            assert previous is not None
            first = stored(replace(url, round=1))
            assert (previous.seq, previous.time, previous.status, previous.title) == (1, NOON, 200, "A title")
            assert (previous.segment, previous.offset, previous.digest) == (first.segment, first.offset, first.digest)
            assert previous.metadata_offset == first.metadata_offset
            await settle(frontier, item(url, disposition, status=status, kept=status is not None))
        await frontier.begin_round([A])
        previous = await frontier.previous(await claim_one(frontier, A))
        assert previous is not None
        assert previous.seq == 4

    async def test_what_was_never_captured_has_nothing_before(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), FAILED, kept=False, status=None))
        await frontier.begin_round([A, B])
        assert [await frontier.previous(url) for url in await claim_all(frontier)] == [None, None]

    async def test_a_url_that_was_left_out_of_a_round_is_known_in_the_next(self, bench: Bench) -> None:
        frontier = await self.first_round(bench, link(A + "x"))
        await frontier.begin_round([A])
        await finish_all(frontier)
        assert await frontier.gone() == 1
        await frontier.begin_round([A, A + "x"])
        assert [await frontier.previous(url) is not None for url in await claim_all(frontier)] == [True, True]

    async def test_who_did_not_answer_is_asked_anew(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        await answer_robots(frontier, RobotsAnswer(refusal="no answer", expires_in=3600))
        await settle(frontier, item(await claim_one(frontier, A), FAILED, kept=False, status=None))
        await frontier.begin_round([A])
        await answer_robots(frontier)
        assert urls(await claim_all(frontier)) == [A]

    async def test_captures_are_compared_with_those_before(self, bench: Bench) -> None:
        names = ["same", "304", "other", "gone", "left", "back", "broken"]
        frontier = await self.first_round(bench, *(link(A + name) for name in names if name != "back"))
        await frontier.begin_round([A])
        links = [link(A + name) for name in [*names, "new"] if name != "left"]
        await settle(frontier, item(await claim_one(frontier, A), links=links))
        claimed = {url.url.removeprefix(A): url for url in await claim_all(frontier)}
        other = replace(stored(claimed["other"]), digest="sha256:ff")
        await settle(
            frontier,
            item(claimed["same"]),
            item(claimed["304"], Finished(OutcomeKind.REVISITED), status=304),
            replace(item(claimed["other"]), stored=other),
            item(claimed["gone"], status=404),
            item(claimed["new"]),
            item(claimed["back"]),
            item(claimed["broken"], FAILED, status=None),
        )
        counts = await frontier.counts()
        assert (counts.new, counts.changed, counts.unchanged) == (2, 1, 3)  # the seed is unchanged, too
        assert await frontier.gone() == 2
        assert await (await bench.open()).counts() == counts

    async def test_rules_hold_over_rounds_and_are_asked_for_again_when_they_expire(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A])
        await answer_robots(frontier, RobotsAnswer(text="", expires_in=100))
        await settle(frontier, item(await claim_one(frontier, A)))
        await frontier.begin_round([A])
        await settle(frontier, item(await claim_one(frontier, A)))
        await frontier.begin_round([A])
        bench.clock.now += 101
        robots = await answer_robots(frontier)
        assert (robots.round, robots.attempt) == (3, 1)
        assert urls(await claim_all(frontier)) == [A]


class Anything:
    @pytest.mark.parametrize("depth_matters", [False, True])
    @pytest.mark.parametrize("robots", [False, True])
    async def test_after_any_history_every_url_has_one_outcome(
        self, bench: Bench, rng: random.Random, rounds: Callable[[int], int], depth_matters: bool, robots: bool
    ) -> None:
        web = Web(rng, hosts=5, pages=60)
        model = FrontierModel(bench, rng, web, depth_matters=depth_matters, robots=robots)
        await model.begin()
        for _ in range(rounds(250)):
            await model.step()
        await model.finish()
        await model.check_end()


class FrontierConformance(
    Begun,
    Rules,
    Figures,
    Hosts,
    SharedAddress,
    Parking,
    Submitting,
    Queueing,
    Promotion,
    Robots,
    Waiting,
    Politeness,
    Restriction,
    GivingBack,
    Durability,
    Payloads,
    Rounds,
    Anything,
):
    """All of it. A subclass provides the fixture `bench`."""
