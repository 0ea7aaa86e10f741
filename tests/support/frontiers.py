"""What the tests of a frontier share: opening one with a fake clock, and the small values that it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crawler.frontier import (
    Commit,
    CommitItem,
    Disposition,
    Finished,
    Frontier,
    HostReport,
    Readiness,
    RetryAt,
    RobotsAnswer,
    Settled,
    Stored,
)
from crawler.model import CrawlURL, FailureKind, Kind, Outcome, OutcomeKind, Outlink
from tests.support.fakeclock import FakeClock, turns

Opener = Callable[..., Awaitable[Frontier]]
"""Opens a frontier on one and the same store each time: `open(clock=, delay=, per_host=, robots=, depth_matters=)`."""

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
ARCHIVED = Finished(OutcomeKind.ARCHIVED)
ALLOW = RobotsAnswer(text="")


@dataclass
class Bench:
    """Opens the frontier under test, with a clock that the test moves."""

    opener: Opener
    clock: FakeClock = field(default_factory=FakeClock)
    opened: list[Frontier] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)
    """Further options of a test, `probes` or `per_ip` perhaps."""

    async def open(
        self, *, delay: float | None = 0.0, per_host: int = 1000, robots: bool = False, depth_matters: bool = False
    ) -> Frontier:
        """Opens it; a second time without closing is what a crash leaves to the next start."""
        usual = {"delay": delay, "per_host": per_host, "robots": robots, "depth_matters": depth_matters}
        frontier = await self.opener(clock=self.clock, **{**usual, **self.extra})
        self.opened.append(frontier)
        return frontier

    async def close(self) -> None:
        for frontier in self.opened:
            await frontier.close()


def link(
    url: str, kind: Kind = Kind.NAVIGATION, depth: int = 1, *, offsite: int = 0, redirects: int = 0, seed: int = 1,
    again: bool = False,
) -> Outlink:  # fmt: skip
    return Outlink(url, kind, depth, offsite, redirects, seed, again)


def stored(url: CrawlURL) -> Stored:
    """Some place in an archive, different for each attempt."""
    place = abs(hash((url.url, url.attempt))) % (1 << 40)
    return Stored("s-1.warc.gz", place, 77, f"<urn:uuid:{url.attempt}>", f"sha256:{place:x}", place + 33)


def item(
    url: CrawlURL, disposition: Disposition = ARCHIVED, links: Sequence[Outlink] = (), *, kept: bool = True,
    robots: RobotsAnswer | None = None, host: HostReport | None = None, failure: FailureKind | None = None,
    media_type: str | None = "text/html", joins: str | None = None, status: int | None = 200, original: bool = False,
) -> CommitItem:  # fmt: skip
    return CommitItem(
        url, disposition, NOON, stored(url) if kept else None, links, joins, status, failure, media_type, "A title",
        10, 5, robots, host or HostReport(), original=original,
    )  # fmt: skip


async def settle(frontier: Frontier, *items: CommitItem) -> Sequence[Outcome | None]:
    """The requests of these items end, and they are committed together."""
    for each in items:
        frontier.fetched(each.url, each.host)
    return await frontier.commit(Commit(items))


async def answer_robots(frontier: Frontier, answer: RobotsAnswer = ALLOW) -> CrawlURL:
    """Claims what must be a robots.txt, and answers it."""
    [url] = await frontier.claim(1)
    assert url.kind is Kind.ROBOTS, url
    disposition = Settled() if url.again else ARCHIVED
    await settle(frontier, item(url, disposition, robots=answer, media_type="text/plain"))
    return url


async def claim_one(frontier: Frontier, expected: str) -> CrawlURL:
    claimed = await frontier.claim(1)
    assert urls(claimed) == [expected]
    return claimed[0]


async def claim_all(frontier: Frontier) -> list[CrawlURL]:
    return list(await frontier.claim(10_000))


async def finish_all(frontier: Frontier) -> list[CrawlURL]:
    """Claims and archives until nothing is given any more."""
    done: list[CrawlURL] = []
    while claimed := await frontier.claim(7):
        done += claimed
        await settle(frontier, *(item(url, Settled() if url.rejudge or url.again else ARCHIVED) for url in claimed))
    return done


def urls(claimed: Iterable[CrawlURL]) -> list[str]:
    return [url.url for url in claimed]


async def wait_now(frontier: Frontier) -> Readiness | None:
    """What `wait` says at once, or None if it waits."""
    task = asyncio.ensure_future(frontier.wait())
    await turns()
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return None
    return task.result()


async def idle(frontier: Frontier) -> Readiness | None:
    """With nothing to give, what `wait` says once it has told of what happened before: EMPTY, or None if it waits."""
    for _ in range(3):
        assert await frontier.claim(1) == []
        said = await wait_now(frontier)
        if said is not Readiness.WAIT:
            return said
    raise AssertionError("wait says WAIT again and again, and a claim gives nothing: a busy loop")


def retry(seconds: float) -> RetryAt:
    return RetryAt(seconds, "status 503")
