"""`--limit-rate`: how many bytes a second all connections together may receive. A token bucket on reading.

Bytes that came are taken from the bucket; while it is overdrawn, connections are *held*: their transports do not read,
so the peer stops sending once the buffers between are full. They are let go in the order in which they were held, one
for each *share* of the rate, since one that reads takes what has come meanwhile. So over any time the bytes received
are the rate times that time, give or take one read and what the bucket holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

BURST = 0.1
"""Seconds of the rate that may come at once after a pause."""
LEAST_SHARE, MOST_SHARE = 1 << 10, 64 << 10
MOST_BUFFER = 256 << 10


class Bucket:
    """What may be received at this moment, in bytes; below zero when it was too much. Pure: times are handed in."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._level = self._most = rate * BURST
        self._then = now

    def level(self, now: float) -> float:
        """The bytes in it."""
        self._level = min(self._most, self._level + max(0.0, now - self._then) * self.rate)
        self._then = now
        return self._level

    def take(self, size: float, now: float) -> None:
        """Takes out what came, even if that is more than there is. A negative size puts back."""
        self._level = self.level(now) - size

    def wait(self, now: float) -> float:
        """Seconds until it is not overdrawn any more."""
        return max(0.0, -self.level(now) / self.rate)


class Reader(Protocol):
    """A connection that can be told to stop reading."""

    def hold(self) -> None: ...

    def let_go(self) -> None: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Throttle:
    """The bucket of a crawl, and the connections that wait for it."""

    def __init__(
        self, rate: int, time: Callable[[], float], call_later: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        """`time` and `call_later` are a loop's."""
        self._bucket = Bucket(rate, time())
        self._time, self._call_later = time, call_later
        self._share = min(max(rate / 20, LEAST_SHARE), MOST_SHARE)
        self._held: OrderedDict[Reader, None] = OrderedDict()
        self._advanced: dict[Reader, float] = {}
        """Let go, and charged for what they have not received yet."""
        self._timer: Timer | None = None

    @property
    def buffer(self) -> int:
        """Bytes that the system should keep for a connection that does not read."""
        return int(min(max(self._share * 2, 4096), MOST_BUFFER))

    def begins(self, reader: Reader) -> None:
        """A response is about to come."""
        if self._held or self._bucket.level(self._time()) < 0:
            self._hold(reader)

    def received(self, reader: Reader, size: int) -> None:
        now = self._time()
        self._bucket.take(size - self._advanced.pop(reader, 0.0), now)
        if self._bucket.level(now) < 0:
            self._hold(reader)

    def ends(self, reader: Reader) -> None:
        """Nothing more is wanted of it for now."""
        self._bucket.take(-self._advanced.pop(reader, 0.0), self._time())
        if reader in self._held:
            del self._held[reader]
            reader.let_go()

    def _hold(self, reader: Reader) -> None:
        if reader not in self._held:
            self._held[reader] = None
            reader.hold()
        self._arm()

    def _arm(self) -> None:
        if self._timer is None and self._held:
            self._timer = self._call_later(self._bucket.wait(self._time()), self._turn)

    def _turn(self) -> None:
        self._timer = None
        now = self._time()
        # Timers may come a moment early, and numbers have their last digits.
        while self._held and self._bucket.wait(now) < 1e-4:
            reader, _ = self._held.popitem(last=False)
            self._advanced[reader] = self._share
            self._bucket.take(self._share, now)
            reader.let_go()
        self._arm()
