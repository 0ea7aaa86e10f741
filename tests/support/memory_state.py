"""What a frontier in memory keeps "durably": plain dictionaries of values that never change, so that a copy of the
dictionaries is a transaction's own state, and dropping the copy is its rollback."""

from __future__ import annotations

import enum

from msgspec import Struct, field
from msgspec.structs import replace

from crawler.expiry import expiry_of
from crawler.frontier import Counts, SegmentState, StoredPace, rank
from crawler.liveness import UNKNOWN, Liveness
from crawler.model import Kind, Outcome, Outlink

MAX_DEPTH = 0xFFFF


class Mode(enum.Enum):
    """What a row asks for."""

    FETCH = enum.auto()
    AGAIN = enum.auto()
    REJUDGE = enum.auto()


class Row(Struct, frozen=True):
    """A URL that is queued, with why it is wanted."""

    id: int
    link: Outlink
    via: int | None
    """The seq of the outcome it was found on."""
    attempt: int = 1
    mode: Mode = Mode.FETCH
    due: float | None = None
    """Not before then; None for one that never had to wait."""

    @property
    def url(self) -> str:
        return self.link.url

    @property
    def rank(self) -> int:
        return rank(self.link.kind, self.link.offsite, self.link.depth)

    @property
    def turn(self) -> tuple[float, ...]:
        """The order within an origin: what waited, requisites, pages breadth first, guesses; what expires soon first
        among equals."""
        if self.due is not None:
            return (0, self.due, self.id)
        kind = self.link.kind
        depth = 0 if kind in (Kind.REQUISITE, Kind.GUESS) else min(self.link.depth, MAX_DEPTH)
        expires = expiry_of(self.url)
        which = 1 if kind is Kind.REQUISITE else 3 if kind is Kind.GUESS else 2
        return (which, depth, float("inf") if expires is None else expires, self.id)


class Seen(Struct, frozen=True):
    """A URL that was queued once."""

    rank: int
    round: int
    row: int | None = None
    """Its row, while it has no outcome."""
    seq: int | None = None
    """Its outcome. With neither it is a robots.txt, kept for the next page of its origin to ask for."""


class Entry(Struct, frozen=True):
    """A line of the ledger, with what an outcome does not tell."""

    outcome: Outcome
    kind: Kind
    via: int | None
    seed: int
    metadata_offset: int | None
    again: bool = False
    """One more fetch, beyond this outcome, was queued."""


class Gate(Struct, frozen=True):
    """What is known of an origin's robots.txt."""

    text: str | None = None
    refusal: str | None = None
    failure: str | None = None
    expires: float | None = None
    elsewhere: str | None = None
    hops: int = 0
    due: float = 0.0
    delay: float = 0.0


class State(Struct):
    """Everything that outlasts a crash."""

    counts: Counts = field(default_factory=Counts)
    round: int = 1
    next_row: int = 1
    rows: dict[int, Row] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    ledger: dict[int, Entry] = field(default_factory=dict)
    attempts: dict[tuple[int, str], int] = field(default_factory=dict)
    """The last attempt for each URL in each round."""
    gates: dict[str, Gate] = field(default_factory=dict)
    lives: dict[str, Liveness] = field(default_factory=dict)
    paces: dict[str, StoredPace] = field(default_factory=dict)
    payloads: dict[str, int] = field(default_factory=dict)
    previous: dict[str, int] = field(default_factory=dict)
    """Of each URL met in the round at hand, the last capture before it that has a payload of its own."""
    seeds: dict[str, int] = field(default_factory=dict)
    joined: dict[tuple[int, str], None] = field(default_factory=dict)
    segments: dict[int, SegmentState] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)
    rules: str | None = None
    cookies: bytes | None = None

    def copy(self) -> State:
        """What a transaction may change: its dictionaries are its own, the values in them never change."""
        fresh = replace(self)
        for name in State.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, dict):
                setattr(fresh, name, dict(value))
        return fresh

    def life(self, origin: str) -> Liveness:
        return self.lives.get(origin, UNKNOWN)

    def gate(self, origin: str) -> Gate:
        return self.gates.get(origin, Gate())

    def seq_of(self, url: str) -> int | None:
        """The URL's outcome in the round at hand."""
        seen = self.seen.get(url)
        return None if seen is None or seen.round < self.round else seen.seq

    def nesting(self, kind: Kind, via: int | None) -> int:
        """Of what was found on that outcome."""
        count = 0
        while kind is Kind.REQUISITE and via is not None and self.ledger[via].kind is Kind.REQUISITE:
            count, via = count + 1, self.ledger[via].via
        return count

    def last_attempt(self, url: str) -> int:
        return self.attempts.get((self.round, url), 0)


def origin_of(url: str) -> str:
    """`scheme://host[:port]`. Raises ValueError for what is no URL."""
    return url[: url.index("/", 8)]


def host_of(origin: str) -> str:
    """The name alone."""
    authority = origin.partition("://")[2]
    head, colon, tail = authority.rpartition(":")
    return head if colon and tail.isdigit() else authority
