"""The running crawl as a line now and then: for pipes, log files and unattended runs."""

from __future__ import annotations

from typing import TextIO

from crawler.model import Outcome
from crawler.progress import Progress
from crawler.report.rate import Rate
from crawler.report.text import outcome_line, printable
from crawler.units import show_bytes, show_seconds

EVERY = 10.0
"""Seconds of crawling between two lines."""


class PlainView:
    """Writes a line every ten seconds, and at once when the crawl pauses, goes on or begins to stop."""

    interval = 1.0

    def __init__(self, stream: TextIO, *, every: float = EVERY) -> None:
        self._stream = stream
        self._every = every
        self._rate = Rate()
        self._last_time = 0.0
        self._last_state = "crawling"

    def start(self) -> None:
        pass

    def update(self, progress: Progress) -> None:
        rates = self._rate.update(progress)
        if progress.elapsed - self._last_time >= self._every or progress.state != self._last_state:
            self._last_time, self._last_state = progress.elapsed, progress.state
            self._write(progress_line(progress, rates))

    def outcome(self, outcome: Outcome) -> None:
        self._write(outcome_line(outcome))

    def stop(self) -> None:
        self._stream.flush()

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def progress_line(progress: Progress, rates: tuple[float, float]) -> str:
    """`0:20  crawling: 120 done, 340 queued, 8 in flight, 3 failed, 1.2 MB, 12.0 URLs/s`."""
    parts = [
        f"{progress.done:,} done",
        f"{progress.queued:,} queued",
        f"{progress.in_flight:,} in flight",
        f"{progress.failed:,} failed" if progress.failed else "",
        show_bytes(progress.bytes),
        f"{rates[0]:.1f} URLs/s",
    ]
    return f"{show_seconds(progress.elapsed)}  {printable(progress.state)}: {', '.join(part for part in parts if part)}"
