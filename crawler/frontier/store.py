"""crawl.db opened, read and kept: everything of the SQLite frontier but the commit itself. Synchronous; one thread.

Invariants.
- What a transaction did not commit never happened: all in-memory figures are taken over after COMMIT only.
- `seen.place` of a queued URL is minus the id of its one row in `queue` or `waiting`; of a settled one, its seq.
- The database is never ahead of the segment it names: the archiver syncs the segment before it commits.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from msgspec.structs import asdict

from crawler.errors import LedgerError
from crawler.frontier import Counts, SegmentState, StoredPace
from crawler.frontier.ledger import nesting, next_attempt
from crawler.frontier.rows import Mode, QueueRow, Wanted, host_of
from crawler.frontier.schema import FORMAT, PRAGMAS, TABLES, UPGRADES
from crawler.liveness import UNKNOWN, Liveness
from crawler.model import FailureKind, Kind

_QUEUE_COLUMNS = (
    "q.id, q.hash, q.url, q.kind, q.depth, q.offsite, q.redirects, q.via, q.seed, q.attempt, q.mode, v.url, v.kind"
)
ORIGIN_CACHE = 20_000
HELD_ROBOTS = 16_384
"""Characters of a robots.txt; a longer one is read again for each burst of its origin's URLs."""


@dataclass(slots=True)
class OriginRow:
    """One origin as stored."""

    id: int
    name: str
    host: str
    queued: int
    robots: str | None
    """None, too, for a text that is too long to be held for every origin in memory: see `has_robots`."""
    robots_refusal: str | None
    robots_failure: str | None
    robots_expires: float | None
    robots_url: str | None
    robots_hops: int
    robots_due: float
    robots_delay: float
    has_robots: int
    life: Liveness = UNKNOWN


_ORIGIN_COLUMNS = (
    f"id, name, host, queued, CASE WHEN length(robots) > {HELD_ROBOTS} THEN NULL ELSE robots END, robots_refusal,"
    " robots_failure, robots_expires, robots_url, robots_hops, robots_due, robots_delay, robots IS NOT NULL,"
    " silences, silent_until, answered, dead, dead_failure"
)


_HOST = (
    "INSERT INTO hosts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET smoothed = excluded.smoothed,"
    " backoff = excluded.backoff, next_ready = excluded.next_ready, done = excluded.done, address = excluded.address"
)
_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"


