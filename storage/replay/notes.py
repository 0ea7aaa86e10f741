"""What of the records of one file goes into the catalogue. Within transactions of whoever reads the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.message import Fields, message_of, warc_fields
from storage.replay.catalogue import Kind, hashed, kind_of
from storage.replay.reading import OutLink, essence, failure, out_links, page_text
from storage.stored import StoredRecord
from storage.surt import surt
from storage.words import TITLE_LIMIT, tidy

_CAPTURES = frozenset(("response", "revisit", "resource"))
_PENDING = 64
"""Captures that wait for their metadata record, which follows within the same exchange."""

_Exchange = tuple[str, str]
"""URL and WARC-Date, which all records of an exchange share."""


class Notes:
    """What is being noted of one file of records."""

    def __init__(self, database: sqlite3.Connection, name: str, size: int) -> None:
        self._database = database
        database.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (name,))
        row = database.execute("SELECT id, read_to FROM source WHERE name = ?", (name,)).fetchone()
        self._source: int = row[0]
        self.read_to: int = row[1]
        if self.read_to > size:
            self._forget()
        self._pending: dict[_Exchange, int] = {}
        self._tally: dict[tuple[int, int], list[int]] = {}

    def commit(self, read_to: int | None = None) -> None:
        self.read_to = self.read_to if read_to is None else read_to
        self._database.execute("UPDATE source SET read_to = ? WHERE id = ?", (self.read_to, self._source))
        for (kind, group), (captures, size) in self._tally.items():
            self._database.execute(
                "INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " captures = captures + excluded.captures, bytes = bytes + excluded.bytes",
                (kind, group, captures, size),
            )
        self._tally.clear()
        self._database.execute("COMMIT")

    def take(self, record: StoredRecord) -> None:
        """Notes one record; within a transaction."""
        place = record.location
        if place.length is not None:
            self.read_to = max(self.read_to, place.offset + place.length)
        url = record.url
        if url is None or url.startswith(("dns:", "whois:", "filedesc:", "metadata:")):
            return
        if record.type in _CAPTURES and essence(record.content_type) != "application/warc-fields":
            self._capture(record, url)
        elif record.type == "metadata" and essence(record.content_type) == "application/warc-fields":
            self._about(record, url, warc_fields(record.beginning()))

    def _capture(self, record: StoredRecord, url: str) -> None:
        message = message_of(record)
        content_type = message.headers.get("Content-Type", "") if message.body else record.content_type
        mime, status = essence(content_type), message.status
        digest = record.header.get("WARC-Payload-Digest") or record.header.get("WARC-Block-Digest")
        kind, size = kind_of(mime), max(0, record.size - message.body)
        if record.type == "revisit" and digest is not None:
            original = self._database.execute(
                "SELECT kind, mime, size FROM capture WHERE digest = ? AND record != 'revisit' LIMIT 1", (digest,)
            ).fetchone()
            kind, mime, size = (kind, mime, size) if original is None else original
        key, place = surt(url), record.location
        title, text = page_text(record, message) if kind is Kind.PAGE and record.type != "revisit" else (None, "")
        row = (
            *(key, int(f"{record.date:%Y%m%d%H%M%S}"), url, status, (status or 0) // 100, mime, kind, size, digest),
            *(record.type, title, self._source, place.offset, place.length, place.skip),
        )
        done = self._database.execute(
            "INSERT OR IGNORE INTO capture (key, time, url, status, class, mime, kind, size, digest, record, title,"
            " source, offset, length, skip) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        if not done.rowcount:
            return
        number = done.lastrowid
        assert number is not None
        self._database.execute(
            "INSERT INTO words (rowid, url, title, body) VALUES (?, ?, ?, ?)", (number, url, title, text)
        )
        self._database.execute("DELETE FROM wanted WHERE key = ?", (key,))
        self._count(kind, status, size)
        _remember(self._pending, (url, _date(record)), number)

    def _about(self, record: StoredRecord, url: str, said: Fields) -> None:
        number = self._pending.pop((url, _date(record)), None)
        if number is None:
            reason = failure(said)
            if reason is not None:
                row = (surt(url), int(f"{record.date:%Y%m%d%H%M%S}"), url, reason)
                self._database.execute("INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?)", row)
            return
        self._database.execute(
            "UPDATE capture SET title = coalesce(title, ?) WHERE id = ?",
            (tidy(said.get("title", ""))[:TITLE_LIMIT] or None, number),
        )
        self._links(number, out_links(said))

    def _links(self, number: int, links: Sequence[OutLink]) -> None:
        keys = [surt(link.url) for link in links]
        targets = {(hashed(key), number) for key in keys}
        self._database.executemany("INSERT OR IGNORE INTO link VALUES (?, ?)", sorted(targets))
        wanted = {key: link for key, link in zip(keys, links, strict=True) if link.is_requisite}
        self._database.executemany(
            "INSERT INTO wanted SELECT ?, ?, ?, ?, 1 WHERE NOT EXISTS (SELECT 1 FROM capture WHERE key = ?)"
            " ON CONFLICT DO UPDATE SET pages = pages + 1",
            [(key, link.url, link.context, number, key) for key, link in wanted.items()],
        )

    def _count(self, kind: int, status: int | None, size: int) -> None:
        counted = self._tally.setdefault((int(kind), (status or 0) // 100), [0, 0])
        counted[0] += 1
        counted[1] += size

    def _forget(self) -> None:
        """The file became shorter: what was noted of it counts no more. Its words stay, without a row to show."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        gone = "SELECT id FROM capture WHERE source = ?"
        rows = database.execute(
            "SELECT kind, class, count(*), sum(size) FROM capture WHERE source = ? GROUP BY 1, 2",
            (self._source,),
        ).fetchall()
        for kind, group, captures, size in rows:
            database.execute(
                "UPDATE tally SET captures = captures - ?, bytes = bytes - ? WHERE kind = ? AND class = ?",
                (captures, size, kind, group),
            )
        database.execute(f"DELETE FROM link WHERE capture IN ({gone})", (self._source,))
        database.execute(f"DELETE FROM wanted WHERE capture IN ({gone})", (self._source,))
        database.execute("DELETE FROM capture WHERE source = ?", (self._source,))
        database.execute("UPDATE source SET read_to = 0 WHERE id = ?", (self._source,))
        database.execute("COMMIT")
        self.read_to = 0


def _date(record: StoredRecord) -> str:
    return record.header.get("WARC-Date") or ""


def _remember(where: dict[_Exchange, int], exchange: _Exchange, number: int) -> None:
    where[exchange] = number
    if len(where) > _PENDING:
        del where[next(iter(where))]
