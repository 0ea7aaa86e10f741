"""A loaded origin: its next rows, what of it is in flight, and where it stands in the working set."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field

from crawler.frontier.rows import Key, QueueRow
from crawler.frontier.store import OriginRow
from crawler.liveness import PARK_AFTER
from crawler.politeness import Address, Pace


class State(enum.Enum):
    TURNING = "turning"
    TIMED = "timed"
    BARRED = "barred"
    QUEUED = "queued"
    IDLE = "idle"


@dataclass(slots=True, eq=False)
class OriginQueue:
    """One loaded origin: the next rows of its queue, and what of it is in flight."""

    row: OriginRow
    pace: Pace
    urls: deque[QueueRow] = field(default_factory=deque)
    claimed: set[int] = field(default_factory=set)
    loaded: bool = False
    """True when `urls` are the next rows of the store; False asks for a reload."""
    next_due: float | None = None
    """When its next waiting row is due, if it has one."""
    robots_in_flight: bool = False
    state: State = State.IDLE
    wake_at: float = 0.0
    served: int = 0
    """Claims since it was loaded: its share before another origin takes its place."""
    rules: str | None = None
    """Its robots.txt where the row does not hold it, while something of it is claimed."""
    rules_read: bool = False
    """False if `rules` may be older than the store's."""
    unanswered: set[Key] = field(default_factory=set)
    """Requests that got no answer and are not committed yet."""
    line: Address | None = None
    """The address for which it queues, or which it was offered."""

    def robots_needed(self, now: float) -> bool:
        expires = self.row.robots_expires
        return expires is None or expires <= now

    def rules_needed(self) -> bool:
        """Whether its robots.txt must be read before something of it may be claimed."""
        return bool(self.row.has_robots) and self.row.robots is None and not self.rules_read

    @property
    def doubtful(self) -> bool:
        """True if it is about to be parked, once what is known of it is committed."""
        silences = self.row.life.silences
        return bool(self.unanswered) and silences < PARK_AFTER <= silences + len(self.unanswered)

    @property
    def busy(self) -> bool:
        return self.robots_in_flight or bool(self.claimed)
