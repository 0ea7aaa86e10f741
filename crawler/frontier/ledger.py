"""Questions to the ledger: what became of a URL, and of all of them. Plain reads over a connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from crawler.frontier.rows import OUTCOME_COLUMNS, origin_of, outcome_of, url_hash
from crawler.frontier.values import Tallies
from crawler.model import Kind, Outcome

_PIECE = 1000
"""Outcomes read at a time."""
MOST_COUNTED = 100
"""Further back no requisite is counted; no rule asks for more."""


def outcomes(db: sqlite3.Connection, since: int, limit: int = _PIECE) -> list[Outcome]:
    """At most `limit` outcomes with seq > since, in order."""
    rows = db.execute(
        f"SELECT {OUTCOME_COLUMNS} FROM ledger l LEFT JOIN ledger v ON v.seq = l.via"
        " WHERE l.seq > ? ORDER BY l.seq LIMIT ?",
        (since, limit),
    )
    return [outcome_of(row) for row in rows]


def iterate_outcomes(path: Path, since: int) -> Iterator[Outcome]:
    """All outcomes with seq > since, read in pieces.

    By a connection of its own: whoever iterates is not the store's thread, and must see committed rows only."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as db:
        while batch := outcomes(db, since):
            yield from batch
            since = batch[-1].seq


def next_attempt(db: sqlite3.Connection, round_: int, origin: int, hash_: int) -> tuple[int, bool]:
    """The attempt number a new request for the URL would have, and whether the URL has its outcome already."""
    key = (origin, hash_)
    seen = db.execute("SELECT place, round FROM seen WHERE origin = ? AND hash = ?", key).fetchone()
    settled = seen is not None and seen[0] > 0 and seen[1] == round_
    last = db.execute(
        "SELECT max(attempt) FROM attempts WHERE origin = ? AND hash = ? AND round = ?", (*key, round_)
    ).fetchone()[0]
    if settled:
        own = db.execute("SELECT attempt FROM ledger WHERE seq = ?", (seen[0],)).fetchone()[0]
        last = max(own, last or 0)
    return (last or 0) + 1, settled


def next_attempt_of(db: sqlite3.Connection, round_: int, url: str) -> tuple[int, bool]:
    """As `next_attempt`, for a URL that may never have been seen."""
    row = db.execute("SELECT id FROM origins WHERE name = ?", (origin_of(url),)).fetchone()
    return (1, False) if row is None else next_attempt(db, round_, row[0], url_hash(url))


def nesting(db: sqlite3.Connection, via: int | None) -> int:
    """`CrawlURL.nesting` of a requisite found on this outcome."""
    count = 0
    while via is not None and count < MOST_COUNTED:
        kind, via = db.execute("SELECT kind, via FROM ledger WHERE seq = ?", (via,)).fetchone()
        if kind != Kind.REQUISITE:
            break
        count += 1
    return count


def metadata_place(db: sqlite3.Connection, origin: int, hash_: int) -> tuple[str, int] | None:
    """Segment and offset of the metadata record that lists a settled URL's outlinks."""
    row = db.execute(
        "SELECT l.segment, l.metadata_offset FROM seen s JOIN ledger l ON l.seq = s.place"
        " WHERE s.origin = ? AND s.hash = ? AND l.segment IS NOT NULL",
        (origin, hash_),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def tallies(db: sqlite3.Connection, round_: int) -> Tallies:
    """Outcomes of the round by status and by media type."""
    where = "FROM ledger WHERE round = ? AND"
    by_status = db.execute(f"SELECT status, count(*) {where} status IS NOT NULL GROUP BY 1", (round_,))
    by_type = db.execute(f"SELECT media_type, count(*) {where} media_type IS NOT NULL GROUP BY 1", (round_,))
    absent = db.execute(f"SELECT count(*) {where} kind IN (3, 4) AND status IN (404, 410)", (round_,))
    return Tallies(dict(by_status.fetchall()), dict(by_type.fetchall()), absent.fetchone()[0])


def seed_outcomes(db: sqlite3.Connection, round_: int, numbers: Sequence[int]) -> list[Outcome]:
    """The outcomes of these seeds, as far as they have one in the round."""
    found = []
    for number in numbers:
        url = db.execute("SELECT url FROM seeds WHERE number = ?", (number,)).fetchone()[0]
        origin = db.execute("SELECT id FROM origins WHERE name = ?", (origin_of(url),)).fetchone()[0]
        row = db.execute(
            "SELECT place FROM seen WHERE origin = ? AND hash = ? AND round = ?", (origin, url_hash(url), round_)
        ).fetchone()
        if row is not None and row[0] > 0:
            found += outcomes(db, row[0] - 1, 1)
    return found


def pages_by_host(db: sqlite3.Connection, round_: int) -> dict[str, int]:
    """The round's pages, as `Counts.pages` counts them, by the name of their host."""
    rows = db.execute(
        "SELECT o.host, count(*) FROM ledger l JOIN origins o ON o.id = l.origin WHERE l.round = ? AND l.kind = 0"
        " AND l.outcome IN ('archived', 'revisited')"
        " AND (l.status IS NULL OR l.status NOT BETWEEN 300 AND 399 OR l.status = 304) GROUP BY o.host",
        (round_,),
    )
    return dict(rows.fetchall())


def failed(db: sqlite3.Connection, round_: int) -> list[tuple[int, int, int, str | None]]:
    """(seq, origin, hash, failure) of the round's failures that were not tried again since."""
    rows = db.execute(
        "SELECT l.seq, l.origin, l.hash, l.failure FROM ledger l JOIN seen s"
        " ON s.origin = l.origin AND s.hash = l.hash AND s.place = l.seq WHERE l.outcome = 'failed' AND l.round = ?",
        (round_,),
    )
    return rows.fetchall()
