"""`verify`: proves an archive whole, or names file, offset, record and rule of what is wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

from storage.commands import Command, UsageError
from storage.manifest import verify_chain
from storage.terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a crawl directory")


def run(given: argparse.Namespace) -> int:
    wrong = False
    for path in given.paths:
        if not path.is_dir():
            raise UsageError(f"{path} is no directory")
        for finding in verify_chain(path):
            print(printable(f"error: {finding}"))
            wrong = True
    return 1 if wrong else 0


COMMAND = Command(
    description="Checks every sealed segment of a crawl directory against its manifest.",
    examples=(("verify crawls/seeds", "the whole crawl"),),
    add_arguments=add_arguments,
    run=run,
)
