"""What can only be judged when all records were seen: ids, references, captures. Bounded in memory at any size.

A private SQLite database that lives in its cache and spills into an unnamed temporary file, gone with the process:

    seen       a row a record: hash of its id, where it lies, and what a reference to it may claim
    refs       references that the records just before did not answer
    segments   parts of segmented records
    claims     lines of indexes, logs and page lists that name a place or a record

Ids are kept as 64-bit hashes, keyed anew in each process: that two of 10⁷ ids collide has a chance of 3 in a million,
and a repeated id is read again before it is called one.
"""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from storage.verify.header import Header, bare, date_of

_CACHE_KIB = 64 << 10
_BATCH = 10_000
_RECENT = 4096
_SECOND = 1_000_000

_SCHEMA = """
CREATE TABLE seen(id INTEGER, file INTEGER, offset INTEGER, date INTEGER, type TEXT, uri INTEGER, digest TEXT,
    length INTEGER);
CREATE TABLE refs(kind INTEGER, target INTEGER, file INTEGER, offset INTEGER, id TEXT, date INTEGER, uri INTEGER,
    digest TEXT, named TEXT);
CREATE TABLE claims(file INTEGER, offset INTEGER, record INTEGER, uri INTEGER, length INTEGER, claimant INTEGER,
    line INTEGER);
CREATE TABLE segments(origin INTEGER, file INTEGER, offset INTEGER, id TEXT, number INTEGER, length INTEGER,
    total INTEGER);
"""

Row = tuple[Any, ...]

Claim = tuple[int | None, int | None, int | None, int | None, int | None, int, int]
"""File and offset, or hash of a record's id; hash of the URI; length; who says so, and in which line."""


class Reference(enum.IntEnum):
    """What a record may name another for."""

    CONCURRENT = 1
    WARCINFO = 2
    REFERS = 3
    """WARC-Refers-To of a metadata or conversion record."""
    REVISIT = 4


class Known(Struct, frozen=True):
    """A record read a moment ago."""

    date: int | None
    type: str


def key(text: str) -> int:
    """A 64-bit hash, the same throughout a process."""
    return hash(text)


