"""A frontier in a few dictionaries, to compare the real one with: random claims, commits, retries, promotions, crashes.

The model knows what may be claimed and as what; it leaves open which of the claimable URLs comes first.
"""

from __future__ import annotations

import enum
import random
from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from crawler.frontier import (
    Commit,
    CommitItem,
    Finished,
    Frontier,
    HostReport,
    Readiness,
    RetryAt,
    RobotsAnswer,
    Settled,
    rank,
)
from crawler.model import CrawlURL, FailureKind, Kind, OutcomeKind, Outlink
from tests.support.frontiers import Bench, idle, item

DELAY, PER_HOST = 2.0, 2
KINDS = (Kind.NAVIGATION, Kind.NAVIGATION, Kind.REQUISITE, Kind.GUESS)


class Web:
    """Pages on a few hosts, some of them on http and https, and which random links each of them may have."""

    def __init__(self, rng: random.Random, *, hosts: int, pages: int) -> None:
        self._rng = rng
        schemes = ("http://", "https://")
        self.urls = [f"{rng.choice(schemes)}h{rng.randrange(hosts)}.test/{rng.choice('xyü')}{n}" for n in range(pages)]
        self.urls += [f"http://h{n}.test/robots.txt" for n in range(hosts)]

    def links(self, url: CrawlURL) -> list[Outlink]:
        rng = self._rng
        return [
            Outlink(
                rng.choice(self.urls), rng.choice(KINDS), url.depth + rng.randrange(3), rng.randrange(3), 0, 1,
                again=rng.random() < 0.05,
            )
            for _ in range(rng.randrange(8))
        ]  # fmt: skip


