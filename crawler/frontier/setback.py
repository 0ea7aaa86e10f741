"""Moments that lie further off than anything asks for: the clock was set back since they were written."""

from __future__ import annotations

import sqlite3

from crawler.liveness import DEAD_SECONDS, MAX_INTERVAL
from crawler.retry import MAX_RETRY_AFTER

_NEARER = (
    ("UPDATE waiting SET due = :soon WHERE due > :soon", MAX_RETRY_AFTER),
    ("UPDATE hosts SET next_ready = :soon WHERE next_ready > :soon", MAX_RETRY_AFTER),
    ("UPDATE origins SET robots_due = :soon WHERE robots_due > :soon", MAX_RETRY_AFTER),
    ("UPDATE origins SET ready_at = :soon WHERE ready_at > :soon", MAX_RETRY_AFTER),
    ("UPDATE origins SET silent_until = :soon WHERE silent_until > :soon AND dead IS NULL", MAX_INTERVAL),
    ("UPDATE origins SET silent_until = :soon WHERE silent_until > :soon AND dead IS NOT NULL", DEAD_SECONDS),
)
"""Each with the most seconds that the moment is ever put off."""


def bring_near(db: sqlite3.Connection, now: float) -> None:
    """Nothing waits longer than it could have been told to. Writes only if there is such; may be repeated."""
    for statement, most in _NEARER:
        db.execute(statement, {"soon": now + most})
