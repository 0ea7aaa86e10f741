"""What a round knows of the rounds before it: rows of `previous`, and how the captures compare.

Invariants.
- `seen` keeps the row of an earlier round until the URL is met again; only then is a new place written over it, and
  what it pointed to enters `previous`. So the start of a round costs the same however large the crawl is.
- `previous` always names a capture with a payload of its own: a failure or a 304 does not displace it. So the chain
  is one step long, however many rounds a URL has not changed in.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from crawler.earlier.revisit import Previous
from crawler.model import Kind

_KEEP = (
    "INSERT OR REPLACE INTO previous SELECT ?, ?, seq FROM ledger"
    " WHERE seq = ? AND outcome IN ('archived', 'revisited') AND status <> 304"
)
_PREVIOUS = (
    "SELECT l.seq, l.time, l.status, l.media_type, l.title, l.segment, l.offset, l.metadata_offset, l.digest"
    " FROM previous p JOIN ledger l ON l.seq = p.seq WHERE p.origin = ? AND p.hash = ? AND l.segment IS NOT NULL"
)
_GONE = (
    "SELECT count(*) FROM ledger l JOIN seen s ON s.origin = l.origin AND s.hash = l.hash"
    " LEFT JOIN ledger n ON n.seq = s.place AND n.round = :round"
    " WHERE l.round = :round - 1 AND l.outcome IN ('archived', 'revisited') AND l.status < 400 AND l.kind <> :robots"
    " AND (s.round < :round OR n.status IN (404, 410))"
)


def keep_previous(db: sqlite3.Connection, origin: int, hash_: int, place: int) -> None:
    """Inside a transaction: a URL seen in an earlier round, where `place` was its place, is met again."""
    if place > 0:
        db.execute(_KEEP, (origin, hash_, place))


def previous_of(db: sqlite3.Connection, origin: int, hash_: int) -> Previous | None:
    """The URL's last capture, in an earlier round, with a payload of its own."""
    row = db.execute(_PREVIOUS, (origin, hash_)).fetchone()
    return None if row is None else Previous(row[0], datetime.fromtimestamp(row[1], UTC), *row[2:])


def compared(db: sqlite3.Connection, origin: int, hash_: int, status: int | None, digest: str | None) -> str | None:
    """`new`, `changed` or `unchanged`: how a whole answer stands to the capture before; None for an error page."""
    if status is None or status >= 400:
        return None
    previous = previous_of(db, origin, hash_)
    if previous is None or (previous.status or 0) >= 400:
        return "new"
    return "unchanged" if status == 304 or digest == previous.digest else "changed"


def gone(db: sqlite3.Connection, round_: int) -> int:
    """URLs that had a good answer in the round before and in this one are missing (404, 410) or were not met."""
    return int(db.execute(_GONE, {"round": round_, "robots": int(Kind.ROBOTS)}).fetchone()[0])
