"""`index`: makes the indexes of an archive anew, from its records."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from storage.archive import Archive
from storage.commands import Command, UsageError
from storage.commands.asking import add_archive, open_archive
from storage.lookup import fresh, lines_of, mapped, write_source_index
from storage.order import ORDER, stamp_of, write_order
from storage.sources import Source
from storage.terminal import progress
from storage.zipnum import write_zipnum


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    parser.add_argument("--stale", action="store_true", help="only those that are missing or older than their segment")
    parser.add_argument("--zipnum", metavar="DIR", type=Path, help="also write compressed blocks there, for pywb")


def run(given: argparse.Namespace) -> int:
    if given.zipnum is not None and given.zipnum.exists() and not given.zipnum.is_dir():
        raise UsageError(f"--zipnum {given.zipnum}: is a file, not a directory")
    with open_archive(given.path) as archive:
        sources = archive.sources
        with progress("indexing", sum(source.current_size() for source in sources)) as advance:
            for source in sources:
                if source.index is None:
                    lines_of(source)
                elif not (given.stale and fresh(source)):
                    write_source_index(source, source.index)
                advance(source.current_size())
        _write_order(sources)
    if given.zipnum is not None:
        _write_zipnum(given.path, given.zipnum)
    return 0


def _write_order(sources: list[Source]) -> None:
    """One for a crawl directory; what is no crawl directory's keeps none."""
    indexes = [source.index for source in sources if source.index is not None]
    if indexes and len({index.parent for index in indexes}) == 1:
        write_order(indexes[0].parent / ORDER, [(stamp_of(index), mapped(index)) for index in indexes])


def _write_zipnum(path: Path, directory: Path) -> None:
    with Archive.open(path) as archive, progress("writing", None, unit="captures") as advance:

        def lines() -> Iterator[bytes]:
            for entry in archive.entries():
                advance(1)
                yield entry.line.encode("ascii")

        directory.mkdir(parents=True, exist_ok=True)
        write_zipnum(directory, lines())


COMMAND = Command(
    description="Makes DIR/indexes anew from the sealed segments: a sorted CDXJ file for each, and one order over all "
    "of them, with which a lookup costs the same however many segments there are. For a file that is no crawl "
    "directory's the index goes to the user's cache. Indexes are derived: nothing is lost with them.",
    examples=(
        ("index crawls/seeds", "all of them"),
        ("index crawls/seeds --stale", "only what is missing"),
        ("index crawls/seeds --zipnum collections/mine/indexes", "compressed, for a large collection of pywb"),
    ),
    add_arguments=add_arguments,
    run=run,
)
