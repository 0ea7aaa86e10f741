"""crawl.db opened, read and kept: everything of the SQLite frontier but the commit itself. Synchronous; one thread.

Invariants.
- What a transaction did not commit never happened: all in-memory figures are taken over after COMMIT only.
- `seen.place` of a queued URL is minus the id of its one row in `queue` or `waiting`; of a settled one, its seq.
- The database is never ahead of the segment it names: the archiver syncs the segment before it commits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from crawler.errors import LedgerError
from crawler.frontier import Counts, SegmentState
from crawler.frontier.rows import OUTCOME_COLUMNS, QueueRow, host_of, lane, origin_of, outcome_of, url_hash
from crawler.frontier.schema import FORMAT, PRAGMAS, TABLES
from crawler.model import Outcome

_QUEUE_COLUMNS = "q.id, q.hash, q.url, q.kind, q.depth, q.offsite, q.redirects, q.via, q.seed, q.attempt, q.mode, v.url"
ORIGIN_CACHE = 20_000
EVERY_LANE = float(1 << 30)
"""As the last lane wanted: no lane is left out."""


@dataclass(slots=True)
class OriginRow:
    """One origin as stored."""

    id: int
    name: str
    host: str
    queued: int
    robots: str | None
    robots_refusal: str | None
    robots_failure: str | None
    robots_expires: float | None
    robots_url: str | None
    robots_hops: int
    robots_due: float
    robots_attempt: int
    robots_delay: float


_ORIGIN_COLUMNS = (
    "id, name, host, queued, robots, robots_refusal, robots_failure, robots_expires, robots_url, robots_hops,"
    " robots_due, robots_attempt, robots_delay"
)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host's politeness as stored."""

    name: str
    smoothed: float | None
    backoff: float
    next_ready: float
    done: int


