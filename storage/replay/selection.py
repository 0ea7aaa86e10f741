"""Which capture answers for a URL at a moment. No I/O.

The one of that very second; else the closest in time that was an answer, before those that say `not now`; a redirect
that leads to the same key (from http to https, to www, to set a cookie) only where there is nothing else: replay would
turn in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from storage.replay.queries import Entry

_REFUSALS = frozenset((408, 425, 429))


def choose(entries: Sequence[Entry], moment: datetime | None) -> list[Entry]:
    """The entries from best to worst; `moment` None is the newest."""
    wanted = datetime.max.replace(tzinfo=UTC) if moment is None else moment

    def rank(entry: Entry) -> tuple[bool, bool, float, bool, int]:
        distance = abs((_time(entry) - wanted).total_seconds())
        refused = entry.status is not None and (entry.status >= 500 or entry.status in _REFUSALS)
        is_redirect = entry.status is not None and 300 <= entry.status < 400
        return (bool(distance), refused, distance, is_redirect, -entry.id)

    return sorted(entries, key=rank)


def _time(entry: Entry) -> datetime:
    try:
        return datetime.strptime(entry.timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
