"""What a batch of attempts teaches about its hosts and origins. Pure: copies, since the batch may fail and be committed
again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from crawler.frontier import CommitItem
from crawler.frontier.originqueue import OriginQueue
from crawler.frontier.rows import origin_of
from crawler.liveness import ALIVE, Liveness
from crawler.model import CrawlURL, Kind
from crawler.politeness import Pace

OriginOf = Callable[[CrawlURL], OriginQueue]
"""The loaded origin of a claim."""


def paces_after(items: Sequence[CommitItem], origin: OriginOf, now: float) -> dict[str, Pace]:
    """The pace of each host that was asked, by name."""
    paces: dict[str, Pace] = {}
    for item in items:
        asked, report = origin(item.url), item.host
        known, parked = asked.pace, asked.row.life.parked
        pace = paces.get(known.name) or paces.setdefault(known.name, replace(known))
        if parked and report.answered:
            pace.backoff = 0.0
        # The probes of a parked origin are far enough apart.
        pushback = report.pushback and not (parked and report.silence is not None)
        pace.heard(now, report.answer_ms, pushback, report.retry_after)
        pace.done += not item.url.rejudge
    return paces


def told(before: OriginQueue, life: Liveness, now: float) -> str | None:
    """A sentence for the log where an origin is parked, given up or back from now on."""
    name, old = before.row.name, before.row.life
    if life.dead is not None and life.until != old.until:
        return f"{name} is dead: {life.dead}; its URLs fail unasked"
    if life.parked and not old.parked:
        return f"{name} does not answer; asked again in {life.until - now:.0f} s, and in twice as long each time"
    return f"{name} answers again" if old.parked and not life.parked else None


def lives_after(items: Sequence[CommitItem], origin: OriginOf, now: float, probes: int) -> dict[int, Liveness]:
    """How the origins of these attempts stand from now on, as far as it changed, by id."""
    changed: dict[int, Liveness] = {}
    for item in items:
        row, report = origin(item.url).row, item.host
        old = changed.get(row.id, row.life)
        if report.answered and old is not ALIVE and old != ALIVE:
            new = old.heard()
        elif report.silence is not None:
            new = old.silent(now, probes, report.silence, item.failure)
        else:
            continue
        # The robots.txt that a redirect led to may be another origin's.
        if item.url.kind is not Kind.ROBOTS or origin_of(item.url.url) == row.name:
            changed[row.id] = new
    return changed
