"""A crawl directory as a whole: manifest, ledger, log of URLs and list of pages against the segments."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import astuple

from storage.errors import CorruptArchive
from storage.layout import archive_directory, indexes_directory
from storage.manifest import MANIFEST, FindingKind, read_manifest, verify_chain
from storage.segment import OPEN, SUFFIX
from storage.verify.facts import Claim, Facts, key
from storage.verify.ledger import LEDGER, reading
from storage.verify.rules import Finding, Rule, Severity, finding

_BATCH = 5000
_LINE_LIMIT = 64 << 20

Report = Callable[[Finding], None]


def is_unfinished(directory: Path) -> bool:
    """True while a segment is unsealed: then derived files may lag behind."""
    return any(archive_directory(directory).glob(f"*{OPEN}"))


def check_manifest(directory: Path, report: Report, advance: Callable[[int], None]) -> None:
    """Every sealed segment and the chain. Blocking: reads every segment. Raises OSError."""
    manifest = indexes_directory(directory) / MANIFEST
    try:
        found = verify_chain(directory, advance)
    except (CorruptArchive, UnicodeDecodeError) as error:
        offset = error.offset if isinstance(error, CorruptArchive) else None
        message = error.message if isinstance(error, CorruptArchive) else str(error)
        report(finding(Rule.MANIFEST_UNREADABLE, str(manifest), message, offset))
        return
    for each in found:
        rule = Rule.UNLISTED if each.kind is FindingKind.UNLISTED else Rule.MANIFEST
        report(finding(rule, str(archive_directory(directory) / each.segment), each.message))


def check_ledger(directory: Path, report: Report) -> None:
    """The ledger's sealed segments are the manifest's. Raises OSError."""
    path = directory / LEDGER
    if not path.is_file():
        return
    try:
        with reading(path) as db:
            rows = db.execute(
                "SELECT name, number, records, length, sha256, first_seq, last_seq, previous_sha256 FROM segments"
                " WHERE state = 'sealed' ORDER BY number"
            ).fetchall()
            names = {name for (name,) in db.execute("SELECT name FROM segments")}
        listed = [astuple(row) for row in read_manifest(directory)]
    except sqlite3.Error as error:
        report(finding(Rule.LEDGER, str(path), f"cannot be read: {error}"))
        return
    except CorruptArchive:
        return  # told by check_manifest
    unfinished = is_unfinished(directory)
    if rows != listed and not unfinished:
        for mine, theirs in zip([*rows, *[None] * len(listed)], [*listed, *[None] * len(rows)], strict=False):
            if mine != theirs:
                name = (mine or theirs or ("",))[0]
                report(finding(Rule.LEDGER, str(path), f"{name}: the ledger says {mine}, the manifest {theirs}"))
                break
    for segment in sorted(archive_directory(directory).glob(f"*{SUFFIX}")):
        if segment.name not in names:
            report(finding(Rule.LEDGER, str(path), f"the ledger does not name {segment.name}"))


def committed_lengths(directory: Path) -> dict[str, int]:
    """Bytes that the ledger vouches for in each segment that is not sealed, by its final name; {} without a ledger.

    Raises OSError."""
    path = directory / LEDGER
    if not path.is_file():
        return {}
    try:
        with reading(path) as db:
            rows = db.execute("SELECT name, length FROM segments WHERE state <> 'sealed'").fetchall()
    except sqlite3.Error:
        return {}  # told by check_ledger
    return {name: length for name, length in rows if isinstance(name, str) and isinstance(length, int)}


def check_log(directory: Path, facts: Facts, files: Mapping[str, int], claimant: int, report: Report) -> None:
    """The log of URLs: every line is one, outcomes are numbered from 1 without gaps; places become claims."""
    path = directory / "logs" / "urls.jsonl"
    lines = _Lines(path, Rule.LOG, report, torn_is_fine=is_unfinished(directory))
    expected = 1
    claims: list[Claim] = []
    for number, value in lines:
        seq = value.get("seq")
        if seq != expected or type(seq) is not int:
            report(finding(Rule.LOG_SEQUENCE, str(path), f"line {number}: outcome {seq!r:.20}, not {expected}"))
        expected = seq + 1 if type(seq) is int else expected + 1
        segment, offset, url = value.get("segment"), value.get("offset"), value.get("url")
        if segment is None and offset is None:
            continue
        if not isinstance(segment, str) or not _is_offset(offset) or not isinstance(url, str):
            report(finding(Rule.LOG, str(path), f"line {number}: no place of a record"))
        elif segment in files:
            claims.append((files[segment], offset, None, key(url), None, claimant, number))
        elif not is_unfinished(directory):
            report(finding(Rule.LOG, str(path), f"line {number}: there is no segment {segment!r:.100}"))
        claims = _handed_over(facts, claims)
    facts.claim(claims)


def check_pages(path: Path, facts: Facts, claimant: int, report: Report, *, unfinished: bool, ours: bool) -> None:
    """A list of pages: a header, then pages with URL and date; in our own directories their ids name records."""
    claims: list[Claim] = []
    for number, value in _Lines(path, Rule.PAGES, report, torn_is_fine=unfinished):
        if number == 1 and "format" in value:
            continue
        url, ts, name = value.get("url"), value.get("ts"), value.get("id")
        if not isinstance(url, str) or not isinstance(ts, str):
            report(finding(Rule.PAGES, str(path), f"line {number}: a page needs url and ts"))
        elif ours and isinstance(name, str):
            claims.append((None, None, key(f"urn:uuid:{name}"), key(url), None, claimant, number))
        claims = _handed_over(facts, claims)
    facts.claim(claims)


def _is_offset(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _handed_over(facts: Facts, claims: list[Claim]) -> list[Claim]:
    if len(claims) < _BATCH:
        return claims
    facts.claim(claims)
    return []


class _Lines:
    """The JSON objects of a file of lines, by line number; what is none is told."""

    def __init__(self, path: Path, rule: Rule, report: Report, *, torn_is_fine: bool) -> None:
        self._path, self._rule, self._report, self._torn_is_fine = path, rule, report, torn_is_fine

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            number = 0
            while line := file.readline(_LINE_LIMIT):
                number += 1
                torn = not line.endswith(b"\n")
                if torn and self._torn_is_fine:
                    return
                value = _object(line)
                if value is None or torn:
                    message = f"line {number}: {'the file ends within it' if torn else 'no JSON object'}"
                    self._report(finding(self._rule, str(self._path), message))
                if value is not None:
                    yield number, value


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def severity_of_claims(unfinished: bool) -> Severity:
    """How grave it is when a derived file names what is not there."""
    return Severity.NOTE if unfinished else Severity.ERROR
