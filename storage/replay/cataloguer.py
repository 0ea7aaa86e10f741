"""Filling the catalogue from the records, in order, and going on where it stopped: a crawl under way can be watched.

One thread writes. What it has read of a file is committed together with the rows that came of it; a file that has
become shorter is read anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ArchiveError
from storage.message import Fields, message_of, warc_fields
from storage.replay.catalogue import Kind, hashed, kind_of, writing
from storage.replay.reading import TITLE_LIMIT, OutLink, essence, failure, out_links, page_text, tidy
from storage.sources import Source, sources_of
from storage.stored import StoredRecord, read_source
from storage.surt import surt

BATCH = 500
"""Records a transaction."""
PAUSE = 2.0
"""Seconds between looks for what is new."""

_CAPTURES = frozenset(("response", "revisit", "resource"))
_PENDING = 64
"""Captures that wait for their metadata record, which follows within the same exchange."""


@dataclass
class Progress:
    """How far the reading is; written by one thread, read by others."""

    read: int = 0
    total: int = 0
    """Bytes."""
    rounds: int = 0
    """How often all has been read to its end."""
    problem: str = ""
    """What could not be read, in a sentence."""


_Exchange = tuple[str, str]
"""URL and WARC-Date, which all records of an exchange share."""


class Cataloguer:
    """Reads archives into a catalogue until told to stop."""

    def __init__(self, paths: Sequence[Path], catalogue: Path) -> None:
        self._paths, self._catalogue = paths, catalogue
        self._stop = threading.Event()
        self._whole = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catalogue", daemon=True)
        self.progress = Progress()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends within a batch's time. Blocking."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wait_for_round(self, timeout: float = 60.0) -> bool:
        """Waits until all that is there now was read; False when that took too long. Blocking."""
        return self._whole.wait(timeout)

    def read_all(self) -> None:
        """One round over everything, in the caller's thread. Blocking. Problems are in `progress`."""
        with closing(writing(self._catalogue)) as database:
            self._round(database)

    def _run(self) -> None:
        with closing(writing(self._catalogue)) as database:
            while not self._stop.is_set():
                self._round(database)
                self._stop.wait(PAUSE)

    def _round(self, database: sqlite3.Connection) -> None:
        """Files that cannot be read are left for the next round, and said."""
        self.progress.problem = ""
        try:
            sources = sources_of(self._paths)
            known = dict(database.execute("SELECT name, read_to FROM source"))
            sizes = [source.current_size() for source in sources]
        except (ArchiveError, OSError, sqlite3.Error) as error:
            self.progress.problem = str(error)
            return
        self.progress.total = sum(sizes)
        before = 0
        for source, size in zip(sources, sizes, strict=True):
            self.progress.read = before
            try:
                if size != known.get(source.name, 0):
                    self._read(database, source, size, before)
            except (ArchiveError, OSError, sqlite3.Error) as error:
                self.progress.problem = str(error)
                if database.in_transaction:
                    database.execute("ROLLBACK")
            before += size
        self.progress.read = before
        self.progress.rounds += 1
        self._whole.set()

    def _read(self, database: sqlite3.Connection, source: Source, size: int, before: int) -> None:
        notes = _Notes(database, source.name, size)
        pending = 0
        for record in read_source(source, notes.read_to):
            if not pending:
                database.execute("BEGIN IMMEDIATE")
            notes.take(record)
            pending += 1
            if pending >= BATCH:
                notes.commit()
                pending = 0
                self.progress.read = before + notes.read_to
                if self._stop.is_set():
                    return
        if not pending:
            database.execute("BEGIN IMMEDIATE")
        notes.commit(None if source.provisional else size)


class _Notes:
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
            "INSERT INTO wanted SELECT ?1, ?2, ?3, ?4, 1 WHERE NOT EXISTS (SELECT 1 FROM capture WHERE key = ?1)"
            " ON CONFLICT DO UPDATE SET pages = pages + 1",
            [(key, link.url, link.context, number) for key, link in wanted.items()],
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