class Place(enum.Enum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    DONE = "done"


@dataclass
class Entry:
    """A URL as the model knows it."""

    rank: int
    place: Place = Place.QUEUED
    due: float = 0.0
    attempt: int = 1
    claimed_rank: int = 0
    kind: OutcomeKind | None = None
    kept: bool = False
    again_used: bool = False
    again: int = 0
    """Rows that ask for one more fetch beyond the outcome: one an outcome."""
    rejudge: int = 0
    """Rows that ask for its links to be judged again."""


class FrontierModel:
    def __init__(
        self, bench: Bench, rng: random.Random, web: Web, *, depth_matters: bool, robots: bool,
        may_withhold: bool = False,
    ) -> None:  # fmt: skip
        """`may_withhold`: the frontier is so short of room that it need not give all that could be given."""
        self.bench, self.rng, self.web = bench, rng, web
        self.depth_matters, self.robots, self.may_withhold = depth_matters, robots, may_withhold
        self.entries: dict[str, Entry] = {}
        self.gates: dict[str, tuple[float, float]] = {}
        """Of each origin whose robots.txt was answered or put off: until when the answer holds, when to ask again."""
        self.gate_claims: set[str] = set()
        self.claimed: list[CrawlURL] = []
        self.running: list[CrawlURL] = []
        """Those of the claimed whose request is not over."""
        self.last_start: dict[str, float] = {}
        """Of each host, in this session."""
        self.latest_start: dict[str, float] = {}
        """In any session: a crash may or may not have forgotten it."""
        self.seq = 0
        self.settled: Counter[str] = Counter()
        self.requeued: Counter[str] = Counter()
        self.attempts: Counter[tuple[str, int]] = Counter()
        self.frontier: Frontier

    async def open(self) -> None:
        self.frontier = await self.bench.open(
            delay=DELAY, per_host=PER_HOST, robots=self.robots, depth_matters=self.depth_matters
        )

    async def begin(self) -> None:
        await self.open()
        seeds = [url for url in dict.fromkeys(self.web.urls[:3]) if not url.endswith("robots.txt")]
        await self.frontier.add_seeds(seeds)
        self.link([Outlink(url, Kind.NAVIGATION, 0, 0, 0, 1) for url in seeds])

    async def step(self) -> None:
        often = (self.claim, self.commit)
        actions = (*often, *often, self.fetched, self.release, self.fail, self.pass_time)
        rare = (self.crash, self.requeue)
        await self.rng.choice(rare if self.rng.random() < 0.04 else actions)()

    # -- what is done ------------------------------------------------------------------------------------------

    async def claim(self) -> None:
        now = self.bench.clock.now
        limit = self.rng.randrange(1, 9)
        claimed = await self.frontier.claim(limit)
        for url in claimed:
            self.check_claim(url, now)
            self.claimed.append(url)
            self.running.append(url)
        if len(claimed) < limit and not self.may_withhold:
            assert not self.claimable(now), f"{self.claimable(now)} could have been given"

    async def fetched(self) -> None:
        if self.running:
            url = self.running.pop(self.rng.randrange(len(self.running)))
            self.frontier.fetched(url)

    async def commit(self) -> None:
        batch = [url for url in self.claimed if self.rng.random() < 0.5]
        await self.commit_batch(batch)

    async def commit_batch(self, batch: list[CrawlURL]) -> None:
        self.rng.shuffle(batch)
        for url in batch:
            if url in self.running:
                self.frontier.fetched(url)
                self.running.remove(url)
        items = [self.visit(url) for url in batch]
        outcomes = await self.frontier.commit(Commit(items))
        expected = [self.settle(each) for each in items]
        self.link([link for each in items for link in each.outlinks])
        assert [None if o is None else (o.url, o.seq) for o in outcomes] == expected
        self.claimed = [url for url in self.claimed if url not in batch]

    async def fail(self) -> None:
        """A commit with an impossible item changes nothing."""
        batch = [url for url in self.claimed if self.rng.random() < 0.5]
        if not batch:
            return
        items = [self.visit(url) for url in batch]
        items.insert(self.rng.randrange(len(items) + 1), item(replace(batch[0], kind=Kind.GUESS, key=(1 << 40, 7))))
        before = await self.frontier.counts()
        try:
            await self.frontier.commit(Commit(items))
        except Exception:  # whatever the store calls it
            assert await self.frontier.counts() == before
        else:
            raise AssertionError("an item that was never claimed was committed")

    async def release(self) -> None:
        if not self.claimed:
            return
        url = self.rng.choice(self.claimed)
        self.claimed.remove(url)
        if url in self.running:
            self.running.remove(url)
            self.frontier.fetched(url)
        await self.frontier.release([url])
        self.unclaim(url)

    async def crash(self) -> None:
        for url in self.claimed:
            self.unclaim(url)
        self.claimed, self.running = [], []
        self.last_start = {}  # a start that was not committed may be forgotten
        await self.open()

    async def pass_time(self) -> None:
        await self.bench.clock.advance(self.rng.choice((0.5, DELAY, 3 * DELAY)))

    async def requeue(self) -> None:
        if self.robots:
            return  # a refused robots.txt comes along, which the conformance tests show
        failed = [url for url, e in self.entries.items() if e.place is Place.DONE and e.kind is OutcomeKind.FAILED]
        assert await self.frontier.requeue_failed() == len(failed)
        for url in failed:
            entry = self.entries[url]
            last = max(n for (u, n) in self.attempts if u == url)
            entry.place, entry.due, entry.attempt, entry.again_used = Place.QUEUED, 0.0, last + 1, False
            self.requeued[url] += 1

    async def finish(self) -> None:
        """Everything is archived until the frontier says that nothing is left; it must say so, and not spin."""
        for _ in range(5000):
            await self.claim()
            given = bool(self.claimed)
            await self.commit_batch(list(self.claimed))
            if not given:
                said = await idle(self.frontier)
                if said is Readiness.EMPTY:
                    return
                await self.bench.clock.advance(DELAY)
        raise AssertionError("the frontier never becomes empty")

    # -- what must hold ----------------------------------------------------------------------------------------

    def claimable(self, now: float) -> list[str]:
        """What the frontier may not withhold."""
        found = []
        for url, entry in self.entries.items():
            ready = entry.place is Place.QUEUED and entry.due <= now
            if not (ready or entry.again or entry.rejudge):
                continue
            active = sum(host_of(other.url) == host_of(url) for other in self.running)
            if active >= PER_HOST or now < self.latest_start.get(host_of(url), 0.0) + DELAY:
                continue
            if self.robots:
                expires, due = self.gates.get(origin_of(url), (0.0, 0.0))
                if expires <= now and (due > now or origin_of(url) in self.gate_claims):
                    continue
            found.append(url)
        return found

    def check_claim(self, url: CrawlURL, now: float) -> None:
        if url.kind is Kind.ROBOTS:
            self.check_gate(url, now)
        else:
            self.check_page(url, now)
        if not url.rejudge:
            self.attempts_unique(url)
            self.started(url, now)

    def started(self, url: CrawlURL, now: float) -> None:
        host = host_of(url.url)
        assert now >= self.last_start.get(host, 0.0) + DELAY, f"{url.url} comes too soon"
        running = [other for other in self.running if host_of(other.url) == host]
        assert len(running) < PER_HOST, f"{host} has no slot free"
        self.last_start[host] = self.latest_start[host] = now

    def attempts_unique(self, url: CrawlURL) -> None:
        in_flight = {(other.url, other.attempt) for other in self.claimed if not other.rejudge}
        assert (url.url, url.attempt) not in in_flight
        assert self.attempts[url.url, url.attempt] == 0, f"{url} was committed before"

    def check_gate(self, url: CrawlURL, now: float) -> None:
        origin = origin_of(url.url)
        expires, due = self.gates.get(origin, (0.0, 0.0))
        assert self.robots
        assert expires <= now
        assert due <= now
        assert origin not in self.gate_claims
        self.gate_claims.add(origin)

    def check_page(self, url: CrawlURL, now: float) -> None:
        entry = self.entries[url.url]
        if self.robots:
            assert self.gates.get(origin_of(url.url), (0.0, 0.0))[0] > now, f"{url.url} before its robots.txt"
        if url.rejudge:
            assert entry.rejudge > 0
            entry.rejudge -= 1
            return
        if url.again:
            assert entry.again > 0
            entry.again -= 1
            return
        assert entry.place is Place.QUEUED, f"{url.url} is {entry.place}"
        assert entry.due <= now
        assert rank(url.kind, url.offsite, url.depth) == entry.rank
        assert url.attempt >= entry.attempt
        entry.place, entry.claimed_rank = Place.CLAIMED, entry.rank

    def unclaim(self, url: CrawlURL) -> None:
        if url.kind is Kind.ROBOTS:
            self.gate_claims.discard(origin_of(url.url))
            return
        entry = self.entries[url.url]
        if url.rejudge:
            entry.rejudge += 1
        elif url.again:
            entry.again += 1
        elif entry.place is Place.CLAIMED:
            entry.place = Place.QUEUED

    # -- what becomes of it ------------------------------------------------------------------------------------

    def visit(self, url: CrawlURL) -> CommitItem:
        chance = self.rng.random()
        if url.kind is Kind.ROBOTS:
            if chance < 0.2:
                return item(url, RetryAt(5.0, "status 503"))
            expires = 50.0 if chance < 0.6 else 1e9
            done = Settled() if url.again else Finished(OutcomeKind.ARCHIVED)
            return item(url, done, robots=RobotsAnswer(text="", expires_in=expires), media_type="text/plain")
        links = self.web.links(url)
        if url.rejudge:
            return item(url, Settled(), links, kept=False)
        if url.again:
            return item(url, Settled(), links)
        if chance < 0.2:
            return item(url, RetryAt(self.rng.choice((1.0, 30.0)), "status 503"), host=HostReport(answer_ms=3))
        if chance < 0.3:
            return item(url, Finished(OutcomeKind.FAILED, "no"), failure=FailureKind.TIMEOUT, kept=chance < 0.25)
        if chance < 0.35:
            return item(url, Finished(OutcomeKind.EXCLUDED, "robots.txt"), kept=False)
        return item(url, Finished(OutcomeKind.ARCHIVED), links)

    def settle(self, each: CommitItem) -> tuple[str, int] | None:
        """Enters the item; returns the URL and number of the outcome that the frontier must give."""
        url = each.url
        if not url.rejudge:
            self.attempts[url.url, url.attempt] += 1
        if url.kind is Kind.ROBOTS:
            return self.settle_gate(each)
        if not isinstance(each.disposition, Finished | RetryAt):
            return None
        entry = self.entries[url.url]
        if isinstance(each.disposition, RetryAt):
            due = self.bench.clock.now + each.disposition.seconds
            entry.place, entry.due, entry.attempt = Place.QUEUED, due, url.attempt + 1
            return None
        entry.place, entry.kind, entry.kept = Place.DONE, each.disposition.kind, each.stored is not None
        if (entry.kept or each.outlinks) and self.improves(entry.rank, entry.claimed_rank):
            entry.rejudge += 1
        return self.outcome(url.url)

    def settle_gate(self, each: CommitItem) -> tuple[str, int] | None:
        url, now = each.url, self.bench.clock.now
        origin = origin_of(url.url)
        self.gate_claims.discard(origin)
        if isinstance(each.disposition, RetryAt):
            self.gates[origin] = (0.0, now + each.disposition.seconds)
            return None
        assert each.robots is not None
        self.gates[origin] = (now + each.robots.expires_in, 0.0)
        entry = self.entries.get(url.url)
        if isinstance(each.disposition, Settled):
            return None
        if entry is None:
            entry = self.entries[url.url] = Entry(rank(Kind.ROBOTS, 0, 0))
        assert entry.place is not Place.DONE
        entry.place, entry.kind = Place.DONE, OutcomeKind.ARCHIVED
        entry.kept = False  # a robots.txt has no links to judge again
        return self.outcome(url.url)

    def outcome(self, url: str) -> tuple[str, int]:
        self.seq += 1
        self.settled[url] += 1
        return url, self.seq

    def link(self, links: list[Outlink]) -> None:
        """The links of one commit: the best for each URL counts."""
        best: dict[str, int] = {}
        for link in links:
            entry = self.entries.get(link.url)
            if link.again and entry is not None and entry.place is Place.DONE:
                if not entry.again_used:
                    entry.again_used = True
                    entry.again += 1
                continue
            value = rank(link.kind, link.offsite, link.depth)
            best[link.url] = min(value, best.get(link.url, value))
        for url, value in best.items():
            entry = self.entries.setdefault(url, Entry(value))
            if value < entry.rank:
                if entry.place is Place.DONE and entry.kept and self.improves(value, entry.rank):
                    entry.rejudge += 1
                entry.rank = value

    def improves(self, new: int, old: int) -> bool:
        return new < old if self.depth_matters else new >> 16 < old >> 16

    async def check_end(self) -> None:
        assert not self.claimed
        for url, entry in self.entries.items():
            assert entry.place is Place.DONE, f"{url} is lost"
            assert not entry.rejudge
            assert not entry.again
            assert self.settled[url] == 1 + self.requeued[url]
        told = list(self.frontier.outcomes(0))
        assert [outcome.seq for outcome in told] == list(range(1, self.seq + 1))
        assert Counter(outcome.url for outcome in told) == self.settled
        counts = await self.frontier.counts()
        kinds = Counter(entry.kind for entry in self.entries.values())
        assert (counts.queued, counts.waiting, counts.seq) == (0, 0, self.seq)
        assert counts.archived == kinds[OutcomeKind.ARCHIVED]
        assert counts.failed == kinds[OutcomeKind.FAILED]
        assert counts.excluded == kinds[OutcomeKind.EXCLUDED]


def origin_of(url: str) -> str:
    return url[: url.index("/", 8)]


def host_of(url: str) -> str:
    return origin_of(url).partition("://")[2]
