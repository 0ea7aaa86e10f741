"""The running crawl on a terminal: counters, the busiest hosts, the latest URLs. Fits 80x24 and shrinks with less."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.table import Table
from rich.text import Text

from crawler.model import Outcome, OutcomeKind
from crawler.progress import HostLine, Progress
from crawler.report.rate import Rate
from crawler.report.text import outcome_line, printable, shorten, status_word
from crawler.units import show_bytes, show_seconds

_FIXED_LINES = 6
"""Three lines of counters, two empty lines, the heading of the hosts."""

_NARROW = 64
"""Columns below which a host has only its name, queue and state."""


class LiveView:
    """Redraws the lower part of the terminal four times a second; it is gone when the crawl ends.

    Rich's own refresh thread is not used: progress is read in the event loop, where the crawl lives."""

    interval = 0.25

    def __init__(self, console: Console, directory: Path) -> None:
        self._console = console
        self._directory = directory
        self._rate = Rate()
        self._lines: list[Text] = []
        self._shown: RenderableType = Text()
        self._width = 0
        """Columns of the terminal when `_shown` was drawn."""
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def start(self) -> None:
        self._live.start()

    def update(self, progress: Progress) -> None:
        rates = self._rate.update(progress)
        self._step_over_wrapped_lines()
        self._print_lines()
        size = self._console.size
        self._shown, self._width = render(progress, rates, self._directory, size), size.width
        self._live.update(self._shown, refresh=True)

    def outcome(self, outcome: Outcome) -> None:
        # Printed with the next update: each print draws the display anew, which costs as much as a page.
        self._lines.append(Text(outcome_line(outcome), style=_style(outcome)))

    def stop(self) -> None:
        self._step_over_wrapped_lines()
        self._print_lines()
        self._live.stop()

    def _step_over_wrapped_lines(self) -> None:
        """Most terminals that become narrower wrap the lines that are on them. Live goes up as many lines as it drew,
        and would leave the uppermost behind; so the lines that were added are erased here, from the last one up."""
        columns = self._console.size.width
        if columns < self._width:
            drawn = self._console.options.update(width=self._width)
            lengths = map(Segment.get_line_length, self._console.render_lines(self._shown, drawn, pad=False))
            added = sum(max(length - 1, 0) // columns for length in lengths)
            self._console.control(Control(*[(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * added))
        self._width = columns

    def _print_lines(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self._console.print(*lines, sep="\n", soft_wrap=True)


def render(progress: Progress, rates: tuple[float, float], directory: Path, size: ConsoleDimensions) -> RenderableType:
    """The display for a terminal of that size; never higher than it, less the line of the cursor."""
    room = max(size.height - 1, 3)
    lines: list[RenderableType] = [
        _line(_heading(progress, directory), "bold"),
        _line(_counters(progress)),
        _line(_traffic(progress, rates)),
    ]
    rows = max(room - _FIXED_LINES, 0)
    recent = min(len(progress.recent), max(rows - len(progress.hosts), rows // 2))
    hosts = min(len(progress.hosts), rows - recent)
    if hosts:
        lines += [Text(), _hosts(progress.hosts[:hosts], narrow=size.width < _NARROW)]
    if recent:
        lines.append(Text())
        lines.extend(_recent_line(outcome, size.width) for outcome in progress.recent[-recent:])
    return Group(*lines)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _heading(progress: Progress, directory: Path) -> str:
    limit = f", {printable(progress.limit)}" if progress.limit else ""
    round_ = f", round {progress.round}" if progress.round > 1 else ""
    again = " (Ctrl-C again: at once)" if progress.state == "stopping" and progress.in_flight else ""
    doing = f"{printable(progress.state)}{again}{round_}{limit}"
    return f"{doing}  {show_seconds(progress.elapsed)}  {printable(str(directory))}"


def _counters(progress: Progress) -> str:
    parts = [
        f"{progress.done:,} done",
        f"{progress.queued:,} queued",
        f"{progress.in_flight:,} in flight",
        f"{progress.failed:,} failed" if progress.failed else "",
        f"{progress.revisited:,} revisited" if progress.revisited else "",
        f"{progress.excluded:,} excluded" if progress.excluded else "",
    ]
    return "  ".join(part for part in parts if part)


def _traffic(progress: Progress, rates: tuple[float, float]) -> str:
    return f"{show_bytes(progress.bytes)}  {show_bytes(rates[1])}/s  {rates[0]:.1f} URLs/s"


def _hosts(hosts: Iterable[HostLine], *, narrow: bool) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column("host", no_wrap=True, overflow="ellipsis", ratio=1)
    for _ in range(1 if narrow else 4):
        table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    heading = ("host", "queued", "") if narrow else ("host", "active", "queued", "done", "delay", "")
    table.add_row(*(Text(word, style="dim") for word in heading))
    for host in hosts:
        numbers = [f"{host.queued:,}"]
        if not narrow:
            numbers = [f"{host.active:,}", *numbers, f"{host.done:,}", f"{host.delay:.1f} s"]
        table.add_row(*(Text(cell) for cell in (printable(host.name), *numbers, printable(host.state))))
    return table


def _recent_line(outcome: Outcome, width: int) -> Text:
    lead = f"{status_word(outcome):>8}  {show_bytes(outcome.bytes):>8}  "
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(lead, style=_style(outcome))
    text.append(shorten(printable(outcome.url), width - len(lead)))
    return text


def _style(outcome: Outcome) -> str:
    if outcome.kind is OutcomeKind.FAILED or (outcome.status or 0) >= 500:
        return "red"
    if (outcome.status or 0) >= 400:
        return "yellow"
    return "dim" if outcome.kind in (OutcomeKind.EXCLUDED, OutcomeKind.REVISITED) else "green"
