"""`extract`: the newest capture of each URL as a file in a tree of directories."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from storage.capture import Capture
from storage.commands import Command, UsageError
from storage.commands.asking import add_archive, add_filters, add_lenient, chosen, open_archive, tell_damage
from storage.errors import ArchiveError
from storage.terminal import printable, progress
from storage.tree import LIST, Tree


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    add_lenient(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a directory that is empty or not there")
    add_filters(parser)


def run(given: argparse.Namespace) -> int:
    if given.status is None:
        given.status = "200"
    failed = 0
    with ExitStack() as stack:
        archive = stack.enter_context(open_archive(given.path, lenient=given.lenient))
        try:
            tree = Tree(given.out)
        except FileExistsError:
            raise UsageError(f"{given.out}: choose a directory that is empty or not there") from None
        listed = stack.enter_context((given.out / LIST).open("x", encoding="utf-8"))
        advance = stack.enter_context(progress("extracting", None, unit="files"))
        for capture in _newest(chosen(archive, given)):
            try:
                parts = tree.place(capture.url, capture.mime)
                tree.write(parts, capture.chunks())
            except ArchiveError as error:
                print(f"storage: {printable(str(error))}", file=sys.stderr)
                failed += 1
                continue
            listed.write(f"{printable('/'.join(parts))}\t{printable(capture.url)}\n")
            advance(1)
        return 1 if tell_damage(archive) or failed else 0


def _newest(captures: Iterator[Capture]) -> Iterator[Capture]:
    """Of each URL; they come by key, oldest first."""
    for _, group in groupby(captures, key=lambda capture: "" if capture.entry is None else capture.entry.key):
        yield from {capture.url: capture for capture in group}.values()


COMMAND = Command(
    description="Writes the newest capture of each URL as a file, codings taken off, under DIR/HOST/PATH, and DIR/"
    "urls.tsv, which tells the URL of each. Only answers with status 200, unless --status asks for others. Links in "
    "pages are left as they are. No name can lead out of DIR, whatever the URL.",
    examples=(
        ("extract crawls/seeds --out tree", "all of it"),
        ('extract crawls/seeds --out pictures --mime "image/*"', "its images"),
        ("extract crawls/seeds --out then --until 2026-01-31", "as it was at the end of January"),
    ),
    add_arguments=add_arguments,
    run=run,
)
