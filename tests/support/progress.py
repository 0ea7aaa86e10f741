"""Values of a running crawl, made for tests of what shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from crawler.model import Outcome, OutcomeKind
from crawler.progress import HostLine, Progress

HOSTILE = "http://a.test/\x1b]0;pwned\x07\x1b[2J[bold red]x[/]\u202egnp.exe\r\n\x9b31m"
"""A URL that would set the title, clear the screen, colour, turn and overwrite, if it were let."""


def outcome(number: int = 1, **changes: Any) -> Outcome:
    base = Outcome(
        kind=OutcomeKind.ARCHIVED, url=f"http://a.test/page/{number}", seq=number, status=200, bytes=10_240, ms=35
    )
    return replace(base, **changes)


def progress(**changes: Any) -> Progress:
    base = Progress(
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        elapsed=83.0,
        done=1234,
        archived=1200,
        revisited=10,
        failed=14,
        excluded=10,
        queued=56_789,
        in_flight=64,
        bytes=123_456_789,
        state="crawling",
    )
    return replace(base, **changes)


def busy(**changes: Any) -> Progress:
    hosts = tuple(HostLine(f"host-{n}.test", 2, 1000 * n, 10 * n, 0.5, "ready") for n in range(8))
    recent = tuple(outcome(n) for n in range(8))
    return replace(progress(hosts=hosts, recent=recent), **changes)
