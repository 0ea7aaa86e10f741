"""Which payloads the archive holds: rows of `payloads`, written with the commit of their records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from crawler.earlier.revisit import Original
from crawler.frontier.rows import url_hash
from crawler.model import Outcome

_ENTER = "INSERT OR IGNORE INTO payloads VALUES (?, ?)"


def enter_payloads(db: sqlite3.Connection, originals: Sequence[Outcome]) -> None:
    """Inside a transaction: from now on revisits may refer to the records of these outcomes."""
    rows = [(url_hash(o.receipt.digest), o.seq) for o in originals if o.receipt is not None and o.receipt.digest]
    db.executemany(_ENTER, sorted(rows))  # in the order of keys: pages of the tree are met once


def find_originals(db: sqlite3.Connection, digests: Sequence[str]) -> dict[str, Original]:
    """The records that hold payloads with these digests."""
    keys = [url_hash(digest) for digest in digests]
    rows = db.execute(
        "SELECT l.url, l.time, l.record_id, l.digest FROM payloads p JOIN ledger l ON l.seq = p.seq"
        f" WHERE p.key IN ({', '.join('?' * len(keys))})",
        keys,
    )
    wanted = set(digests)
    found = [Original(url, datetime.fromtimestamp(time, UTC), id_, digest) for url, time, id_, digest in rows]
    return {original.digest: original for original in found if original.digest in wanted}
