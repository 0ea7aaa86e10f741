"""`stats`: what an archive holds, counted by status, type, host and day."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator

from storage.archive import Archive
from storage.capture import Capture
from storage.commands import Command
from storage.commands.asking import add_archive, add_filters, add_lenient, chosen, count, iso, open_archive, tell_damage
from storage.lines import Entry
from storage.tally import Tally, tally
from storage.terminal import printable, progress

_WIDTH = 40
_FULL, _PARTS = "█", " ▏▎▍▌▋▊▉"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    add_lenient(parser)
    add_filters(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--top", metavar="N", type=count, default=15, help="lines a picture has at most (15)")


def run(given: argparse.Namespace) -> int:
    with open_archive(given.path, lenient=given.lenient) as archive:
        counted = tally(_entries(archive, given))
        print(json.dumps(_values(counted)) if given.json else _picture(counted, given.top))
        return tell_damage(archive)


def _values(counted: Tally) -> dict[str, object]:
    return {field.name: getattr(counted, field.name) for field in dataclasses.fields(counted)}


def _entries(archive: Archive, given: argparse.Namespace) -> Iterator[Entry]:
    with progress("counting", None, unit="captures") as advance:
        for capture in chosen(archive, given):
            advance(1)
            yield _entry(capture)


def _entry(capture: Capture) -> Entry:
    assert capture.entry is not None
    return capture.entry


def _picture(counted: Tally, top: int) -> str:
    span = f", {iso(counted.first)} to {iso(counted.last)}" if counted.captures else ""
    lines = [
        f"{counted.captures:,} captures of {counted.urls:,} URLs{span}",
        f"{counted.revisits:,} of them revisits; {counted.bytes:,} bytes of records",
    ]
    lines += _bars("status", sorted(counted.statuses.items()), top)
    lines += _bars("media type", counted.mimes.most_common(), top)
    lines += _bars("host", counted.hosts.most_common(), top)
    lines += _bars("day", _latest(counted.days, top), top)
    return "\n".join(lines)


def _latest(days: Counter[str], top: int) -> list[tuple[str, int]]:
    return sorted(days.items())[-top:]


def _bars(title: str, counts: list[tuple[str, int]], top: int) -> list[str]:
    if not counts:
        return []
    shown = counts[:top]
    rest = sum(count for _, count in counts[top:])
    if rest:
        shown = [*shown, (f"{len(counts) - top} more", rest)]
    most = max(count for _, count in shown)
    names = [printable(name)[:48] for name, _ in shown]
    wide = max(map(len, names))
    digits = max(len(f"{count:,}") for _, count in shown)
    rows = [
        f"  {name:<{wide}} {count:>{digits},} {_bar(count, most)}"
        for name, (_, count) in zip(names, shown, strict=True)
    ]
    return ["", f"by {title}", *rows]


def _bar(count: int, most: int) -> str:
    eighths = max(1, round(count * _WIDTH * 8 / most))
    return (_FULL * (eighths // 8) + _PARTS[eighths % 8]).rstrip()


COMMAND = Command(
    description="Counts captures by status, media type, host and day, and draws the counts. Read from the index.",
    examples=(
        ("stats crawls/seeds", "the whole"),
        ("stats crawls/seeds --host example.com --since 2026", "one host, this year"),
        ("stats crawls/seeds --json", "for other programs"),
    ),
    add_arguments=add_arguments,
    run=run,
)
