"""`get`: one capture's body, or what was sent and asked, to standard output or a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from storage.capture import Capture
from storage.commands import Command
from storage.commands.asking import add_archive, add_lenient, open_archive, tell_damage, time
from storage.errors import ArchiveError
from storage.terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_archive(parser)
    add_lenient(parser)
    parser.add_argument("url", metavar="URL", help="what was captured")
    parser.add_argument(
        "--at", metavar="TIME", type=time, help="the capture closest to this time; without it, the newest"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--raw", action="store_true", help="the answer as it was sent: head, chunks and codings")
    what.add_argument("--headers", action="store_true", help="the answer's head as it was sent")
    what.add_argument("--request", action="store_true", help="the request as it was sent")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="into this file instead of standard output")


def run(given: argparse.Namespace) -> int:
    with open_archive(given.path, lenient=given.lenient) as archive:
        capture = archive.get(given.url, given.at)
        if capture is None:
            tell_damage(archive)
            raise ArchiveError(f"{given.url} is not in this archive", path=str(given.path))
        pieces = _pieces(capture, given)
        with ExitStack() as stack:
            target = sys.stdout.buffer if given.output is None else stack.enter_context(given.output.open("wb"))
            _write(pieces, target)
        for note in capture.decoding_notes:
            print(f"storage: {printable(note)}", file=sys.stderr)
        return tell_damage(archive)


def _pieces(capture: Capture, given: argparse.Namespace) -> Iterable[bytes]:
    if given.request:
        request = capture.request
        if request is None:
            raise ArchiveError(f"no request is kept with the capture of {capture.url}", path=str(given.path))
        return request.chunks()
    if given.headers:
        return (capture.raw_head,)
    return capture.record.chunks() if given.raw else capture.chunks()


def _write(pieces: Iterable[bytes], target: BinaryIO) -> None:
    for piece in pieces:
        target.write(piece)
    target.flush()


COMMAND = Command(
    description="Writes the body of a capture, its codings taken off, byte for byte. The newest capture counts, or the "
    "one closest to --at. A revisit gives the body that it refers to.",
    examples=(
        ("get crawls/seeds https://example.com/ > page.html", "the newest"),
        ("get crawls/seeds https://example.com/ --at 2026-01-02", "as it was then"),
        ("get crawls/seeds https://example.com/ --headers", "status line and headers"),
        ("get crawls/seeds https://example.com/big.iso -o big.iso", "of any size"),
    ),
    add_arguments=add_arguments,
    run=run,
)
