"""Whether an origin still answers at all: pure arithmetic on what its attempts said.

Terms. *Silence*: an attempt that got no answer because there was nobody to give one (no address, no connection, no TLS,
no byte in time). *Parked*: nothing is asked of the origin but one probe at the end of each interval, and the intervals
double. *Dead*: its last probe got no answer either; its URLs fail without being asked for, for a day.

An origin that has answered before is worth waiting for: it is probed as often as `--probes` says. One that never did
most likely never will (a mistyped or forgotten name): it is probed once. Any answer ends all of it at once.
"""

from __future__ import annotations

from msgspec import Struct

from crawler.model import FailureKind

PARK_AFTER = 4
"""Silences in a row: as many as one URL is tried by default."""
DEFAULT_PROBES = 6
"""`--probes`: over ten minutes."""
FIRST_INTERVAL = 10.0
MAX_INTERVAL = 3600.0
PROBES_OF_UNKNOWN = 1
DEAD_SECONDS = 86_400.0
"""How long a verdict stands; then one more attempt says whether it stands for as long again."""

SILENT = frozenset({FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS, FailureKind.TIMEOUT})
"""Failures that are silence when not a byte came back. A connection that was accepted and closed is none: whoever
closes a connection is there."""


class Liveness(Struct, frozen=True):
    """How an origin stands; kept with it across restarts."""

    silences: int = 0
    """In a row; those of attempts that were under way when it was parked are not counted."""
    until: float = 0.0
    """Parked or dead until then (seconds since the epoch)."""
    answered: bool = False
    """It did, once."""
    dead: str | None = None
    """The sentence of the last failure, once the verdict is spoken."""
    failure: FailureKind | None = None

    @property
    def parked(self) -> bool:
        """True while it is only probed, or dead."""
        return self.silences >= PARK_AFTER

    def is_dead(self, now: float) -> bool:
        return self.dead is not None and self.until > now

    def heard(self) -> Liveness:
        """It answered."""
        return ALIVE

    def silent(self, now: float, probes: int, reason: str, failure: FailureKind | None) -> Liveness:
        """One more attempt got no answer."""
        if self.parked and self.until > now:
            return self  # it was under way when the origin was parked
        silences = self.silences + 1
        if silences < PARK_AFTER:
            return Liveness(silences, 0.0, self.answered)
        made = silences - PARK_AFTER
        if made >= (probes if self.answered else min(probes, PROBES_OF_UNKNOWN)):
            return Liveness(silences, now + DEAD_SECONDS, self.answered, reason, failure)
        return Liveness(silences, now + min(MAX_INTERVAL, FIRST_INTERVAL * 2.0**made), self.answered)


UNKNOWN = Liveness()
ALIVE = Liveness(answered=True)
