"""How a crawl ended, in sentences: what happened, where it is kept, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from crawler.model import OutcomeKind
from crawler.progress import Summary
from crawler.report.text import printable
from crawler.units import show_bytes, show_seconds

_MOST_NAMES = 4
_MOST_SEEDS = 10


class Hints(Struct, frozen=True):
    """Command lines to paste, shell-quoted."""

    resume: str
    """Goes on with this crawl."""
    fresh: str
    """Begins it anew in a directory beside it."""
    look: str
    """Shows what was archived."""
    crawl: str | None = None
    """Goes on with the crawl itself, where `resume` is another command's line."""
    own: str | None = None
    """How to crawl a site of one's own; told after the demonstration."""


def headline(summary: Summary) -> str:
    """What happened, in a sentence."""
    total = sum(summary.outcomes.values())
    if summary.already_complete:
        return f"{printable(str(summary.directory))} is complete: {_number(total, 'URL')}. There was nothing to do."
    round_ = f"round {summary.round}, " if summary.round > 1 else ""
    took = f"{round_}{_number(total, 'URL')}, {show_seconds(summary.duration)} in this run"
    if summary.stopped_by is not None:
        left = f"; {_number(summary.queued, 'URL')} still queued" if summary.queued else ""
        why = printable(summary.stopped_by).rstrip(".")
        told = f"S{why[1:]}" if why.startswith("stopped ") else f"Stopped: {why}"
        return f"{told} ({took}{left})."
    return f"Finished: {took}."


def comparison(summary: Summary) -> str | None:
    """`3 new, 2 changed, 40 unchanged, 1 gone since the round before`; None in the first round."""
    found = summary.comparison
    if found is None:
        return None
    parts = [f"{found.new:,} new", f"{found.changed:,} changed", f"{found.unchanged:,} unchanged"]
    if found.gone is not None:
        parts.append(f"{found.gone:,} gone")
    return f"{', '.join(parts)} since the round before"


def closing(summary: Summary, hints: Hints) -> list[str]:
    """The last lines: what went wrong beside the crawl, how to look at it, and at the very end what to do next."""
    lines = []
    answered = summary.seeds - len(summary.failed_seeds)
    if summary.failed_seeds and summary.seeds_answered:
        lines.append(f"{answered} of {_number(summary.seeds, 'seed')} answered. No answer: {failed_seeds(summary)}")
    if summary.callback_errors:
        lines.append(f"{_number(summary.callback_errors, 'callback')} raised an error; see logs/crawl.log.")
    if summary.finished and summary.segments and summary.seeds_answered:
        lines.append(f"To look at it in a browser:\n  {hints.look}")
    lines.extend(_next_steps(summary, hints))
    return lines


def _next_steps(summary: Summary, hints: Hints) -> list[str]:
    lines = []
    if summary.stopped_by is not None and not summary.finished:
        lines.append(_way_on(summary.stopped_by, summary.exit_code, hints))
    elif summary.exit_code and summary.seeds and not summary.seeds_answered:
        lines.append(f"To try again:\n  {hints.resume}")
    elif summary.outcomes.get(OutcomeKind.FAILED):
        lines.append(f"To try again what failed:\n  {hints.crawl or hints.resume} --retry-failed")
    if summary.already_complete and hints.crawl is None:
        lines.append(f"To look for what has changed since, into the same archive:\n  {hints.resume} --recrawl")
        lines.append(f"To crawl it anew, in a directory beside it:\n  {hints.fresh}")
    if hints.own is not None and summary.finished:
        lines.append(f"To crawl a site of your own:\n  {hints.own}")
    return lines


def _way_on(stopped_by: str, exit_code: int, hints: Hints) -> str:
    if exit_code == 0 and not stopped_by.startswith("--"):  # the command did what it is for
        return f"Go on with:\n  {hints.crawl or hints.resume}"
    # --max-time counts each run anew; every other limit would end the same command at once.
    raised = exit_code == 0 and "--max-time" not in stopped_by
    return f"{'To go on, raise the limit in' if raised else 'Go on with'}:\n  {hints.resume}"


def failed_seeds(summary: Summary) -> str:
    """`https://example.com/ (name not known), …`: which seeds gave no answer, and why."""
    shown = [
        f"{printable(outcome.url)} ({printable(outcome.reason or str(outcome.failure or 'failed'))})"
        for outcome in summary.failed_seeds[:_MOST_SEEDS]
    ]
    rest = len(summary.failed_seeds) - len(shown)
    return "; ".join([*shown, *([f"and {rest:,} more"] if rest else [])])


def places(summary: Summary) -> list[str]:
    """Where it is; not a table, since the name of a file must not be broken in two."""
    size = f"{show_bytes(summary.archive_bytes)} in {_number(len(summary.segments), 'WARC file')}"
    compared = comparison(summary)
    return [
        *([f"  absent    {_absent(summary.absent)}"] if summary.absent and not summary.already_complete else []),
        *([] if compared is None else [f"  changes   {compared}"]),
        *([] if summary.already_complete else [f"  received  {show_bytes(summary.bytes)}"]),
        f"  archive   {size}",
        *(f"            {name}" for name in _segment_lines(summary)),
        f"  URLs      {printable(str(summary.directory / 'logs' / 'urls.jsonl'))}",
    ]


def _absent(count: int) -> str:
    return f"{count:,} of those not found: robots.txt and sitemaps, which were only looked for"


def _segment_lines(summary: Summary) -> Sequence[str]:
    names = [printable(str(summary.directory / "archive" / name)) for name in summary.segments]
    if len(names) > _MOST_NAMES:
        return [*names[:2], f"… {_number(len(names) - 3, 'file')} more …", names[-1]]
    return names


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
