"""`diff`: which pages are new, gone or changed between two archives, or between two times of one."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from storage.archive import Archive
from storage.capture import Capture
from storage.commands import Command, UsageError
from storage.commands.asking import ARCHIVE_HELP, open_archive, time
from storage.compare import Change, Difference, compare
from storage.terminal import printable

_SIGN = {Change.NEW: "+", Change.GONE: "-", Change.CHANGED: "~"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="BEFORE", type=Path, help=ARCHIVE_HELP)
    parser.add_argument("now", metavar="NOW", type=Path, nargs="?", help="another; without it, --at divides the first")
    parser.add_argument(
        "--at", metavar="TIME", type=time, help="compare what was captured before this time with what was since"
    )
    parser.add_argument("--prefix", metavar="URL", help="only URLs that begin so")
    parser.add_argument("--mime", metavar="TYPE", help='only this media type: text/html, "image/*"')
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if anything differs")


def run(given: argparse.Namespace) -> int:
    if (given.now is None) == (given.at is None):
        raise UsageError("name two archives, or one and --at TIME")
    counts: Counter[Change] = Counter()
    with ExitStack() as stack:
        before, now = _sides(given, stack)
        for difference in compare(before, now):
            counts[difference.change] += 1
            if difference.change is not Change.SAME:
                sys.stdout.write(_json(difference) if given.json else _line(difference))
    if not given.json:
        print(", ".join(f"{counts[change]:,} {change}" for change in Change))
    differs = any(counts[change] for change in _SIGN)
    return 1 if differs and given.exit_code else 0


def _sides(given: argparse.Namespace, stack: ExitStack) -> tuple[Iterator[Capture], Iterator[Capture]]:
    first = stack.enter_context(open_archive(given.path))
    if given.now is not None:
        second: Archive = stack.enter_context(open_archive(given.now))
        return first.captures(prefix=given.prefix, mime=given.mime), second.captures(
            prefix=given.prefix, mime=given.mime
        )
    try:
        last = given.at - timedelta(seconds=1)
    except OverflowError:
        raise UsageError(f"--at: no time is before {given.at:%Y-%m-%d}") from None
    before = first.captures(prefix=given.prefix, mime=given.mime, until=last)
    return before, first.captures(prefix=given.prefix, mime=given.mime, since=given.at)


def _line(difference: Difference) -> str:
    change, url, before, now = difference
    return f"{_SIGN[change]} {_status(before)} {_status(now)} {printable(url)}\n"


def _status(capture: Capture | None) -> str:
    return "  -" if capture is None or capture.status is None else str(capture.status)


def _json(difference: Difference) -> str:
    values: dict[str, object] = {"change": difference.change, "url": difference.url}
    for name, capture in (("before", difference.before), ("now", difference.now)):
        entry = None if capture is None else capture.entry
        values[name] = entry and {"timestamp": entry.timestamp, "status": entry.status, "digest": entry.digest}
    return json.dumps(values) + "\n"


COMMAND = Command(
    description="Compares the newest capture of each URL in two archives, by status and payload digest: + new, - gone "
    "(absent, or now an error), ~ changed; then both statuses. With --at, compares two times of one archive, "
    "such as the rounds of a crawl that was repeated.",
    examples=(
        ("diff crawls/january crawls/february", "between two crawls"),
        ("diff crawls/seeds --at 2026-02-01", "before and since February"),
        ("diff old.wacz new.wacz --mime text/html --json", "pages only, for other programs"),
    ),
    add_arguments=add_arguments,
    run=run,
)
