"""Hosts on one IP address share its budget, parked hosts are probed: what every frontier must do of it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from crawler.frontier import CommitItem, Finished, Frontier, HostReport, Readiness, RetryAt, RobotsAnswer, Settled
from crawler.liveness import DEAD_SECONDS, FIRST_INTERVAL, PARK_AFTER
from crawler.model import CrawlURL, FailureKind, Kind, OutcomeKind
from crawler.seedoptions import HostLimits
from tests.support.frontiers import (
    ARCHIVED,
    Bench,
    answer_robots,
    claim_all,
    claim_one,
    idle,
    item,
    link,
    settle,
    urls,
    wait_now,
)

ONE, OTHER = "192.0.2.1", "192.0.2.2"


def at(address: str, ms: int | None = None) -> HostReport:
    return HostReport(ms, answered=True, address=address)


def seeds(*hosts: str, pages: int = 1) -> list[str]:
    return [f"http://{host}.test/{page}" for host in hosts for page in range(pages)]


def host(url: CrawlURL) -> str:
    return url.url.split("/")[2].partition(".")[0]


async def met(
    bench: Bench, *hosts: str, pages: int, delay: float = 0.0, per_host: int = 2, **options: object
) -> Frontier:
    """A frontier that has asked each of the hosts once, and knows where they are."""
    bench.extra.update(options)
    frontier = await bench.open(delay=delay, per_host=per_host)
    await frontier.add_seeds(seeds(*hosts, pages=pages + 1))
    first = await claim_first(frontier, len(hosts))
    await settle(frontier, *(item(url, host=at(ONE)) for url in first))
    return frontier


async def claim_first(frontier: Frontier, count: int) -> list[CrawlURL]:
    claimed = list(await frontier.claim(count))
    assert len({host(url) for url in claimed}) == len(claimed) == count
    return claimed


class SharedAddress:
    async def test_hosts_of_one_address_share_its_slots(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", "c", pages=4)
        running = await claim_all(frontier)
        assert len(running) == 2
        done = 3
        while running:
            await settle(frontier, item(running.pop(0), host=at(ONE)))
            done += 1
            running += await claim_all(frontier)
            assert len(running) == min(2, 15 - done)
        assert await idle(frontier) is Readiness.EMPTY

    async def test_they_take_turns_however_many_they_are(self, bench: Bench) -> None:
        frontier = await met(bench, *"abcdefgh", pages=3, per_host=1)
        order = []
        for _ in range(24):
            [url] = await claim_all(frontier)
            order.append(host(url))
            await settle(frontier, item(url, host=at(ONE), links=[link(f"http://a.test/new{len(order)}", depth=9)]))
        for turn in range(3):
            assert Counter(order[8 * turn : 8 * turn + 8]) == Counter("abcdefgh"), turn

    async def test_they_share_the_time_between_two_requests(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", "c", pages=2, delay=5.0)
        starts: list[float] = []
        while (said := await wait_now(frontier)) is not Readiness.EMPTY or len(starts) < 6:
            for url in await claim_all(frontier):
                starts.append(bench.clock.now)
                await settle(frontier, item(url, host=at(ONE)))
            await bench.clock.advance(0.5)
            assert said is not Readiness.EMPTY
        assert [later - earlier for earlier, later in pairwise(starts)] == [5.0] * 5

    async def test_a_hosts_own_wishes_are_not_its_neighbours(self, bench: Bench) -> None:
        """A Retry-After or a back-off of one site holds up no other on the machine."""
        frontier = await met(bench, "a", "b", pages=3)
        url = next(url for url in await claim_all(frontier) if host(url) == "a")
        pushed = HostReport(None, True, 600.0, answered=True, address=ONE)
        await settle(frontier, item(url, RetryAt(600.0, "status 503"), host=pushed))
        claimed = []
        while given := [*await claim_all(frontier)]:
            claimed += given
            await settle(frontier, *(item(url, host=at(ONE)) for url in given))
            if len(claimed) > 4:
                break
        assert {host(url) for url in claimed} == {"b"}

    async def test_other_addresses_are_not_held_up(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", pages=1)
        await frontier.add_seeds(seeds("x", "y"))
        assert Counter(map(host, await claim_all(frontier)))["x"] == 1

    @pytest.mark.parametrize("per_ip", [1, 3, 0])
    async def test_per_ip_sets_it_and_0_switches_it_off(self, bench: Bench, per_ip: int) -> None:
        frontier = await met(bench, *"abcd", pages=3, per_ip=per_ip)
        assert len(await claim_all(frontier)) == (per_ip or 8)

    async def test_by_default_a_host_with_more_slots_of_its_own_keeps_them(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", pages=9, per_host=1, hosts={"a.test": HostLimits(0.0, 5)})
        assert Counter(map(host, await claim_all(frontier))) in ({"a": 5}, {"a": 4, "b": 1})

    async def test_a_host_that_moves_shares_where_it_is_now(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", pages=9, per_host=1)
        moved = await claim_one_of(frontier, "a")
        await settle(frontier, item(moved, host=at(OTHER)))
        assert Counter(map(host, await claim_all(frontier))) == {"a": 1, "b": 1}

    async def test_what_asked_nothing_costs_the_address_nothing(self, bench: Bench) -> None:
        frontier = await met(bench, "a", "b", pages=2, delay=5.0)
        await bench.clock.advance(5.0)
        [url] = await claim_all(frontier)
        excluded = Finished(OutcomeKind.EXCLUDED, "robots.txt")
        await settle(frontier, item(url, excluded, kept=False, host=HostReport(asked=False)))
        assert len(await claim_all(frontier)) == 1

    async def test_a_robots_txt_that_lies_elsewhere_tells_no_address(self, bench: Bench) -> None:
        bench.extra["per_ip"] = 1
        frontier = await bench.open(robots=True)
        await frontier.add_seeds(seeds("a", "b"))
        asked = {host(url): url for url in await claim_all(frontier)}
        moved = RobotsAnswer(next_url="http://b.test/robots.txt")
        await settle(
            frontier,
            item(asked["a"], robots=moved, status=301, host=at(OTHER)),
            item(asked["b"], robots=RobotsAnswer(text=""), host=at(ONE)),
        )
        claimed = await claim_all(frontier)
        assert sorted(urls(claimed)) == ["http://b.test/0", "http://b.test/robots.txt"]
        followed = next(url for url in claimed if url.kind is Kind.ROBOTS)
        disposition = Settled() if followed.again else ARCHIVED
        await settle(frontier, item(followed, disposition, robots=RobotsAnswer(text=""), host=at(ONE)))
        # The other page is in flight at the address where a's rules were found; a itself is not there.
        assert urls(await claim_all(frontier)) == ["http://a.test/0"]

    async def test_it_is_known_after_a_restart(self, bench: Bench) -> None:
        await met(bench, "a", "b", "c", pages=4, delay=5.0)
        frontier = await bench.open(delay=5.0, per_host=2)
        assert await claim_all(frontier) == []  # they were asked just before
        await bench.clock.advance(5.0)
        assert len(await claim_all(frontier)) == 1


async def claim_one_of(frontier: Frontier, name: str) -> CrawlURL:
    """Claims what may be claimed and gives back all but one URL of that host."""
    for _ in range(10):
        claimed = await claim_all(frontier)
        found = [url for url in claimed if host(url) == name]
        for url in claimed:
            if not found or url is not found[0]:
                frontier.fetched(url)
        await frontier.release([url for url in claimed if not found or url is not found[0]])
        if found:
            return found[0]
    raise AssertionError(f"{name} is never given")


SILENCE = HostReport(silence="cannot connect: Connection refused")


def unanswered(url: CrawlURL, *, last: bool = False, refusal: bool = False) -> CommitItem:
    """An attempt that nobody answered."""
    disposition = Finished(OutcomeKind.FAILED, "refused") if last else RetryAt(1.0, "refused")
    robots = RobotsAnswer(refusal="refused", failure=FailureKind.CONNECT) if refusal else None
    return item(url, disposition, kept=last, host=SILENCE, failure=FailureKind.CONNECT, robots=robots, status=None)


class Parking:
    async def open(
        self, bench: Bench, pages: int = 20, *, robots: bool = False, known: bool = True, **options: object
    ) -> Frontier:
        bench.extra.update(options)
        frontier = await bench.open(robots=robots, per_host=2)
        await frontier.add_seeds(seeds("a", pages=pages))
        if known:
            if robots:
                await answer_robots(frontier)
            [url, *others] = await frontier.claim(2)
            await settle(frontier, item(url, host=HostReport(answered=True)))
            for other in others:
                frontier.fetched(other)
            await frontier.release(others)
        return frontier

    async def park(self, frontier: Frontier) -> None:
        claimed: list[CrawlURL] = []
        while len(claimed) < PARK_AFTER:
            claimed += await frontier.claim(1)
            await settle(frontier, unanswered(claimed[-1]))

    async def test_after_some_silences_one_url_at_a_time_is_asked_at_growing_intervals(self, bench: Bench) -> None:
        frontier = await self.open(bench)
        await self.park(frontier)
        moments = [bench.clock.now]
        for _ in range(5):
            assert await idle(frontier) is None
            await bench.clock.advance(FIRST_INTERVAL * 2 ** (len(moments) - 1) - 0.5)
            assert await claim_all(frontier) == []
            await bench.clock.advance(0.5)
            [probe] = await claim_all(frontier)
            moments.append(bench.clock.now)
            assert await claim_all(frontier) == []
            await settle(frontier, unanswered(probe))
        assert [b - a for a, b in pairwise(moments)] == [10.0, 20.0, 40.0, 80.0, 160.0]

    async def test_one_answer_and_all_goes_on_at_once(self, bench: Bench) -> None:
        frontier = await self.open(bench)
        await self.park(frontier)
        await bench.clock.advance(FIRST_INTERVAL)
        [probe] = await claim_all(frontier)
        await settle(frontier, item(probe, host=HostReport(3, answered=True)))
        assert len(await claim_all(frontier)) == 2

    async def test_what_its_silence_cost_is_forgotten_with_the_answer_and_probes_cost_nothing(
        self, bench: Bench
    ) -> None:
        """Time-outs slow a host down; but the probes of a parked one are far enough apart."""
        frontier = await self.open(bench)
        slow = HostReport(pushback=True, silence="no answer in time")
        for backoff in (1.0, 2.0, 4.0, 8.0):
            [url, *others] = await claim_all(frontier)
            for other in others:
                frontier.fetched(other, HostReport(asked=False))
            await frontier.release(others)
            await settle(frontier, item(url, RetryAt(1000.0, "timeout"), kept=False, host=slow, status=None))
            await bench.clock.advance(backoff)
        for interval in (FIRST_INTERVAL - 8.0, 2 * FIRST_INTERVAL):
            await bench.clock.advance(interval)
            [probe] = await claim_all(frontier)
            if interval < FIRST_INTERVAL:
                await settle(frontier, item(probe, RetryAt(1000.0, "timeout"), kept=False, host=slow, status=None))
        await settle(frontier, item(probe, host=HostReport(3, answered=True)))
        assert await claim_all(frontier) == [], "what it was owed when the probe began"
        await bench.clock.advance(8.0)
        assert len(await claim_all(frontier)) == 2

    async def test_an_answer_that_was_under_way_counts_too(self, bench: Bench) -> None:
        frontier = await self.open(bench)
        slow = (await frontier.claim(1))[0]
        await self.park(frontier)
        assert await claim_all(frontier) == []
        await settle(frontier, item(slow, host=HostReport(900, answered=True)))
        assert len(await claim_all(frontier)) == 2

    async def test_it_stays_parked_over_a_crash(self, bench: Bench) -> None:
        await self.park(await self.open(bench))
        frontier = await bench.open(per_host=2)
        assert await claim_all(frontier) == []
        await bench.clock.advance(FIRST_INTERVAL)
        assert len(await claim_all(frontier)) == 1

    async def test_after_the_last_probe_its_urls_are_given_with_the_verdict(self, bench: Bench) -> None:
        frontier = await self.open(bench, probes=1)
        await self.park(frontier)
        await bench.clock.advance(FIRST_INTERVAL)
        [probe] = await claim_all(frontier)
        assert frontier.verdict(probe) is None
        await settle(frontier, unanswered(probe))
        left = 0
        while claimed := await claim_all(frontier):
            assert {frontier.verdict(url) for url in claimed} == {(SILENCE.silence, FailureKind.CONNECT)}
            left += len(claimed)
            failed = Finished(OutcomeKind.FAILED, "host is dead")
            await settle(frontier, *(item(url, failed, kept=False, host=HostReport(asked=False)) for url in claimed))
            await bench.clock.advance(0.5)
        await bench.clock.advance(2.0)
        left += len(await claim_all(frontier))
        assert left == 19

    async def test_dead_is_dead_for_a_day_and_over_restarts(self, bench: Bench) -> None:
        frontier = await self.open(bench, probes=0)
        await self.park(frontier)
        frontier = await bench.open(per_host=2)
        claimed = await claim_all(frontier)
        assert all(frontier.verdict(url) is not None for url in claimed)
        assert claimed
        for url in claimed:
            frontier.fetched(url)
        await frontier.release(claimed)
        await bench.clock.advance(DEAD_SECONDS)
        [probe] = await claim_all(frontier)
        assert frontier.verdict(probe) is None

    async def test_retry_failed_begins_anew(self, bench: Bench) -> None:
        frontier = await self.open(bench, pages=2, probes=0, robots=False)
        await self.park_with_one(frontier, bench)
        [url] = await claim_all(frontier)
        assert frontier.verdict(url) is not None
        failed = Finished(OutcomeKind.FAILED, "host is dead")
        await settle(frontier, item(url, failed, kept=False, host=HostReport(asked=False)))
        assert await frontier.requeue_failed() == 1
        [url] = await claim_all(frontier)
        assert frontier.verdict(url) is None

    async def park_with_one(self, frontier: Frontier, bench: Bench) -> None:
        for _ in range(PARK_AFTER):
            await bench.clock.advance(1.0)
            [url] = await claim_all(frontier)
            await settle(frontier, unanswered(url))
        await bench.clock.advance(1.0)

    async def test_robots_txt_is_the_probe_where_it_is_obeyed(self, bench: Bench) -> None:
        """It costs no page one of its attempts; and its rules stay in force while it cannot be had."""
        frontier = await self.open(bench, robots=True)
        await self.park(frontier)
        for interval in (FIRST_INTERVAL, 2 * FIRST_INTERVAL):
            await bench.clock.advance(interval)
            [probe] = await claim_all(frontier)
            assert (probe.kind, probe.again) == (Kind.ROBOTS, True)
            await settle(frontier, unanswered(probe))
        await bench.clock.advance(4 * FIRST_INTERVAL)
        url = await answer_robots(frontier, RobotsAnswer(refusal="robots.txt answered 500", failure=FailureKind.ROBOTS))
        assert url.again
        # That was an answer: the host is there, and what is known of its rules holds.

    async def test_a_host_whose_robots_txt_was_never_had_is_probed_once_and_then_dead(self, bench: Bench) -> None:
        frontier = await self.open(bench, robots=True, known=False)
        for attempt in range(1, PARK_AFTER + 1):
            robots = await claim_one(frontier, "http://a.test/robots.txt")
            last = attempt == PARK_AFTER
            await settle(frontier, unanswered(robots, last=last, refusal=last))
            await bench.clock.advance(1.0)
        assert await claim_all(frontier) == []
        await bench.clock.advance(FIRST_INTERVAL - 1.0)
        [probe] = await claim_all(frontier)
        assert (probe.url, probe.again, probe.attempt) == ("http://a.test/robots.txt", True, PARK_AFTER + 1)
        await settle(frontier, unanswered(probe))
        claimed = await claim_all(frontier)
        assert urls(claimed) == seeds("a", pages=2)
        assert frontier.verdict(claimed[0]) is not None

    async def test_few_silences_leave_the_refusal_as_it_was(self, bench: Bench) -> None:
        """With --retries 0 a robots.txt that cannot be had refuses its host, as it always did."""
        frontier = await self.open(bench, robots=True, known=False)
        [robots] = await claim_all(frontier)
        await settle(frontier, unanswered(robots, last=True, refusal=True))
        [url, _] = await claim_all(frontier)
        answer = frontier.robots_text(url)
        assert answer is not None
        assert answer.refusal == "refused"

    async def test_silence_of_one_port_says_nothing_of_another(self, bench: Bench) -> None:
        frontier = await self.open(bench, probes=0)
        await self.park(frontier)
        await frontier.add_seeds(["https://a.test/"])
        found = {url.url: frontier.verdict(url) for url in await claim_all(frontier)}
        assert found["https://a.test/"] is None
