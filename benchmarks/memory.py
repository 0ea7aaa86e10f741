"""Resident memory of a crawl: with a million URLs queued, and with a response of two gigabytes.

    python -m benchmarks.memory [--urls 1000000] [--size 2147483648] [--only idle|queue|response]

The largest resident set of the crawl process, as the kernel counts it (VmHWM). `idle` is the same program crawling
one small page: what interpreter and libraries take. Exits with 1 if a bound is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import annals_command
from benchmarks.measure import Usage, cores, run, table
from benchmarks.servers import running

MIB = 1 << 20
FAN_OUT = 1000
QUEUE_BOUND = 250 * MIB
RESPONSE_BOUND = 50 * MIB


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    usage: Usage
    bound: int | None = None
    """What the peak may be."""

    @property
    def kept(self) -> bool:
        return self.bound is None or self.usage.peak_bytes < self.bound

    def row(self) -> tuple[str, ...]:
        bound = "" if self.bound is None else f"{self.bound / MIB:.0f}"
        peak = f"{self.usage.peak_bytes / MIB:.0f}"
        return self.what, peak, bound, f"{self.usage.cpu_seconds:.1f}", f"{self.usage.wall_seconds:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=1_000_000, help="URLs to queue")
    parser.add_argument("--size", type=int, default=2 << 30, help="bytes of the large response")
    parser.add_argument("--only", choices=("idle", "queue", "response"))
    given = parser.parse_args(arguments)
    figures = [idle()]
    if given.only in (None, "queue"):
        figures.append(queue(given.urls))
    if given.only in (None, "response"):
        figures.append(response(given.size, figures[0].usage.peak_bytes))
    print(table(("what", "peak MiB", "bound MiB", "CPU s", "wall s"), [figure.row() for figure in figures]))
    return 0 if all(figure.kept for figure in figures) else 1


def idle() -> Figure:
    """A crawl of two small answers."""
    with running("large", "--size", "1") as url:
        return Figure("idle: one small page", crawl(url, _archived("index.html", "large.bin")))


def queue(urls: int) -> Figure:
    """Fetches as many pages as it takes to queue that many URLs, and stops."""
    pages = max(1, urls // FAN_OUT)
    with running("tree", "--fan-out", str(FAN_OUT)) as url:
        usage = crawl(url, _lines(pages), "--max-pages", str(pages))
    return Figure(f"{pages * FAN_OUT:,} queued URLs, {pages:,} pages fetched", usage, QUEUE_BOUND)


def response(size: int, idle_bytes: int) -> Figure:
    """Fetches one large response."""
    with running("large", "--size", str(size)) as url:
        usage = crawl(url, _archived("large.bin"), "--max-body", str(size + MIB))
    return Figure(f"a response of {size / (1 << 30):.2f} GiB", usage, idle_bytes + RESPONSE_BOUND)


Check = Callable[[str], bool]
"""From the crawl's log of URLs to whether it did what was asked."""


def crawl(url: str, did: Check, *more: str) -> Usage:
    """One crawl under observation. Raises RuntimeError if it failed or did something else than was asked."""
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as name:
        home = Path(name)
        log = home / "output.log"
        usage = run(annals_command(url, home, *more), log, core=cores()[0], sample=True)
        urls = home / "crawl" / "logs" / "urls.jsonl"
        if usage.exit_code != 0 or not did(urls.read_text("utf-8")):
            said = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the crawl of {url} ended with {usage.exit_code}: {said}")
        return usage


def _archived(*names: str) -> Check:
    return lambda log: all(any(name in line and '"archived"' in line for line in log.splitlines()) for name in names)


def _lines(at_least: int) -> Check:
    return lambda log: len(log.splitlines()) >= at_least


if __name__ == "__main__":
    sys.exit(main())
