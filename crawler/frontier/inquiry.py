"""Questions to a crawl's ledger from outside, while the crawl may be running: reads only, and takes no lock.

What is claimed at this moment is in the crawl's memory alone: it is told as queued.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crawler.errors import LedgerError
from crawler.frontier import StoredPace, unrank
from crawler.frontier.asking import Attempt, Known, Origin, Step, Waiting
from crawler.frontier.ledger import outcomes, pages_by_host
from crawler.frontier.rows import host_of, lane, origin_of, url_hash
from crawler.frontier.schema import FORMAT
from crawler.frontier.standing import SqliteStandings
from crawler.liveness import Liveness
from crawler.model import FailureKind, Kind, Receipt

MAX_CHAIN = 100
"""Links followed back towards the seed; a redirect or a requisite counts, too."""


class SqliteInquiry:
    """Implements `crawler.frontier.asking.Inquiry` over one read transaction. `inquire` begins one."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        meta = dict(db.execute("SELECT key, value FROM meta WHERE key = 'round'"))
        self.round = int(meta.get("round", 1))
        self.standings = SqliteStandings(db)

    def known(self, url: str) -> Known | None:
        """What is known of a normalised URL; None for one that was never queued in this round."""
        origin = self._db.execute("SELECT id FROM origins WHERE name = ?", (origin_of(url),)).fetchone()
        if origin is None:
            return None
        key = (origin[0], url_hash(url))
        seen = self._db.execute(
            "SELECT rank, place FROM seen WHERE origin = ? AND hash = ? AND round = ?", (*key, self.round)
        ).fetchone()
        if seen is None:
            return None
        rank, place = seen
        kind, offsite, depth = unrank(rank)
        attempts = self._attempts(*key)
        if place > 0:
            [outcome] = outcomes(self._db, place - 1, 1)
            seed, via = self._one("SELECT seed, via FROM ledger WHERE seq = ?", place)
            return Known(kind, depth, offsite, seed, self._chain(via), outcome, None, attempts)
        found = self._queued(key[0], -place, lane(kind, depth, url))
        if found is None:
            return Known(kind, depth, offsite, 0, (), None, None, attempts)
        seed, via, attempt, due = found
        return Known(kind, depth, offsite, seed, self._chain(via), None, Waiting(attempt, due), attempts)

    def origin(self, url: str) -> Origin | None:
        """What is known of the URL's scheme, host and port."""
        row = self._one(
            "SELECT name, queued, robots, robots_refusal, robots_expires, robots_due, robots_delay, silences,"
            " silent_until, answered, dead, dead_failure FROM origins WHERE name = ?",
            origin_of(url),
        )
        if row is None:
            return None
        silences, until, answered, dead, failure = row[7:]
        kind = None if failure is None else FailureKind(failure)
        name, queued, robots, refusal, expires, due, delay = row[:7]
        life = Liveness(silences, until, bool(answered), dead, kind)
        return Origin(name, queued, robots, refusal, expires, due, delay, life)

    def host(self, url: str) -> StoredPace | None:
        """The politeness owed to the URL's host."""
        question = "SELECT name, smoothed, backoff, next_ready, done, address FROM hosts WHERE name = ?"
        row = self._one(question, host_of(origin_of(url)))
        return None if row is None else StoredPace(*row)

    def pages_by_host(self) -> dict[str, int]:
        """How many pages each host gave in the round at hand."""
        return pages_by_host(self._db, self.round)

    def seeds(self) -> dict[int, list[str]]:
        """Every seed's URL and the URLs that joined its scope."""
        found = {number: [url] for number, url in self._db.execute("SELECT number, url FROM seeds ORDER BY number")}
        for number, url in self._db.execute("SELECT seed, url FROM joined"):
            found.setdefault(number, []).append(url)
        return found

    def _one(self, question: str, value: object) -> Any:
        return self._db.execute(question, (value,)).fetchone()

    def _queued(self, origin: int, id_: int, lane_: float) -> tuple[int, int | None, int, float | None] | None:
        """Seed, via, attempt and due time of a row of `queue` or `waiting`."""
        waiting = "SELECT seed, via, attempt, due FROM waiting WHERE origin = ? AND id = ?"
        queued = "SELECT seed, via, attempt, NULL FROM queue WHERE origin = ?"
        asked = ((f"{queued} AND lane = ? AND id = ?", (origin, lane_, id_)), (waiting, (origin, id_)))
        for question, values in (*asked, (f"{queued} AND id = ?", (origin, id_))):
            row: tuple[int, int | None, int, float | None] | None = self._db.execute(question, values).fetchone()
            if row is not None:
                return row
        return None

    def _chain(self, via: int | None) -> tuple[Step, ...]:
        steps: list[Step] = []
        while via is not None and len(steps) < MAX_CHAIN:
            row = self._one("SELECT url, kind, depth, via FROM ledger WHERE seq = ?", via)
            if row is None:
                break
            steps.append(Step(row[0], Kind(row[1]), row[2]))
            via = row[3]
        return tuple(steps)

    def _attempts(self, origin: int, hash_: int) -> tuple[Attempt, ...]:
        rows = self._db.execute(
            "SELECT attempt, time, status, reason, ms, segment, offset, length, record_id, digest FROM attempts"
            " WHERE origin = ? AND hash = ? AND round = ? ORDER BY attempt",
            (origin, hash_, self.round),
        )
        found = []
        for number, time, status, reason, ms, segment, *place in rows:
            receipt = None if segment is None else Receipt(0, segment, *place)
            found.append(Attempt(number, time, status, reason, ms, receipt))
        return tuple(found)


@contextmanager
def inquire(path: Path) -> Iterator[SqliteInquiry]:
    """The ledger at one moment: whatever a crawl commits meanwhile is not seen. Raises LedgerError."""
    # Without a crawl there is no -wal file: then nothing changes, and nothing need be made beside the file.
    still = not path.with_name(path.name + "-wal").exists()
    uri = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if still else ''}"
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                raise LedgerError(
                    f"{path}: is of format {version}; this program reads format {FORMAT}"
                    + ("; resuming the crawl brings it up to date" if 0 < version < FORMAT else "")
                )
            db.execute("BEGIN")
            yield SqliteInquiry(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: cannot be read as a crawl's ledger: {error}") from error
