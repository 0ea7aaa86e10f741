"""What is queued anew when the rules take in more than before: stored pages to be judged again, excluded URLs to fetch.

Invariants.
- The rules in force enter the ledger in the transaction that queues the pages, so a crash between leaves neither.
- An excluded URL that is queued again gets another outcome; the earlier one becomes an attempt, as a failure's does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from crawler.frontier import ExcludedURL, unrank
from crawler.frontier.commit import Transaction
from crawler.frontier.ledger import nesting
from crawler.frontier.queueing import WITHOUT_LINKS
from crawler.frontier.rows import Mode, Reason
from crawler.model import Kind

PIECE = 1000
"""Rows read at a time."""
_SETTLED = (
    "SELECT l.seq, l.origin, l.hash, l.url, l.seed, s.rank, l.media_type FROM ledger l"
    " JOIN seen s ON s.origin = l.origin AND s.hash = l.hash AND s.place = l.seq"
    " WHERE l.seq > ? AND l.round = ? AND l.outcome IN ('archived', 'revisited') AND l.kind <> ? ORDER BY l.seq LIMIT ?"
)
_EXCLUDED = (
    "SELECT l.seq, l.url, l.reason, l.seed, l.via, s.rank FROM ledger l"
    " JOIN seen s ON s.origin = l.origin AND s.hash = l.hash AND s.place = l.seq"
    " WHERE l.seq > ? AND l.round = ? AND l.outcome = 'excluded' ORDER BY l.seq LIMIT ?"
)
_REASON = (
    "SELECT l.seed, l.via, s.rank FROM ledger l JOIN seen s ON s.origin = l.origin AND s.hash = l.hash WHERE l.seq = ?"
)


def excluded(db: sqlite3.Connection, round_: int, since: int) -> list[ExcludedURL]:
    """At most PIECE of the round's excluded URLs with seq > since, in order."""
    found = []
    for seq, url, rule, seed, via, value in db.execute(_EXCLUDED, (since, round_, PIECE)):
        kind, offsite, depth = unrank(value)
        nested = nesting(db, via) if kind is Kind.REQUISITE else 0
        found.append(ExcludedURL(seq, url, rule or "", kind, depth, offsite, seed, nested))
    return found


def queue_excluded(transaction: Transaction, seqs: Sequence[int]) -> None:
    """Queues these excluded URLs to be fetched after all."""
    for seq in seqs:
        seed, via, best = transaction.db.execute(_REASON, (seq,)).fetchone()
        kind, offsite, depth = unrank(best)
        transaction.queueing.offer_excluded(seq, Reason(kind, depth, offsite, 0, seed), via)


def queue_settled(transaction: Transaction) -> int:
    """Queues every stored page of the round to be judged again; returns how many."""
    since = count = 0
    while True:
        query = (since, transaction.round, int(Kind.ROBOTS), PIECE)
        rows = transaction.db.execute(_SETTLED, query).fetchall()
        for _, origin, hash_, url, seed, value, media_type in rows:
            if not (media_type or "").startswith(WITHOUT_LINKS):
                kind, offsite, depth = unrank(value)
                reason = Reason(kind, depth, offsite, 0, seed)
                transaction.queueing.insert(origin, hash_, url, reason, None, Mode.REJUDGE)
                count += 1
        if len(rows) < PIECE:
            return count
        since = rows[-1][0]
