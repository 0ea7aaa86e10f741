"""What is shown of a crawl: its progress at a moment, and its summary at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crawler.clock import utc
from crawler.config import CrawlConfig
from crawler.dispatch import Dispatcher
from crawler.frontier import Counts
from crawler.model import Outcome, OutcomeKind
from crawler.opening import Opened
from crawler.progress import Comparison, HostLine, Progress, Summary
from crawler.tally import Tally

RESUMABLE = 3
NO_SEED_ANSWERED = 1


def progress_of(opened: Opened, tally: Tally, dispatcher: Dispatcher, state: str, now: float) -> Progress:
    """How the crawl stands now; costs no I/O."""
    counts = tally.counts
    return Progress(
        started=utc(opened.started),
        elapsed=now - opened.started,
        done=counts.done,
        archived=counts.archived,
        revisited=counts.revisited,
        failed=counts.failed,
        excluded=counts.excluded,
        queued=counts.queued,
        in_flight=dispatcher.in_flight,
        bytes=counts.bytes + tally.bytes_in_flight,
        state=state,
        hosts=tuple(host_lines(opened, now)),
        recent=tuple(tally.recent),
        limit=dispatcher.limit,
        round=opened.round,
    )


def host_lines(opened: Opened, now: float, most: int = 8) -> list[HostLine]:
    """The busiest hosts first."""
    lines = []
    for pace, queued in opened.frontier.paces():
        wait = pace.next_ready - now
        state = "ready" if wait < 0.5 else f"waiting {wait:.0f} s"
        lines.append(HostLine(pace.name, pace.active, queued, pace.done, pace.delay, state))
    lines.sort(key=lambda line: (-line.active, -line.queued, line.name))
    return lines[:most]


async def summary_of(
    opened: Opened, config: CrawlConfig, stopped_by: str | None, resumable: bool, now: float, callback_errors: int
) -> Summary:
    """The round's figures and the exit code: 0 done or at a limit, 1 no seed answered, 3 stopped and resumable."""
    frontier = opened.frontier
    counts = await frontier.counts()
    tallies = await frontier.tallies()
    segments = await frontier.segments()
    seeds = await frontier.seed_outcomes(opened.seeds)
    answered = sum(outcome.kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED) for outcome in seeds)
    failed = tuple(outcome for outcome in seeds if outcome.kind in (OutcomeKind.FAILED, OutcomeKind.EXCLUDED))
    finished = counts.queued == 0
    if finished and not resumable:
        stopped_by = None  # a limit that was reached with the last URL stopped nothing
    return Summary(
        directory=Path(config.output),  # as it was named
        outcomes={
            OutcomeKind.ARCHIVED: counts.archived,
            OutcomeKind.REVISITED: counts.revisited,
            OutcomeKind.FAILED: counts.failed,
            OutcomeKind.EXCLUDED: counts.excluded,
        },
        statuses=tallies.statuses,
        types=tallies.types,
        absent=tallies.absent,
        bytes=counts.bytes,
        archive_bytes=sum(segment.length for segment in segments),
        duration=now - opened.started,
        segments=tuple(segment.name for segment in segments),
        finished=finished,
        already_complete=opened.already_complete and counts.seq == opened.counts.seq,
        stopped_by=stopped_by,
        queued=counts.queued,
        failed_seeds=failed,
        seeds=len(opened.seeds),
        seeds_answered=answered,
        callback_errors=callback_errors,
        round=opened.round,
        comparison=await _comparison(opened, counts) if opened.round > 1 else None,
        # A patch asks for no seed: what became of them before is nothing that it could better.
        exit_code=_exit_code(() if opened.requisites_only else seeds, answered, resumable and not finished),
    )


async def _comparison(opened: Opened, counts: Counts) -> Comparison:
    gone = None if counts.queued else await opened.frontier.gone()
    return Comparison(counts.new, counts.changed, counts.unchanged, gone)


def _exit_code(seeds: Sequence[Outcome], answered: int, resumable: bool) -> int:
    if resumable:
        return RESUMABLE
    return NO_SEED_ANSWERED if seeds and not answered else 0
