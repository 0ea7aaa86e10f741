"""`list`: the captures of an archive, one a line, from the index alone."""

from __future__ import annotations

import argparse
import json
import sys

from storage.capture import Capture
from storage.commands import Command
from storage.commands.asking import add_archive, add_filters, add_lenient, chosen, count, iso, open_archive, tell_damage
from storage.terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    add_lenient(parser)
    add_filters(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with digest and place")
    parser.add_argument("--limit", metavar="N", type=count, help="not more than N")


def run(given: argparse.Namespace) -> int:
    write = sys.stdout.write
    with open_archive(given.path, lenient=given.lenient) as archive:
        for number, capture in enumerate(chosen(archive, given)):
            if number == given.limit:
                break
            write(_json(capture) if given.json else _line(capture))
        return tell_damage(archive)


def _line(capture: Capture) -> str:
    entry = capture.entry
    assert entry is not None
    status = "-" if entry.status is None else str(entry.status)
    return f"{iso(entry.timestamp)} {status:>3} {printable(entry.mime):<24} {printable(entry.url)}\n"


def _json(capture: Capture) -> str:
    entry = capture.entry
    assert entry is not None
    values = {
        "url": entry.url, "timestamp": iso(entry.timestamp), "status": entry.status, "mime": entry.mime,
        "digest": entry.digest, "segment": entry.filename, "offset": entry.offset, "length": entry.length,
        "revisit": entry.revisit, "provisional": capture.provisional,
    }  # fmt: skip
    return json.dumps(values) + "\n"


COMMAND = Command(
    description="Lists captures in the order of their SURT keys (a domain's pages together) and of time: when, status, "
    "media type, URL. A revisit, kept because the answer was the same as before, has the type warc/revisit.",
    examples=(
        ("list crawls/seeds", "everything"),
        ("list crawls/seeds --status 4xx,5xx", "what failed"),
        ("list crawls/seeds --prefix https://example.com/docs/ --mime text/html", "the pages of a part"),
        ("list crawls/seeds --since 2026-01-01 --json | jq .url", "for other programs"),
    ),
    add_arguments=add_arguments,
    run=run,
)
