"""Questions to the catalogue, each answered in time that does not grow with the archive, full text aside. Blocking."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from storage.replay.catalogue import Kind, hashed, reading
from storage.surt import surt

_COLUMNS = (
    "c.id, c.key, c.time, c.url, c.status, c.mime, c.kind, c.size, c.digest, c.record, c.title, s.name AS segment,"
    " c.offset, c.length, c.skip"
)
_FROM = "FROM capture c JOIN source s ON s.id = c.source"
_BEYOND = "\x7f"
"""Sorts behind everything in a key, which is printable ASCII."""
_NEAR = 50
"""Captures of one URL that are weighed on either side of a moment."""
_WORD = re.compile(r"\w+")
_RANKED = 20_000
"""Rows that a search ranks at most: of what nearly every page says, the first."""


class Entry(Struct, frozen=True):
    """A capture's row."""

    id: int
    key: str
    timestamp: str
    """Fourteen digits."""
    url: str
    status: int | None
    mime: str
    kind: Kind
    size: int
    """Bytes of the payload as sent."""
    digest: str | None
    record: str
    """response, revisit or resource."""
    title: str | None
    segment: str
    offset: int
    length: int | None
    """Bytes of the record in its file, if it is alone in a frame."""
    skip: int
    count: int = 1
    """Captures of the same key, where rows are grouped."""


class Wanted(Struct, frozen=True):
    """A requisite that was never captured."""

    key: str
    url: str
    context: str
    pages: int
    page: Entry | None
    reason: str | None


class Tally(Struct, frozen=True):
    """Captures and bytes of one kind and status class."""

    kind: Kind
    group: int
    captures: int
    bytes: int


