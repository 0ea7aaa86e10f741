"""CDXJ indexes against the records they index: a segment's own index line by line, any other by the places it names."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from storage.cdxj import index_line
from storage.errors import InvalidRecord
from storage.header import RecordHeader
from storage.verify.facts import Claim, Facts, key
from storage.verify.rules import Finding, Rule, finding
from storage.verify.walk import Seen

_MASK = (1 << 64) - 1
_LINE_LIMIT = 1 << 20
_BATCH = 5000

Report = Callable[[Finding], None]
Again = Callable[[Callable[[Seen], None]], None]
"""Reads a segment once more and calls what it is given with each record."""


class SegmentIndex:
    """Holds one segment's index against its records: sums of hashes first, and lines only where those differ."""

    def __init__(self, path: Path, segment: str) -> None:
        self._path, self._segment = path, segment
        self._count = self._sum = 0

    def add(self, seen: Seen) -> None:
        """A record of the segment."""
        line = self._line(seen)
        if line is not None:
            self._count += 1
            self._sum = self._sum + hash(line) & _MASK

    def check(self, report: Report, again: Again) -> None:
        """Compares. Raises OSError."""
        count = total = 0
        previous, ordered = "", True
        for line in self._lines():
            count += 1
            total = total + hash(line) & _MASK
            ordered = ordered and previous <= line
            previous = line
        if not ordered:
            report(finding(Rule.INDEX_ORDER, str(self._path), "lines are not sorted: a binary search misses captures"))
        if (count, total) != (self._count, self._sum):
            self._tell_difference(report, again)

    def _tell_difference(self, report: Report, again: Again) -> None:
        """Names each line too many and each capture without its line."""
        there: dict[int, int] = {}
        for line in self._lines():
            there[hash(line)] = there.get(hash(line), 0) + 1

        def look_for(seen: Seen) -> None:
            wanted = self._line(seen)
            if wanted is None:
                return
            if there.get(hash(wanted), 0):
                there[hash(wanted)] -= 1
            else:
                message = f"no line for the record in {self._segment} at {seen.offset}"
                report(finding(Rule.INDEX, str(self._path), message, None, seen.header.id))

        again(look_for)
        for number, line in enumerate(self._lines(), 1):
            if there.get(hash(line), 0):
                there[hash(line)] -= 1
                report(finding(Rule.INDEX, str(self._path), f"line {number}: no record bears it out: {line[:100]!r}"))

    def _line(self, seen: Seen) -> str | None:
        header = seen.header
        if header.type in ("request", "warcinfo") or seen.length is None:
            return None
        values = RecordHeader(header.version, tuple(header.values.items()))
        try:
            return index_line(values, seen.beginning, seen.offset, seen.length, self._segment)
        except InvalidRecord:
            return None  # told where the record was judged

    def _lines(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            while line := file.readline(_LINE_LIMIT):
                yield line.decode("utf-8", "surrogateescape")


def claim_index(
    file: BinaryIO, label: str, packed: bool, facts: Facts, files: Mapping[str, int], claimant: int, report: Report
) -> None:
    """The places that an index of any CDXJ form names, as claims; other lines and unknown files are told."""
    claims: list[Claim] = []
    previous = b""
    ordered = True
    try:
        for number, line in enumerate(_any_lines(file, packed), 1):
            ordered = ordered and previous <= line
            previous = line
            claim = _claim(line, files, claimant, number)
            if isinstance(claim, str):
                report(finding(Rule.INDEX, label, f"line {number}: {claim}"))
            elif claim is not None:
                claims.append(claim)
            if len(claims) >= _BATCH:
                facts.claim(claims)
                claims = []
    except (OSError, EOFError, zlib.error) as error:
        if packed:
            report(finding(Rule.INDEX, label, f"cannot be unpacked: {error}"))
        else:
            raise
    facts.claim(claims)
    if not ordered:
        report(finding(Rule.INDEX_ORDER, label, "lines are not sorted: a binary search misses captures"))


def _any_lines(file: BinaryIO, packed: bool) -> Iterator[bytes]:
    lines = gzip.GzipFile(fileobj=file) if packed else file
    while line := lines.readline(_LINE_LIMIT):
        yield line


def _claim(line: bytes, files: Mapping[str, int], claimant: int, number: int) -> Claim | str | None:
    """The claim a line makes, None for a line that makes none, or what is wrong with it."""
    if line.startswith((b" CDX", b"!")):
        return None
    parts = line.split(b" ", 2)
    try:
        value = json.loads(parts[2]) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return "no CDXJ line"
    url, name, offset = value.get("url"), value.get("filename"), str(value.get("offset"))
    if not isinstance(url, str) or not isinstance(name, str) or not (offset.isascii() and offset.isdecimal()):
        return "it lacks url, filename or offset"
    if len(offset) > 18:
        return f"its offset is {offset[:30]}"
    where = files.get(name.rpartition("/")[2])
    if where is None:
        return f"there is no file {name[:100]!r}"
    return where, int(offset), None, key(url), None, claimant, number