class Facts:
    """Gathers what records say of themselves and of each other; answers when all were added."""

    def __init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None)
        self.db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.db.execute("PRAGMA journal_mode = OFF")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(_SCHEMA)
        self._seen: list[Row] = []
        self._refs: list[Row] = []
        self._recent: dict[str, Known] = {}
        self._before: dict[str, Known] = {}
        self.records = 0

    def close(self) -> None:
        self.db.close()

    def add(self, header: Header, file: int, offset: int) -> Iterator[tuple[Reference, Known]]:
        """Takes a record in; gives the references that could be answered at once, to be judged."""
        self.records += 1
        name = bare(header.id)
        values = header.values
        known = Known(header.date, header.type)
        whole = header.type not in ("request", "warcinfo")
        uri = key(bare(values.get("warc-target-uri", ""))) if whole else None
        digest = values.get("warc-payload-digest") if whole else None
        self._seen.append((key(name), file, offset, header.date, header.type, uri, digest, header.length))
        if header.concurrent:
            for target in header.concurrent:
                found = self._recent.get(target) or self._before.get(target)
                if found is not None:
                    yield Reference.CONCURRENT, found
                elif target != name:
                    self._refer(Reference.CONCURRENT, target, header, file, offset)
        warcinfo = values.get("warc-warcinfo-id")
        if warcinfo is not None:
            target = bare(warcinfo)
            found = self._recent.get(target) or self._before.get(target)
            if found is None:
                self._refer(Reference.WARCINFO, target, header, file, offset)
            else:
                if target not in self._recent:
                    self._recent[target] = found  # asked for by every record: stays at hand
                yield Reference.WARCINFO, found
        self._add_rare(header, file, offset)
        self._recent[name] = known
        if len(self._recent) > _RECENT:
            self._before, self._recent = self._recent, {}
        if len(self._seen) >= _BATCH:
            self._flush()

    def _add_rare(self, header: Header, file: int, offset: int) -> None:
        values = header.values
        refers = values.get("warc-refers-to")
        if header.type == "revisit":
            self._add_revisit(header, file, offset, refers)
        elif refers is not None:
            self._refer(Reference.REFERS, bare(refers), header, file, offset)
        number = values.get("warc-segment-number", "")
        if number.isascii() and number.isdecimal() and len(number) < 10:
            origin = values.get("warc-segment-origin-id", "" if header.type == "continuation" else header.id)
            if not origin:
                return  # told where the header was judged
            total = values.get("warc-segment-total-length", "")
            row = (key(bare(origin)), file, offset, header.id, int(number), header.length,
                   int(total) if total.isascii() and total.isdecimal() and len(total) < 19 else None)  # fmt: skip
            self.db.execute("INSERT INTO segments VALUES (?,?,?,?,?,?,?)", row)

    def _add_revisit(self, header: Header, file: int, offset: int, refers: str | None) -> None:
        values = header.values
        uri, date = values.get("warc-refers-to-target-uri"), values.get("warc-refers-to-date")
        if refers is None and (uri is None or date is None):
            return  # nothing says which record it is; legal
        when = date_of(date) if date is not None else None
        named = bare(refers) if refers is not None else f"{uri} of {date}"
        self._refs.append(
            (
                Reference.REVISIT, None if refers is None else key(bare(refers)), file, offset, header.id, when,
                None if uri is None else key(bare(uri)), values.get("warc-payload-digest"), named,
            )
        )  # fmt: skip

    def _refer(self, kind: Reference, target: str, header: Header, file: int, offset: int) -> None:
        self._refs.append((kind, key(target), file, offset, header.id, header.date, None, None, target))

    def _flush(self) -> None:
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO seen VALUES (?,?,?,?,?,?,?,?)", self._seen)
        self.db.executemany("INSERT INTO refs VALUES (?,?,?,?,?,?,?,?,?)", self._refs)
        self.db.execute("COMMIT")
        self._seen, self._refs = [], []

    def claim(self, rows: Iterable[Claim]) -> None:
        """Takes in what lines of an index, log or page list say is there."""
        self.db.execute("BEGIN")
        self.db.executemany("INSERT INTO claims VALUES (?,?,?,?,?,?,?)", rows)
        self.db.execute("COMMIT")

    def unfounded(self) -> Iterator[tuple[int, int, int | None, int | None, bool]]:
        """Claimant, line, file and offset of each claim that no record bears out; True where one has another URI."""
        self.db.execute("CREATE INDEX seen_place ON seen(file, offset)")
        for kind, at in (("c.record IS NULL", "s.file = c.file AND s.offset = c.offset"),
                         ("c.record IS NOT NULL", "s.id = c.record")):  # fmt: skip
            yield from self.db.execute(
                f"SELECT c.claimant, c.line, c.file, c.offset, EXISTS (SELECT 1 FROM seen AS s WHERE {at})"
                f" FROM claims AS c WHERE {kind}"
                f" AND NOT EXISTS (SELECT 1 FROM seen AS s WHERE {at} AND s.uri = c.uri) ORDER BY c.rowid"
            )

    def complete(self) -> None:
        """All records were added; the questions below can be asked."""
        self._flush()
        self.db.execute("CREATE INDEX seen_id ON seen(id)")

    def repeated(self) -> Iterator[tuple[int, int]]:
        """File and offset of records whose id an earlier one may have, in pairs of the first and each later one."""
        yield from self.db.execute(
            "SELECT later.rowid, first.rowid FROM"
            " (SELECT id, min(rowid) AS row FROM seen GROUP BY id HAVING count(*) > 1) AS twice"
            " JOIN seen AS first ON first.rowid = twice.row"
            " JOIN seen AS later ON later.id = twice.id AND later.rowid > first.rowid ORDER BY later.rowid"
        )

    def place(self, row: int) -> tuple[int, int]:
        """File and offset of a row that `repeated` named."""
        file, offset = self.db.execute("SELECT file, offset FROM seen WHERE rowid = ?", (row,)).fetchone()
        return file, offset

    def references(self) -> Iterator[Row]:
        """kind, file, offset, id, date, uri, digest and name of each open reference; then date, type, uri and digest
        of the record it leads to, None and None where there is none."""
        yield from self.db.execute(
            "SELECT r.kind, r.file, r.offset, r.id, r.date, r.uri, r.digest, r.named, s.date, s.type, s.uri, s.digest"
            " FROM refs AS r LEFT JOIN seen AS s ON s.rowid = (SELECT min(rowid) FROM seen WHERE id = r.target)"
            " WHERE r.target IS NOT NULL ORDER BY r.rowid"
        )

    def unnamed_revisits(self) -> Iterator[Row]:
        """The same for revisits that name URI and date but no id."""
        if self.db.execute("SELECT 1 FROM refs WHERE target IS NULL LIMIT 1").fetchone() is None:
            return
        self.db.execute("CREATE INDEX seen_uri ON seen(uri, date) WHERE uri IS NOT NULL")
        yield from self.db.execute(
            "SELECT r.kind, r.file, r.offset, r.id, r.date, r.uri, r.digest, r.named, s.date, s.type, s.uri, s.digest"
            " FROM refs AS r LEFT JOIN seen AS s ON s.rowid = (SELECT min(rowid) FROM seen WHERE uri = r.uri"
            f"  AND date BETWEEN r.date / {_SECOND} * {_SECOND} AND r.date / {_SECOND} * {_SECOND} + {_SECOND - 1})"
            " WHERE r.target IS NULL ORDER BY r.rowid"
        )

    def segmented(self) -> Iterator[Row]:
        """origin, file, offset, id, number, length, total of each part, by origin and number."""
        yield from self.db.execute(
            "SELECT origin, file, offset, id, number, length, total FROM segments ORDER BY origin, number, file, offset"
        )


def same_date(one: int | None, other: int | None) -> bool:
    """Whether two dates agree as far as the coarser of them tells: seconds, where one has no fraction."""
    if one is None or other is None or one == other:
        return True
    if one % _SECOND and other % _SECOND:
        return False
    return one // _SECOND == other // _SECOND
