"""How a crawl ended, for a terminal: the sentences of crawler/report/ending.py around a table of counts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crawler.progress import Summary
from crawler.report.ending import Hints, closing, headline, places
from crawler.report.text import printable

_MOST_ROWS = 8


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
    _print_line(console, "\n" + "\n".join(places(summary)))
    for line in closing(summary, hints):
        _print_line(console, f"\n{line}")


def _print_line(console: Console, text: str) -> None:
    """Without wrapping: what stands on one line can be copied from one line."""
    console.print(Text(text), soft_wrap=True)


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