class Catalogue:
    """Reads the catalogue; each call takes a connection of its own, so that threads do not wait on one another."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pages(
        self, *, kind: Kind | None = None, group: int | None = None, within: tuple[str, str] | None = None,
        after: str = "", limit: int = 100,
    ) -> list[Entry]:  # fmt: skip
        """The newest capture of each URL, by key, behind `after`; `group` is a status class, `within` a key range."""
        low, high = within or ("", _BEYOND)
        index = (
            "by_key"
            if kind is None and group is None
            else "by_kind"
            if group in (None, 2) and kind is not None
            else "by_class"
        )
        tests, values = ["c.key > ?", "c.key >= ?", "c.key < ?"], [after, low, high]
        parameters: list[object] = list(values)
        if kind is not None:
            tests.append("c.kind = ?")
            parameters.append(int(kind))
        if group is not None:
            tests.append("c.class = ?")
            parameters.append(group)
        return self._entries(
            f"SELECT {_COLUMNS}, max(c.time), count(*) AS count FROM capture c INDEXED BY {index}"
            f" JOIN source s ON s.id = c.source WHERE {' AND '.join(tests)} GROUP BY c.key ORDER BY c.key LIMIT ?",
            (*parameters, limit),
        )

    def search(self, text: str, *, skip: int = 0, limit: int = 50) -> list[Entry]:
        """Captures whose URL, title or text holds all the words, best first; if none does, the last may begin one."""
        words = _WORD.findall(text)[:12]
        if not words:
            return []
        match = " ".join(f'"{word}"' for word in words)
        return self._matching(match, skip, limit) or self._matching(f"{match}*", skip, limit)

    def _matching(self, match: str, skip: int, limit: int) -> list[Entry]:
        return self._entries(
            f"SELECT {_COLUMNS} FROM (SELECT rowid AS number, bm25(words, 3, 8, 1) AS score FROM words"
            f" WHERE words MATCH ? LIMIT {_RANKED}) JOIN capture c ON c.id = number JOIN source s ON s.id = c.source"
            " WHERE c.record != 'revisit' ORDER BY score, c.key, c.time DESC LIMIT ? OFFSET ?",
            (match, limit, skip),
        )

    def captures(
        self, low: str, high: str, *, since: int = 0, until: int = 99991231235959,
        after: tuple[str, int, int] = ("", 0, 0), limit: int = 1000,
    ) -> list[Entry]:  # fmt: skip
        """Captures with a key from `low` to before `high`, by key and time, behind the row `after`."""
        return self._entries(
            f"SELECT {_COLUMNS} {_FROM} WHERE c.key >= ? AND c.key < ? AND (c.key, c.time, c.id) > (?, ?, ?)"
            " AND c.time >= ? AND c.time <= ? ORDER BY c.key, c.time, c.id LIMIT ?",
            (max(low, after[0]), high, *after, since, until, limit),
        )

    def near(self, url: str, timestamp: int) -> list[Entry]:
        """The captures of a URL closest to a moment on either side, earliest first."""
        key = surt(url)
        before = self._entries(
            f"SELECT {_COLUMNS} {_FROM} WHERE c.key = ? AND c.time <= ? ORDER BY c.time DESC, c.id DESC LIMIT ?",
            (key, timestamp, _NEAR),
        )
        behind = self._entries(
            f"SELECT {_COLUMNS} {_FROM} WHERE c.key = ? AND c.time > ? ORDER BY c.time, c.id LIMIT ?",
            (key, timestamp, _NEAR),
        )
        return before[::-1] + behind

    def at(self, segment: str, offset: int, skip: int = 0) -> Entry | None:
        """The capture at a place."""
        found = self._entries(
            f"SELECT {_COLUMNS} {_FROM} WHERE s.name = ? AND c.offset = ? AND c.skip = ?", (segment, offset, skip)
        )
        return found[0] if found else None

    def original(self, digest: str) -> Entry | None:
        """A capture that holds the payload of this digest."""
        found = self._entries(
            f"SELECT {_COLUMNS} {_FROM} WHERE c.digest = ? AND c.record != 'revisit' LIMIT 1", (digest,)
        )
        return found[0] if found else None

    def links_in(self, key: str, limit: int = 200) -> list[Entry]:
        """Captures that link to a key."""
        return self._entries(
            f"SELECT {_COLUMNS} FROM link l JOIN capture c ON c.id = l.capture JOIN source s ON s.id = c.source"
            " WHERE l.target = ? LIMIT ?",
            (hashed(key), limit),
        )

    def held(self, keys: Iterable[str]) -> dict[str, int | None]:
        """Which of these keys have a capture, and the lowest status of those."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, int | None] = {}
        with closing(reading(self._path)) as database:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ", ".join("?" * len(part))
                query = f"SELECT key, min(status) FROM capture WHERE key IN ({marks}) GROUP BY key"
                found.update(tuple(row) for row in database.execute(query, part))
        return found

    def missing(self, *, after: str = "", limit: int = 100) -> list[Wanted]:
        """Requisites without a capture, by key, behind `after`."""
        with closing(reading(self._path)) as database:
            rows = database.execute(
                "SELECT w.*,"
                " (SELECT f.reason FROM failure f WHERE f.key = w.key ORDER BY f.time DESC LIMIT 1) AS reason"
                " FROM wanted w WHERE w.key > ? ORDER BY w.key LIMIT ?",
                (after, limit),
            ).fetchall()
        pages = {row["capture"] for row in rows}
        marks = ", ".join("?" * len(pages))
        found = {
            each.id: each for each in self._entries(f"SELECT {_COLUMNS} {_FROM} WHERE c.id IN ({marks})", list(pages))
        }
        return [
            Wanted(row["key"], row["url"], row["context"], row["pages"], found.get(row["capture"]), row["reason"])
            for row in rows
        ]

    def missing_count(self) -> int:
        return self._number("SELECT count(*) FROM (SELECT 1 FROM wanted LIMIT 100000)")

    def failures(self, limit: int = 200) -> list[tuple[str, str, str]]:
        """URL, timestamp and reason of what was tried, had no answer, and is not there from another time."""
        with closing(reading(self._path)) as database:
            rows = database.execute(
                "SELECT url, time, reason FROM failure f WHERE NOT EXISTS (SELECT 1 FROM capture c WHERE c.key = f.key)"
                " ORDER BY key LIMIT ?",
                (limit,),
            ).fetchall()
        return [(row["url"], str(row["time"]), row["reason"]) for row in rows]

    def tallies(self) -> list[Tally]:
        with closing(reading(self._path)) as database:
            rows = database.execute("SELECT * FROM tally WHERE captures > 0").fetchall()
        return [Tally(Kind(row["kind"]), row["class"], row["captures"], row["bytes"]) for row in rows]

    def span(self) -> tuple[str, str] | None:
        """The timestamps of the first and the last capture, by their order of writing."""
        with closing(reading(self._path)) as database:
            row = database.execute(
                "SELECT (SELECT time FROM capture ORDER BY id LIMIT 1) AS first,"
                " (SELECT time FROM capture ORDER BY id DESC LIMIT 1) AS last"
            ).fetchone()
        return None if row["first"] is None else (str(row["first"]), str(row["last"]))

    def _number(self, query: str) -> int:
        with closing(reading(self._path)) as database:
            return int(database.execute(query).fetchone()[0])

    def _entries(self, query: str, parameters: Sequence[object]) -> list[Entry]:
        with closing(reading(self._path)) as database:
            return [_entry(row) for row in database.execute(query, parameters).fetchall()]


def _entry(row: sqlite3.Row) -> Entry:
    counted = row["count"] if "count" in row.keys() else 1  # noqa: SIM118 (a Row's own `in` looks among its values)
    return Entry(
        *(row["id"], row["key"], f"{row['time']:014d}", row["url"], row["status"], row["mime"], Kind(row["kind"])),
        *(row["size"], row["digest"], row["record"], row["title"], row["segment"], row["offset"], row["length"]),
        *(row["skip"], counted),
    )
