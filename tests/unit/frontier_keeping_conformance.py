"""What every frontier must keep beside its queue: figures, cookies, rules, how a crawl began, wishes for hosts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from crawler.frontier import (
    Commit,
    ExcludedURL,
    Finished,
    Frontier,
    HostReport,
    Readiness,
    RobotsAnswer,
    Settled,
    Tallies,
)
from crawler.model import FailureKind, Kind, OutcomeKind
from crawler.politeness import HostWish
from tests.support.frontiers import Bench, claim_all, claim_one, finish_all, idle, item, link, settle, stored, urls

A, B = "http://a.test/", "http://b.test/"
EXCLUDED = Finished(OutcomeKind.EXCLUDED, "exclude")


class Begun:
    """What a run finds of those before it."""

    async def test_what_a_crawl_began_with_is_settled_once(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.settle("digest", "sha1") == "sha1"
        assert await frontier.settle("digest", "sha256") == "sha1"
        assert await frontier.settle("other", "x") == "x"
        assert await (await bench.open()).settle("digest", "sha256") == "sha1"

    async def test_the_cookie_jar_is_kept_with_the_commit_that_changed_it(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.cookies() is None
        await frontier.add_seeds([A, B])
        first, second = await claim_all(frontier)
        frontier.fetched(first)
        await frontier.commit(Commit([item(first)], cookies=b"\x00jar"))
        frontier.fetched(second)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the store says of nonsense
            await frontier.commit(Commit([item(second, Settled())], cookies=b"another"))
        assert await frontier.cookies() == b"\x00jar"
        await frontier.commit(Commit([item(second)]))
        assert await (await bench.open()).cookies() == b"\x00jar"

    async def test_what_is_added_is_queued_as_it_says_and_counted_where_it_is_news(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        sitemap = link(A + "sitemap.xml", Kind.SITEMAP, 0)
        assert await frontier.add([sitemap, link(A + "x", Kind.GUESS)]) == 2
        assert await frontier.add([sitemap, link(A + "x"), link(A)]) == 1
        found = {url.url: (url.kind, url.via, url.seed) for url in await claim_all(await bench.open())}
        assert found == {
            A: (Kind.NAVIGATION, None, 1),
            A + "sitemap.xml": (Kind.SITEMAP, None, 1),
            A + "x": (Kind.NAVIGATION, None, 1),
        }


class Rules:
    """Rules that take in more than before."""

    async def test_the_rules_in_force_are_kept(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert await frontier.rules() is None
        await frontier.keep_rules("one")
        await frontier.keep_rules("two")
        assert await (await bench.open()).rules() == "two"

    async def test_stored_pages_are_judged_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A, B, A + "failed"])
        claimed = {url.url: url for url in await claim_all(frontier)}
        image = item(claimed[B], media_type="image/png")
        failed = item(claimed[A + "failed"], Finished(OutcomeKind.FAILED, "no"), failure=FailureKind.DNS)
        await settle(frontier, item(claimed[A]), image, failed)
        assert await frontier.rejudge_settled("wide") == 1
        reopened = await bench.open()
        assert await reopened.rules() == "wide"
        again = await claim_one(reopened, A)
        assert (again.rejudge, again.seed, again.depth) == (True, 1, 0)
        assert await reopened.stored_outlinks(again) == ("s-1.warc.gz", stored(claimed[A]).metadata_offset)
        assert await settle(reopened, item(again, Settled(), [link(A + "new")], kept=False)) == [None]
        assert urls(await finish_all(reopened)) == [A + "new"]
        assert await idle(reopened) is Readiness.EMPTY

    async def test_excluded_urls_are_told_and_can_be_offered_again(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        outer = [link(A + "x", depth=3, offsite=1), link(A + "y", Kind.REQUISITE)]
        [page] = await settle(frontier, item(await claim_one(frontier, A), links=outer))
        assert page is not None
        for url in await claim_all(frontier):
            await settle(frontier, item(url, EXCLUDED, kept=False, host=HostReport(asked=False)))
        found: list[ExcludedURL] = []
        while piece := await frontier.excluded(found[-1].seq if found else 0):
            found += piece
        told = {each.url: (each.rule, each.kind, each.depth, each.offsite, each.seed) for each in found}
        assert told == {
            A + "x": ("exclude", Kind.NAVIGATION, 3, 1, 1),
            A + "y": ("exclude", Kind.REQUISITE, 1, 0, 1),
        }
        x = next(each for each in found if each.url == A + "x")
        await frontier.requeue_excluded([x.seq])
        reopened = await bench.open()
        assert [each.url for each in await reopened.excluded(0)] == [A + "y"]
        assert (await reopened.counts()).excluded == 1
        again = await claim_one(reopened, A + "x")
        assert (again.attempt, again.depth, again.offsite, again.via) == (2, 3, 1, A)
        [outcome] = await settle(reopened, item(again))
        assert outcome is not None
        assert (outcome.seq, outcome.kind) == (4, OutcomeKind.ARCHIVED)


class Figures:
    """What is told of a round."""

    async def figures(self, bench: Bench) -> Frontier:
        frontier = await bench.open(robots=True)
        assert await frontier.add_seeds([A, B, A + "moved"]) == [1, 2, 3]
        robots = await claim_all(frontier)
        await settle(
            frontier,
            *(item(url, robots=RobotsAnswer(text=""), status=404, media_type="text/plain") for url in robots),
        )
        claimed = {url.url: url for url in await claim_all(frontier)}
        await settle(
            frontier,
            item(claimed[A], links=[link(A + "i.png", Kind.REQUISITE), link(A + "missing")]),
            item(claimed[A + "moved"], status=301, media_type=None),
        )
        for url in await claim_all(frontier):
            image = url.url.endswith("png")
            found = item(url, media_type="image/png") if image else item(url, status=404)
            await settle(frontier, found)
        return frontier

    async def test_of_statuses_types_pages_and_seeds(self, bench: Bench) -> None:
        frontier = await self.figures(bench)
        for each in (frontier, await bench.open(robots=True)):
            # Both robots.txt, which are not there, are in the archive and counted, but are no broken links.
            types = {"text/html": 2, "image/png": 1, "text/plain": 2}
            assert await each.tallies() == Tallies({200: 2, 301: 1, 404: 3}, types, absent=2)
            assert await each.pages_by_host() == {"a.test": 2}
            assert sorted(outcome.url for outcome in await each.seed_outcomes([1, 2, 3])) == [A, A + "moved"]
            assert [outcome.url for outcome in await each.seed_outcomes([2])] == []
            assert each.current_counts == await each.counts()

    async def test_they_begin_anew_with_each_round(self, bench: Bench) -> None:
        frontier = await self.figures(bench)
        assert (await frontier.counts()).queued == 1
        reopened = await bench.open(robots=True)
        await settle(reopened, item(await claim_one(reopened, B)))
        await reopened.begin_round([A])
        assert await reopened.tallies() == Tallies({}, {}, 0)
        assert await reopened.pages_by_host() == {}
        assert list(await reopened.seed_outcomes([1])) == []

    async def test_outcomes_are_read_in_any_thread_and_after_the_end(self, bench: Bench) -> None:
        frontier = await self.figures(bench)
        told = list(frontier.outcomes(2))
        assert [outcome.seq for outcome in told] == [3, 4, 5, 6]
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: list(frontier.outcomes(2))).result() == told
        bench.opened.remove(frontier)
        await frontier.close()
        assert list(frontier.outcomes(2)) == told


class Hosts:
    """Single hosts, seen and steered while a crawl runs."""

    async def test_what_is_asked_of_them(self, bench: Bench) -> None:
        frontier = await bench.open(delay=4.0)
        await frontier.add_seeds([A, A + "x", B])
        a = next(url for url in await claim_all(frontier) if url.url == A)
        lines = {pace.name: (pace.active, pace.done, pace.delay, queued) for pace, queued in frontier.paces()}
        assert lines == {"a.test": (1, 0, 4.0, 2), "b.test": (1, 0, 4.0, 1)}
        await settle(frontier, item(a))
        lines = {pace.name: (pace.active, pace.done, pace.delay, queued) for pace, queued in frontier.paces()}
        assert lines == {"a.test": (0, 1, 4.0, 1), "b.test": (1, 0, 4.0, 1)}

    @pytest.mark.parametrize("known", [False, True])
    async def test_a_wish_holds_at_once_whether_the_host_was_met_or_not(self, bench: Bench, known: bool) -> None:
        frontier = await bench.open(per_host=1, delay=100.0)
        wish = HostWish(delay=2.0, has_delay=True, per_host=3)
        if not known:
            frontier.wish("a.test", wish)
        await frontier.add_seeds([A, A + "x", A + "y", B, B + "x"])
        assert sorted(urls(await claim_all(frontier))) == [A, B]
        if known:
            frontier.wish("a.test", wish)
        await bench.clock.advance(1.9)
        assert await claim_all(frontier) == []
        await bench.clock.advance(0.1)
        await claim_one(frontier, A + "x")
        assert await claim_all(frontier) == [], "the delay that was wished for stands between them, too"

    async def test_a_paused_host_gives_nothing_and_is_waited_for(self, bench: Bench) -> None:
        frontier = await bench.open()
        await frontier.add_seeds([A])
        wish = HostWish(paused=True)
        frontier.wish("a.test", wish)
        assert await claim_all(frontier) == []
        assert await idle(frontier) is None
        wish.paused = False
        frontier.wish("a.test", wish)
        await claim_one(frontier, A)
