"""What several commands ask for in the same words: which archive, which captures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from storage.archive import Archive
from storage.capture import Capture
from storage.commands import UsageError
from storage.selection import read_statuses
from storage.terminal import printable
from storage.times import parse_time

ARCHIVE_HELP = "a crawl directory, a WARC, ARC or WACZ file, or a directory of these"


def count(text: str) -> int:
    """A number of things, 1 or more. Raises ArgumentTypeError with a sentence."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def time(text: str) -> datetime:
    """Raises ArgumentTypeError with a sentence for what is no time."""
    return _time(text, end=False)


def last_time(text: str) -> datetime:
    """The same, but of a day or a year its end."""
    return _time(text, end=True)


def _time(text: str, *, end: bool) -> datetime:
    try:
        return parse_time(text, end=end)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def statuses(text: str) -> frozenset[str]:
    """`404`, `4xx` or several of them. Raises ArgumentTypeError with a sentence."""
    try:
        return read_statuses(text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_archive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", type=Path, help=ARCHIVE_HELP)


def add_lenient(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="go on behind damage, tell of it at the end, exit with 1; without it the first damage ends the command",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The options that choose captures."""
    group = parser.add_argument_group("which captures (all, unless told otherwise)")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--url", metavar="URL", help="of this URL")
    where.add_argument("--prefix", metavar="URL", help="whose URL begins so")
    where.add_argument("--host", metavar="HOST", help="of this host, with its port if it is not the usual one")
    where.add_argument("--domain", metavar="DOMAIN", help="of this domain and those below it, whatever the port")
    group.add_argument("--status", metavar="STATUS", type=statuses, help="404, 4xx, or several: 301,302")
    group.add_argument("--mime", metavar="TYPE", help='text/html, or a whole family: "image/*"')
    group.add_argument(
        "--since", metavar="TIME", type=time, help="captured then or later: 2026, 2026-01-02, 2026-01-02T03:04:05Z"
    )
    group.add_argument(
        "--until", metavar="TIME", type=last_time, help="captured then or earlier; 2026 means until its end"
    )


def open_archive(path: Path, *, lenient: bool = False) -> Archive:
    """Opens what a command line names. Raises UsageError for a path that is not there."""
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or directory")
    return Archive.open(path, lenient=lenient)


def tell_damage(archive: Archive) -> int:
    """Tells of the damage that was passed over, behind all that was found; 1 if there was any, else 0."""
    if archive.damage:
        sys.stdout.flush()
    for problem in archive.damage:
        print(f"storage: {printable(str(problem))}; passed over", file=sys.stderr)
    return 1 if archive.damage else 0


def chosen(archive: Archive, given: argparse.Namespace) -> Iterator[Capture]:
    """The captures that the options choose."""
    return archive.captures(
        url=given.url, prefix=given.prefix, host=given.host, domain=given.domain, status=given.status,
        mime=given.mime, since=given.since, until=given.until,
    )  # fmt: skip


def iso(timestamp: str) -> str:
    """14 digits as `2026-01-02T03:04:05Z`; anything else as it is."""
    if len(timestamp) != 14 or not timestamp.isdecimal():
        return timestamp
    year, rest = timestamp[:4], [timestamp[at : at + 2] for at in range(4, 14, 2)]
    return f"{year}-{rest[0]}-{rest[1]}T{rest[2]}:{rest[3]}:{rest[4]}Z"
