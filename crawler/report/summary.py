"""How a crawl ended, for people: a headline, a table of counts, where to read it and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crawler.model import OutcomeKind
from crawler.progress import Summary
from crawler.report.text import printable
from crawler.units import show_bytes, show_seconds

_LOOK = "To look at it, open a WARC file on https://replayweb.page/, or:"

_MOST_ROWS = 8
_MOST_NAMES = 4
_MOST_SEEDS = 10


@dataclass(frozen=True, slots=True)
class Hints:
    """Command lines to paste, shell-quoted."""

    resume: str
    """Goes on with this crawl."""
    fresh: str
    """Begins it anew in a directory beside it."""
    own: str | None = None
    """How to crawl a site of one's own; told after the demonstration."""


def print_summary(console: Console, summary: Summary, hints: Hints) -> None:
    """Writes the summary. Raises OSError when the console's file has gone away."""
    with console.capture() as capture:
        _print_parts(console, summary, hints)
    console.file.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())
    console.file.flush()


def _print_parts(console: Console, summary: Summary, hints: Hints) -> None:
    _print_line(console, headline(summary))
    if not summary.already_complete:
        console.print(Padding(_counts(summary), (1, 2, 0, 2)))
    _print_line(console, "\n" + "\n".join(_places(summary)))
    for line in closing(summary, hints):
        _print_line(console, f"\n{line}")


def _print_line(console: Console, text: str) -> None:
    """Without wrapping: what stands on one line can be copied from one line."""
    console.print(Text(text), soft_wrap=True)


def headline(summary: Summary) -> str:
    """What happened, in a sentence."""
    total = sum(summary.outcomes.values())
    if summary.already_complete:
        return f"{printable(str(summary.directory))} is complete: {_number(total, 'URL')}. There was nothing to do."
    took = f"{_number(total, 'URL')}, {show_seconds(summary.duration)} in this run"
    if summary.stopped_by is not None:
        left = f"; {_number(summary.queued, 'URL')} still queued" if summary.queued else ""
        return f"Stopped: {printable(summary.stopped_by).rstrip('.')} ({took}{left})."
    return f"Finished: {took}."


def closing(summary: Summary, hints: Hints) -> list[str]:
    """The last lines: what went wrong beside the crawl, how to look at it, and at the very end what to do next."""
    lines = []
    answered = summary.seeds - len(summary.failed_seeds)
    if summary.failed_seeds and summary.seeds_answered:
        lines.append(f"{answered} of {_number(summary.seeds, 'seed')} answered. No answer: {failed_seeds(summary)}")
    if summary.callback_errors:
        lines.append(f"{_number(summary.callback_errors, 'callback')} raised an error; see logs/crawl.log.")
    if summary.finished and summary.segments and summary.seeds_answered:
        files = f"{shlex.quote(str(summary.directory / 'archive'))}/*.warc.gz"
        lines.append(f"{_LOOK}\n  gzip -dc {files} | less")
    lines.extend(_next_steps(summary, hints))
    return lines


def _next_steps(summary: Summary, hints: Hints) -> list[str]:
    lines = []
    if summary.stopped_by is not None and not summary.finished:
        # --max-time counts each run anew; every other limit would end the same command at once.
        raised = summary.exit_code == 0 and "--max-time" not in summary.stopped_by
        lines.append(f"{'To go on, raise the limit in' if raised else 'Go on with'}:\n  {hints.resume}")
    elif summary.seeds and not summary.seeds_answered:
        lines.append(f"To try again:\n  {hints.resume}")
    elif summary.outcomes.get(OutcomeKind.FAILED):
        lines.append(f"To try again what failed:\n  {hints.resume} --retry-failed")
    if summary.already_complete:
        lines.append(f"To crawl it anew, in a directory beside it:\n  {hints.fresh}")
    if hints.own is not None and summary.finished:
        lines.append(f"To crawl a site of your own:\n  {hints.own}")
    return lines


def failed_seeds(summary: Summary) -> str:
    """`https://example.com/ (name not known), …`: which seeds gave no answer, and why."""
    shown = [
        f"{printable(outcome.url)} ({printable(outcome.reason or str(outcome.failure or 'failed'))})"
        for outcome in summary.failed_seeds[:_MOST_SEEDS]
    ]
    rest = len(summary.failed_seeds) - len(shown)
    return "; ".join([*shown, *([f"and {rest:,} more"] if rest else [])])


def _counts(summary: Summary) -> RenderableType:
    statuses = {_status(status): count for status, count in sorted(summary.statuses.items())}
    columns = (
        ("outcome", {kind.value: count for kind, count in summary.outcomes.items() if count}),
        ("status", statuses),
        ("type", dict(sorted(summary.types.items(), key=lambda item: (-item[1], item[0])))),
    )
    table = Table.grid(padding=(0, 4))
    cells = [_column(title, counts) for title, counts in columns if counts]
    table.add_row(*cells)
    return table if cells else Text("no URL")


def _column(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column(Text(title, style="dim"), no_wrap=True, overflow="ellipsis", max_width=32)
    table.add_column(Text("URLs", style="dim"), justify="right", no_wrap=True)
    shown = list(counts.items())
    if len(shown) > _MOST_ROWS:
        rest = shown[_MOST_ROWS - 1 :]
        shown = [*shown[: _MOST_ROWS - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    for name, count in shown:
        table.add_row(Text(printable(name)), f"{count:,}")
    return table


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _places(summary: Summary) -> list[str]:
    """Where it is; not a table, since the name of a file must not be broken in two."""
    size = f"{show_bytes(summary.archive_bytes)} in {_number(len(summary.segments), 'WARC file')}"
    return [
        *([] if summary.already_complete else [f"  received  {show_bytes(summary.bytes)}"]),
        f"  archive   {size}",
        *(f"            {name}" for name in _segment_lines(summary)),
        f"  URLs      {printable(str(summary.directory / 'logs' / 'urls.jsonl'))}",
    ]


def _segment_lines(summary: Summary) -> Sequence[str]:
    names = [printable(str(summary.directory / "archive" / name)) for name in summary.segments]
    if len(names) > _MOST_NAMES:
        return [*names[:2], f"… {_number(len(names) - 3, 'file')} more …", names[-1]]
    return names


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