class Store:
    """The open database and the figures that are kept beside it in memory."""

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
            db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=256)
            for pragma in PRAGMAS:
                db.execute(pragma)
            self._prepare(db)
            return db
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path}: cannot be opened as a crawl's ledger: {error}") from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE;{TABLES};PRAGMA user_version = {FORMAT};COMMIT;")
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
        self.db.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", figures)

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

    def load_origins(self, skip: Iterable[int], limit: int, last_lane: float) -> list[OriginRow]:
        """Origins with something queued up to that lane, longest unserved first, but those in `skip`."""
        held = set(skip)
        only = (
            ""
            if last_lane == EVERY_LANE
            else " AND (EXISTS (SELECT 1 FROM queue q WHERE q.origin = origins.id AND q.lane <= :lane)"
            " OR EXISTS (SELECT 1 FROM waiting w WHERE w.origin = origins.id AND w.kind = 1))"
        )
        rows = self.db.execute(
            f"SELECT {_ORIGIN_COLUMNS} FROM origins WHERE queued > 0{only} ORDER BY ready_at LIMIT :limit",
            {"lane": last_lane, "limit": limit + len(held)},
        )
        return [OriginRow(*row) for row in rows if row[0] not in held][:limit]

    def load_origin(self, origin: int) -> OriginRow:
        row = self.db.execute(f"SELECT {_ORIGIN_COLUMNS} FROM origins WHERE id = ?", (origin,)).fetchone()
        return OriginRow(*row)

    def load_host(self, name: str) -> HostRow | None:
        row = self.db.execute("SELECT name, smoothed, backoff, next_ready, done FROM hosts WHERE name = ?", (name,))
        found = row.fetchone()
        return None if found is None else HostRow(*found)

    # -- the queue ---------------------------------------------------------------------------------------------

    def load_urls(
        self, origin: int, now: float, claimed: set[int], limit: int, last_lane: float
    ) -> tuple[list[QueueRow], float | None]:
        """The origin's next rows in order, but those claimed; and when its next waiting row is due."""
        rows: list[QueueRow] = []
        due: float | None = None
        waiting = self.db.execute(
            f"SELECT q.origin, q.due, {_QUEUE_COLUMNS} FROM waiting q LEFT JOIN ledger v ON v.seq = q.via"
            " WHERE q.origin = ? ORDER BY q.due LIMIT ?",
            (origin, limit + len(claimed)),
        )
        for row in waiting:
            if row[2] in claimed or lane_of(row) > last_lane:
                continue
            if row[1] > now:
                due = row[1]
                break
            rows.append(QueueRow._make((*row, True)))
        queued = self.db.execute(
            f"SELECT q.origin, q.lane, {_QUEUE_COLUMNS} FROM queue q LEFT JOIN ledger v ON v.seq = q.via"
            " WHERE q.origin = ? AND q.lane <= ? ORDER BY q.lane, q.id LIMIT ?",
            (origin, last_lane, limit + len(claimed)),
        )
        rows += [QueueRow._make((*row, False)) for row in queued if row[2] not in claimed]
        return rows[:limit], due

    def next_attempt(self, origin: int, hash_: int) -> tuple[int, bool]:
        """The attempt number a new request for the URL would have, and whether the URL has its outcome already."""
        key = (origin, hash_)
        seen = self.db.execute("SELECT place, round FROM seen WHERE origin = ? AND hash = ?", key).fetchone()
        settled = seen is not None and seen[0] > 0 and seen[1] == self.round
        last = self.db.execute(
            "SELECT max(attempt) FROM attempts WHERE origin = ? AND hash = ? AND round = ?", (*key, self.round)
        ).fetchone()[0]
        if settled:
            own = self.db.execute("SELECT attempt FROM ledger WHERE seq = ?", (seen[0],)).fetchone()[0]
            last = max(own, last or 0)
        return (last or 0) + 1, settled

    # -- reading the ledger ------------------------------------------------------------------------------------

    def outcomes(self, since: int, limit: int = 1000) -> list[Outcome]:
        """At most `limit` outcomes with seq > since, in order."""
        rows = self.db.execute(
            f"SELECT {OUTCOME_COLUMNS} FROM ledger l LEFT JOIN ledger v ON v.seq = l.via"
            " WHERE l.seq > ? ORDER BY l.seq LIMIT ?",
            (since, limit),
        )
        return [outcome_of(row) for row in rows]

    def outcome_at(self, seq: int) -> Outcome | None:
        found = self.outcomes(seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def metadata_place(self, origin: int, hash_: int) -> tuple[str, int] | None:
        """Segment and offset of the metadata record that lists a settled URL's outlinks."""
        row = self.db.execute(
            "SELECT l.segment, l.metadata_offset FROM seen s JOIN ledger l ON l.seq = s.place"
            " WHERE s.origin = ? AND s.hash = ? AND l.segment IS NOT NULL",
            (origin, hash_),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def tallies(self) -> tuple[dict[int, int], dict[str, int]]:
        """Outcomes of this round by status and by media type."""
        where = "FROM ledger WHERE round = ? AND"
        by_status = self.db.execute(f"SELECT status, count(*) {where} status IS NOT NULL GROUP BY 1", (self.round,))
        by_type = self.db.execute(
            f"SELECT media_type, count(*) {where} media_type IS NOT NULL GROUP BY 1", (self.round,)
        )
        return dict(by_status.fetchall()), dict(by_type.fetchall())

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
        found: dict[int, list[str]] = {number: [url] for number, url in self.db.execute("SELECT number, url FROM seeds")}
        for number, url in self.db.execute("SELECT seed, url FROM joined"):
            found.setdefault(number, []).append(url)
        return found

    def iterate_outcomes(self, since: int) -> Iterator[Outcome]:
        """All outcomes with seq > since, read in pieces."""
        while batch := self.outcomes(since):
            yield from batch
            since = batch[-1].seq

    def seed_outcomes(self, numbers: Sequence[int]) -> list[Outcome]:
        """The outcomes of these seeds, as far as they have one in this round."""
        found = []
        for number in numbers:
            url = self.db.execute("SELECT url FROM seeds WHERE number = ?", (number,)).fetchone()[0]
            origin = self.db.execute("SELECT id FROM origins WHERE name = ?", (origin_of(url),)).fetchone()[0]
            row = self.db.execute(
                "SELECT place FROM seen WHERE origin = ? AND hash = ? AND round = ?",
                (origin, url_hash(url), self.round),
            ).fetchone()
            outcome = self.outcome_at(row[0]) if row is not None and row[0] > 0 else None
            if outcome is not None:
                found.append(outcome)
        return found

    def failed(self) -> list[tuple[int, int, int, str | None]]:
        """(seq, origin, hash, failure) of this round's failures that were not tried again since."""
        rows = self.db.execute(
            "SELECT l.seq, l.origin, l.hash, l.failure FROM ledger l JOIN seen s"
            " ON s.origin = l.origin AND s.hash = l.hash AND s.place = l.seq WHERE l.outcome = 'failed' AND l.round = ?",
            (self.round,),
        )
        return rows.fetchall()


def changed(counts: Counts, **deltas: int) -> Counts:
    """`counts` with the deltas added."""
    return replace(counts, **{name: getattr(counts, name) + delta for name, delta in deltas.items()})


def lane_of(row: Sequence[int]) -> float:
    """The lane that a waiting row (origin, due, id, hash, url, kind, depth, …) would have in the queue."""
    return lane(row[5], row[6])
