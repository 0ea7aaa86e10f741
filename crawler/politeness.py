"""How often one host may be asked: pure arithmetic on times that are handed in.

Terms. *spacing*: seconds between two starts that the machine behind a host is owed. *delay*: the same for the host
itself: never less than its Crawl-delay, plus *backoff*: extra seconds, doubled by every 429, 503 or timeout and halved
by every good answer. *next_ready*: the earliest start of the next request.

Hosts on one IP address share slots and spacing: to the machine they are one. What a single site wished (Crawl-delay,
Retry-After) or earned (backoff) is that site's alone.
"""

from __future__ import annotations

from msgspec import Struct

MAX_AUTO_DELAY = 30.0
AUTO_FACTOR = 5.0
SMOOTHING = 0.25
"""Weight of the newest answer in the smoothed answer time."""
FIRST_BACKOFF = 1.0
MAX_BACKOFF = 300.0
MAX_RETRY_AFTER = 3600.0
"""Retry-After beyond this many seconds is taken as this many: a typing error must not park a host for a year."""


class Address(Struct, eq=False, weakref=True):
    """The budget of one IP address."""

    name: str
    slots: int
    """`--per-ip`."""
    active: int = 0
    next_ready: float = 0.0

    def is_free(self, now: float) -> bool:
        """Whether a request to any of its hosts may start."""
        return self.active < self.slots and self.next_ready <= now


class HostWish(Struct):
    """What somebody wishes for one host while the crawl runs, in place of the crawl's options."""

    delay: float | None = None
    """Seconds; None is `auto`."""
    has_delay: bool = False
    per_host: int | None = None
    paused: bool = False


class Start(Struct, frozen=True):
    """A request's start, so that it can be ended where it began, or undone."""

    before: float
    after: float
    address: Address | None
    address_before: float = 0.0
    address_after: float = 0.0


class Pace(Struct):
    """The state of one host name; shared by its http and https origins and all their ports' queues."""

    name: str
    fixed_delay: float | None
    """`--delay`; None is auto."""
    per_host: int
    smoothed: float | None = None
    """Smoothed answer time in seconds."""
    backoff: float = 0.0
    next_ready: float = 0.0
    crawl_delay: float = 0.0
    active: int = 0
    done: int = 0
    address: str | None = None
    """The IP address connected to last."""
    shared: Address | None = None
    """Its budget; None while it is not known, or is shared with nobody."""
    paused: bool = False
    """True while somebody wishes that nothing is asked of it."""

    @property
    def spacing(self) -> float:
        """Seconds between two starts, before the host's own wishes."""
        if self.fixed_delay is not None:
            return self.fixed_delay
        return min(MAX_AUTO_DELAY, AUTO_FACTOR * (self.smoothed or 0.0))

    @property
    def delay(self) -> float:
        """Seconds between two starts, as things stand."""
        return max(self.spacing, self.crawl_delay) + self.backoff

    def ready_at(self) -> float:
        """The earliest next start; infinite while all its slots are taken, or it is paused."""
        return self.next_ready if self.active < self.per_host and not self.paused else float("inf")

    def started(self, now: float) -> Start:
        before, shared = self.next_ready, self.shared
        self.active += 1
        self.next_ready = max(before, now + self.delay)
        if shared is None:
            return Start(before, self.next_ready, None)
        address_before = shared.next_ready
        shared.active += 1
        shared.next_ready = max(address_before, now + self.spacing)
        return Start(before, self.next_ready, shared, address_before, shared.next_ready)

    def wished(self, wish: HostWish, fixed_delay: float | None, per_host: int) -> None:
        """Takes over a wish; where it has none, the crawl's own options. A shorter delay holds for the wait under way,
        too; what the host itself asked for stays."""
        before = self.delay
        self.fixed_delay = wish.delay if wish.has_delay else fixed_delay
        self.per_host, self.paused = wish.per_host or per_host, wish.paused
        sooner = max(0.0, before - self.delay)
        self.next_ready -= sooner
        if self.shared is not None:
            self.shared.next_ready -= sooner

    def ended(self, start: Start | None = None) -> None:
        """The request is over. `start` names the address that it was counted under, if any."""
        self.active -= 1
        if start is not None and start.address is not None:
            start.address.active -= 1

    def spared(self, start: Start) -> None:
        """What began so asked nothing: it costs no delay, unless another start or a wish of the host came since."""
        if self.next_ready == start.after:
            self.next_ready = start.before
        if start.address is not None and start.address.next_ready == start.address_after:
            start.address.next_ready = start.address_before

    def hold(self, now: float, retry_after: float | None) -> None:
        """It pushed back just now: no further start before `heard` had the time to learn from it."""
        seconds = max(self.delay, FIRST_BACKOFF) if retry_after is None else min(retry_after, MAX_RETRY_AFTER)
        self.next_ready = max(self.next_ready, now + seconds)

    def learn(self, copy: Pace) -> None:
        """Takes over what a copy of it `heard` meanwhile."""
        self.smoothed, self.backoff, self.done = copy.smoothed, copy.backoff, copy.done
        self.next_ready = max(self.next_ready, copy.next_ready)

    def heard(self, now: float, answer_ms: int | None, pushback: bool, retry_after: float | None) -> None:
        """Learns from one attempt: a quick good answer speeds up, pushback slows down."""
        if pushback:
            self.backoff = min(MAX_BACKOFF, max(FIRST_BACKOFF, self.backoff * 2))
        elif answer_ms is not None:
            self.backoff = 0.0 if self.backoff <= FIRST_BACKOFF / 2 else self.backoff / 2
            seconds = answer_ms / 1000
            old = self.smoothed
            self.smoothed = seconds if old is None else old + SMOOTHING * (seconds - old)
        if retry_after is not None:
            self.next_ready = max(self.next_ready, now + min(retry_after, MAX_RETRY_AFTER))
        elif pushback:
            self.next_ready = max(self.next_ready, now + self.delay)
