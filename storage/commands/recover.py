"""`recover`: brings files that a crash left torn or unsealed to good order."""

from __future__ import annotations

import argparse
from pathlib import Path

from storage.cdxj import write_index
from storage.commands import Command, UsageError
from storage.layout import archive_directory, indexes_directory
from storage.manifest import MANIFEST, read_manifest, write_manifest
from storage.members import scan
from storage.mending import OPEN, SUFFIXES, Plan, mend, plan, writing_to
from storage.segment import SUFFIX, SealedSegment
from storage.terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", type=Path,
        help="a file (.open, .warc, .warc.gz), or a crawl directory without its ledger",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and do nothing")


def run(given: argparse.Namespace) -> int:
    for path in given.paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or directory")
    for path in given.paths:
        with writing_to(path):
            for file in _files(path):
                _recover(file, dry=given.dry_run)
            if path.is_dir() and not given.dry_run:
                _enlist(path)
    return 0


def _files(path: Path) -> list[Path]:
    """The file itself; of a directory, what is unsealed, for what is sealed was not written to any more."""
    if not path.is_dir():
        return [path]
    place = archive_directory(path) if archive_directory(path).is_dir() else path
    found = sorted(each for each in place.iterdir() if each.name.endswith(tuple(f"{end}{OPEN}" for end in SUFFIXES)))
    if not found:
        print(printable(f"{path}: nothing is unsealed"))
    return found


def _recover(file: Path, *, dry: bool) -> None:
    todo = plan(file)
    if not todo.needed:
        print(printable(f"{file}: whole, {todo.records} records; nothing to do"))
        return
    aside = None if dry else mend(todo)
    print(printable(f"{file}: {_told(todo, aside, dry=dry)}"))


def _told(todo: Plan, aside: Path | None, *, dry: bool) -> str:
    would = "would be " if dry else ""
    if not todo.records:
        where = "" if aside is None else f" as {aside.name}"
        return f"no whole record in {todo.size} bytes ({todo.why}); {would}set aside{where}"
    parts = [f"{todo.records} whole records, {todo.keep} bytes"]
    if todo.rewrite:  # those in the torn frame
        parts[0] += f" as they are and {todo.rewrite} that {'would be' if dry else 'are'} compressed anew"
    if todo.complete:
        parts.append(f"line ends {would}added to the last")
    elif todo.why:
        where = "" if aside is None else f" in {aside.name}"
        parts.append(f"{todo.cut} bytes {would}set aside{where} ({todo.why})")
    if todo.final != todo.path:
        parts.append(f"{would}sealed as {todo.final.name}")
    return "; ".join(parts)


def _enlist(directory: Path) -> None:
    """Sealed segments behind the last that the manifest knows get their rows and their indexes."""
    if not (indexes_directory(directory) / MANIFEST).exists():
        return
    rows = read_manifest(directory)
    for segment in sorted(archive_directory(directory).glob(f"*{SUFFIX}")):
        number = segment.name.removesuffix(SUFFIX).rpartition("-")[2]
        if not number.isdecimal() or (rows and int(number) <= rows[-1].number):
            continue
        scanned = scan(segment, segment.stat().st_size)
        previous = rows[-1].sha256 if rows else None
        write_index(directory, segment.name)
        rows.append(
            SealedSegment(
                segment.name, int(number), scanned.records, scanned.length, scanned.sha256, None, None, previous
            )
        )
        write_manifest(directory, rows)
        print(printable(f"{segment.name}: indexed, and added to the manifest"))


COMMAND = Command(
    description=(
        "Puts files in order that a crash of any tool left torn or unsealed: cuts behind the last whole record, keeps"
        " what was cut in a file beside it (.torn), takes .open off the name. No whole record is lost, and a run that"
        " was interrupted can be repeated. A crawl with its ledger, crawl.db, is refused: resume it instead."
    ),
    examples=(
        ("recover --dry-run broken.warc.gz", "what would be done"),
        ("recover broken.warc.gz", "cut the torn tail off, into broken.warc.gz.torn"),
        ("recover copied/crawl", "seal what is .open in a directory without crawl.db"),
    ),
    add_arguments=add_arguments,
    run=run,
)
