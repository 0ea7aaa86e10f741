"""How a crawl stands with its URLs, asked of the ledger from outside, URL by URL or all that is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

from crawler.frontier import unrank
from crawler.frontier.asking import Kept, Stand, Standing
from crawler.frontier.rows import origin_of, url_hash
from crawler.model import CrawlURL, Kind

_PIECE = 500
_KEPT = "('archived', 'revisited')"


class SqliteStandings:
    """Implements `crawler.frontier.asking.Standings` over a connection that is only read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def kept_count(self) -> int:
        """How many URLs `kept` gives, roughly: an outcome of an earlier round counts, too."""
        row = self._db.execute(f"SELECT count(*) FROM ledger WHERE outcome IN {_KEPT} AND kind IN (0, 1)").fetchone()
        return int(row[0])

    def kept(self) -> Iterator[Kept]:
        """The pages and requisites whose newest answer is archived, in the order of their outcomes."""
        seq = 0
        while rows := self._kept_after(seq):
            for number, text, depth, seed, time, status, media_type, best in rows:
                kind, offsite, _ = unrank(best)
                url = CrawlURL(text, kind, depth, offsite, seed=seed)
                yield Kept(number, url, datetime.fromtimestamp(time, UTC), status, media_type)
            seq = rows[-1][0]

    def _kept_after(self, seq: int) -> list[tuple[int, str, int, int, float, int | None, str | None, int]]:
        return self._db.execute(
            "SELECT l.seq, l.url, l.depth, l.seed, l.time, l.status, l.media_type, s.rank FROM ledger l"
            " JOIN seen s ON s.origin = l.origin AND s.hash = l.hash AND s.place = l.seq"
            f" WHERE l.seq > ? AND l.outcome IN {_KEPT} AND l.kind IN ({Kind.NAVIGATION:d}, {Kind.REQUISITE:d})"
            " ORDER BY l.seq LIMIT ?",
            (seq, _PIECE),
        ).fetchall()

    def stand(self, url: str) -> Stand:
        """How the crawl stands with the URL."""
        row = self._db.execute(
            "SELECT s.place, l.outcome, l.reason, l.status FROM origins o JOIN seen s ON s.origin = o.id"
            " LEFT JOIN ledger l ON l.seq = s.place WHERE o.name = ? AND s.hash = ?",
            (origin_of(url), url_hash(url)),
        ).fetchone()
        if row is None or row[0] == 0:
            return Stand(Standing.UNKNOWN)
        place, outcome, reason, status = row
        if place < 0:
            return Stand(Standing.QUEUED)
        if outcome in ("failed", "excluded"):
            return Stand(Standing(outcome), reason, status)
        return Stand(Standing.CAPTURED, reason, status)
