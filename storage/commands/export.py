"""`export`: the captures of an archive as a table for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from storage.archive import Archive
from storage.commands import Command, UsageError
from storage.commands.asking import add_archive, add_filters, add_lenient, chosen, open_archive, tell_damage
from storage.lines import Entry
from storage.terminal import Advance, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    add_lenient(parser)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--cdxj", action="store_true", help="sorted CDXJ, as replay tools read it")
    form.add_argument("--urls", action="store_true", help="every URL once, one a line")
    form.add_argument("--parquet", action="store_true", help="a Parquet table; needs pyarrow, and -o")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="into this file instead of standard output")
    add_filters(parser)


def run(given: argparse.Namespace) -> int:
    if given.parquet and given.output is None:
        raise UsageError("--parquet needs -o FILE")
    with (
        open_archive(given.path, lenient=given.lenient) as archive,
        progress("exporting", None, unit="captures") as advance,
    ):
        entries = _counted(archive, given, advance)
        if given.parquet:
            _write_parquet(entries, given.output)
            return tell_damage(archive)
        with ExitStack() as stack:
            target = sys.stdout.buffer if given.output is None else stack.enter_context(given.output.open("wb"))
            for line in _urls(entries) if given.urls else (entry.line for entry in entries):
                target.write(line.encode("utf-8", "surrogatepass") + b"\n")
            target.flush()
        return tell_damage(archive)


def _counted(archive: Archive, given: argparse.Namespace, advance: Advance) -> Iterator[Entry]:
    for capture in chosen(archive, given):
        advance(1)
        assert capture.entry is not None
        yield capture.entry


def _urls(entries: Iterator[Entry]) -> Iterator[str]:
    """Captures of a URL stand together, but for others that share its key."""
    key, seen = None, set[str]()
    for entry in entries:
        if entry.key != key:
            key, seen = entry.key, set()
        if entry.url not in seen:
            seen.add(entry.url)
            yield entry.url


def _write_parquet(entries: Iterator[Entry], path: Path) -> None:
    try:
        from storage.parquet import write_parquet
    except ModuleNotFoundError as error:
        raise UsageError(f"--parquet needs the package {error.name}: pip install 'annals[parquet]'") from None
    write_parquet(path, entries)


COMMAND = Command(
    description="Writes the index of an archive in the order of SURT keys and time: as CDXJ for replay tools, as a "
    "list of URLs, or as a Parquet table for analysis (columns url, surt, time, status, mime, digest, segment, offset, "
    "length, revisit).",
    examples=(
        ("export crawls/seeds --cdxj > index.cdxj", "for a CDX server"),
        ("export crawls/seeds --urls --status 404", "what was not found"),
        ("export crawls/seeds --parquet -o captures.parquet", "for DuckDB, pandas or Spark"),
    ),
    add_arguments=add_arguments,
    run=run,
)