class Store:
    """The open database and the figures that are kept beside it in memory."""

    connection: type[sqlite3.Connection] = sqlite3.Connection
    """A seam: what a failing disk does to a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts = Counts()
        self.round = 1
        self.next_id = 1
        self.commits = 0
        self.origin_ids: dict[str, int] = {}
        self.db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            _make_private(self.path)
            db = sqlite3.connect(
                self.path,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
                factory=self.connection,
            )
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{self.path}: cannot be opened as a crawl's ledger: {error}") from error
        try:
            for pragma in PRAGMAS:
                db.execute(pragma)
            self._prepare(db)
        except BaseException as error:
            db.close()
            if isinstance(error, sqlite3.Error):
                raise LedgerError(f"{self.path}: cannot be opened as a crawl's ledger: {error}") from error
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE;{TABLES};PRAGMA user_version = {FORMAT};COMMIT;")
        elif version in UPGRADES:
            for older in range(version, FORMAT):
                db.executescript(f"BEGIN IMMEDIATE;{UPGRADES[older]};PRAGMA user_version = {older + 1};COMMIT;")
        elif version != FORMAT:
            raise LedgerError(f"{self.path}: is of format {version}; this program reads format {FORMAT}")
        meta = dict(db.execute("SELECT key, value FROM meta"))
        self.counts = Counts(**json.loads(meta.get("counts", "{}")))
        self.round = int(meta.get("round", 1))
        self.next_id = int(meta.get("next_id", 1))
        self.commits = int(meta.get("commits", 0))

    def refresh(self) -> None:
        """After a transaction that found no room and was rolled back: asks the file what it holds. Does not close it,
        since opening it again takes room."""
        self.origin_ids.clear()
        self._prepare(self.db)

    def reopen(self) -> None:
        """After a failed COMMIT: forgets the connection and asks the file what it holds."""
        self.db.close()
        self.origin_ids.clear()
        self.db = self._open()

    def close(self) -> None:
        self.db.close()

    def save_meta(self, counts: Counts, next_id: int, commits: int) -> None:
        """Inside a transaction: the figures as they will be after it."""
        figures = (("counts", json.dumps(asdict(counts))), ("next_id", next_id), ("commits", commits))
        self.db.executemany(_META, figures)

    def save_round(self, round_: int) -> None:
        """Inside a transaction."""
        self.db.execute(_META, ("round", round_))

    def save_cookies(self, cookies: bytes) -> None:
        """Inside a transaction."""
        self.db.execute(_META, ("cookies", cookies))

    def cookies(self) -> bytes | None:
        """The cookie jar as committed last."""
        row = self.db.execute("SELECT value FROM meta WHERE key = 'cookies'").fetchone()
        return None if row is None else bytes(row[0])

    def rules(self) -> str | None:
        """The rules that were in force at the last start, as they were kept."""
        row = self.db.execute("SELECT value FROM meta WHERE key = 'rules'").fetchone()
        return None if row is None else str(row[0])

    def keep_rules(self, rules: str) -> None:
        """Inside a transaction."""
        self.db.execute(_META, ("rules", rules))

    def settle(self, name: str, value: str) -> str:
        """The value that an earlier run settled under this name, or else `value`, from now on; in a transaction."""
        self.db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        return str(self.db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()[0])

    # -- origins and hosts -------------------------------------------------------------------------------------

    def origin_id(self, name: str) -> int:
        """The origin's number, made if it is new; inside a transaction."""
        found = self.origin_ids.get(name)
        if found is not None:
            return found
        row = self.db.execute("SELECT id FROM origins WHERE name = ?", (name,)).fetchone()
        if row is None:
            insert = "INSERT INTO origins (name, host) VALUES (?, ?) RETURNING id"
            row = self.db.execute(insert, (name, host_of(name))).fetchone()
        if len(self.origin_ids) >= ORIGIN_CACHE:
            self.origin_ids.clear()
        self.origin_ids[name] = row[0]
        return int(row[0])

    def load_origins(
        self, held: Collection[int], rested: Mapping[int, float], limit: int, now: float, wanted: Wanted
    ) -> tuple[list[tuple[OriginRow, StoredPace | None]], float]:
        """Origins that may have something to give now, longest unserved first, but those in `held`; and the moment at
        which a further one may (infinity: never). `rested` are later values of `ready_at` than the stored ones."""
        skip = {*held, *rested}
        offering = f"SELECT id, ready_at FROM origins WHERE queued > 0{_only(wanted)}"
        rows = self.db.execute(f"{offering} ORDER BY ready_at LIMIT ?", (limit + 1 + len(skip),))
        found: list[tuple[int, float]] = [row for row in rows if row[0] not in skip]
        # Those in `rested` were served after all others.
        for id_, ready in sorted(rested.items(), key=itemgetter(1)):
            if id_ not in held and self.db.execute(f"{offering} AND id = ?", (id_,)).fetchone() is not None:
                found.append((id_, ready))
        ready_now = [id_ for id_, ready in found if ready <= now]
        chosen = set(ready_now[:limit])
        next_ready = min((ready for id_, ready in found if id_ not in chosen), default=math.inf)
        loaded = map(self.load_origin, ready_now[:limit])
        return [(row, self.load_host(row.host)) for row in loaded], next_ready

    def load_origin(self, origin: int) -> OriginRow:
        row = self.db.execute(f"SELECT {_ORIGIN_COLUMNS} FROM origins WHERE id = ?", (origin,)).fetchone()
        loaded = OriginRow(*row[:13])
        silences, until, answered, dead, failure = row[13:]
        kind = None if failure is None else FailureKind(failure)
        loaded.life = Liveness(silences, until, bool(answered), dead, kind)
        return loaded

    def robots_text(self, origin: int) -> str | None:
        """The origin's rules, however long."""
        text: str | None = self.db.execute("SELECT robots FROM origins WHERE id = ?", (origin,)).fetchone()[0]
        return text

    def save_hosts(self, hosts: Iterable[StoredPace]) -> None:
        """Inside a transaction: the politeness of these hosts."""
        self.db.executemany(_HOST, [(h.name, h.smoothed, h.backoff, h.next_ready, h.done, h.address) for h in hosts])

    def save_lives(self, lives: Mapping[int, Liveness]) -> None:
        """Inside a transaction: how these origins stand."""
        self.db.executemany(
            "UPDATE origins SET silences = ?, silent_until = ?, answered = ?, dead = ?, dead_failure = ? WHERE id = ?",
            [(x.silences, x.until, x.answered, x.dead, x.failure, origin) for origin, x in lives.items()],
        )

    def load_host(self, name: str) -> StoredPace | None:
        question = "SELECT name, smoothed, backoff, next_ready, done, address FROM hosts WHERE name = ?"
        found = self.db.execute(question, (name,)).fetchone()
        return None if found is None else StoredPace(*found)

    # -- the queue ---------------------------------------------------------------------------------------------

    def load_urls(
        self, origin: int, now: float, claimed: Set[int], limit: int, wanted: Wanted
    ) -> tuple[list[QueueRow], float | None]:
        """The origin's next rows in order, but those claimed; and when its next waiting row is due."""
        rows: list[QueueRow] = []
        enough = limit + len(claimed)
        waiting = self.db.execute(
            f"SELECT q.origin, q.due, {_QUEUE_COLUMNS} FROM waiting q LEFT JOIN ledger v ON v.seq = q.via"
            f" WHERE q.origin = ? AND q.kind IN {wanted.sql} ORDER BY q.due, q.id LIMIT ?",
            (origin, enough + 1),
        )
        for row in waiting:
            if row[2] in claimed:
                continue
            if row[1] > now:
                due: float | None = row[1]
                break
            rows.append(QueueRow._make((*row, True, 0)))
        else:
            due = None
        for low, high in wanted.lanes:
            if len(rows) >= limit:
                break
            queued = self.db.execute(
                f"SELECT q.origin, q.lane, {_QUEUE_COLUMNS} FROM queue q LEFT JOIN ledger v ON v.seq = q.via"
                f" WHERE q.origin = ? AND q.lane BETWEEN ? AND ? AND q.kind IN {wanted.sql}"
                " ORDER BY q.lane, q.id LIMIT ?",
                (origin, low, high, enough),
            )
            rows += [QueueRow._make((*row, False, 0)) for row in queued if row[2] not in claimed]
        return [self._with_nesting(self._with_attempt(row)) for row in rows[:limit]], due

    def _with_nesting(self, row: QueueRow) -> QueueRow:
        """What a page needs itself, as nearly all requisites are, costs no look at the ledger."""
        if row.via is None or not row.kind == row.via_kind == Kind.REQUISITE:
            return row
        return row._replace(nesting=nesting(self.db, row.via))

    def _with_attempt(self, row: QueueRow) -> QueueRow:
        """Since it was queued, the URL may have been asked for otherwise: as a robots.txt, or beyond its outcome."""
        if row.mode == Mode.REJUDGE or (row.mode == Mode.FETCH and row.attempt == 1):
            return row
        attempt, _ = next_attempt(self.db, self.round, row.origin, row.hash)
        return row._replace(attempt=max(row.attempt, attempt))

    # -- segments ----------------------------------------------------------------------------------------------

    def segments(self) -> list[SegmentState]:
        rows = self.db.execute(
            "SELECT name, number, state, length, records, sha256, first_seq, last_seq, previous_sha256"
            " FROM segments ORDER BY number"
        )
        return [SegmentState(*row) for row in rows]

    def save_segment(self, s: SegmentState) -> None:
        """Inserts or replaces the row; a transaction of its own unless one is open."""
        self.db.execute(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
            " name = excluded.name, state = excluded.state, length = excluded.length, records = excluded.records,"
            " sha256 = excluded.sha256, first_seq = excluded.first_seq, last_seq = excluded.last_seq,"
            " previous_sha256 = excluded.previous_sha256",
            (s.number, s.name, s.state, s.length, s.records, s.sha256, s.first_seq, s.last_seq, s.previous_sha256),
        )

    # -- seeds -------------------------------------------------------------------------------------------------

    def number_seeds(self, urls: Sequence[str]) -> list[int]:
        """Each seed's number, given when it was first named; inside a transaction."""
        numbers = []
        for url in urls:
            self.db.execute("INSERT INTO seeds (url) VALUES (?) ON CONFLICT DO NOTHING", (url,))
            numbers.append(self.db.execute("SELECT number FROM seeds WHERE url = ?", (url,)).fetchone()[0])
        return numbers

    def seeds(self) -> dict[int, list[str]]:
        """Every seed's URL and the URLs that joined its scope."""
        named = self.db.execute("SELECT number, url FROM seeds ORDER BY number")
        found: dict[int, list[str]] = {number: [url] for number, url in named}
        for number, url in self.db.execute("SELECT seed, url FROM joined"):
            found.setdefault(number, []).append(url)
        return found


def _make_private(path: Path) -> None:
    """Makes the file where there is none, for its owner alone: it will hold cookies. SQLite gives those beside it the
    same rights. One that exists is not touched: closing it would drop this process's locks on it. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _only(wanted: Wanted) -> str:
    """A condition on `origins`: something of a wanted kind is queued."""
    if wanted.kinds is None:
        return ""
    lanes = " OR ".join(f"q.lane BETWEEN {low} AND {high}" for low, high in wanted.lanes) or "FALSE"
    return (
        f" AND (EXISTS (SELECT 1 FROM queue q WHERE q.origin = origins.id AND ({lanes}) AND q.kind IN {wanted.sql})"
        f" OR EXISTS (SELECT 1 FROM waiting w WHERE w.origin = origins.id AND w.kind IN {wanted.sql}))"
    )
