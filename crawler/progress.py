"""How a crawl stands and how it ended: frozen values that the engine fills and the reports show. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct, field

from crawler.model import Outcome, OutcomeKind


class HostLine(Struct, frozen=True):
    """One host at this moment."""

    name: str
    active: int
    """Requests in flight."""
    queued: int
    done: int
    delay: float
    """Seconds now kept between two requests."""
    state: str
    """A word or two for people: `ready`, `waiting 3 s`, `robots`."""


class Progress(Struct, frozen=True):
    """The crawl at this moment. Counts are of the round, `elapsed` and `started` of this run."""

    started: datetime
    elapsed: float
    """Seconds."""
    done: int
    """URLs with an outcome: archived + revisited + failed + excluded."""
    archived: int
    revisited: int
    failed: int
    excluded: int
    queued: int
    in_flight: int
    bytes: int
    """Bytes received."""
    state: str
    """`crawling`, `stopping`, or a sentence such as `paused: disk full, …`."""
    hosts: tuple[HostLine, ...] = ()
    """Busiest first, at most 8."""
    recent: tuple[Outcome, ...] = ()
    """The latest outcomes, newest last, at most 8."""
    limit: str | None = None
    """The limit that was reached, in words, or None."""
    round: int = 1
    """Which pass over the sites."""


class Comparison(Struct, frozen=True):
    """A round against the one before, in URLs. Error pages, failures and robots.txt are not counted."""

    new: int
    changed: int
    unchanged: int
    gone: int | None
    """Missing now (404, 410) or not met again; None while the round is not finished."""


class Summary(Struct, frozen=True):
    """How a run ended. Counts are of the round: a resumed crawl tells of all of it."""

    directory: Path
    outcomes: Mapping[OutcomeKind, int] = field(default_factory=dict)
    statuses: Mapping[int, int] = field(default_factory=dict)
    """HTTP status -> number of URLs."""
    types: Mapping[str, int] = field(default_factory=dict)
    """Media type -> number of URLs."""
    absent: int = 0
    """Those of `statuses` that are a robots.txt or sitemap, only looked for and not there: no broken links."""
    bytes: int = 0
    """Bytes received."""
    archive_bytes: int = 0
    """Bytes of the segments, compressed."""
    duration: float = 0.0
    """Seconds of this run."""
    segments: tuple[str, ...] = ()
    """Names in archive/, in order."""
    finished: bool = False
    """True when nothing is left in the queue."""
    already_complete: bool = False
    """True when the round was complete before this run began, so that it did nothing."""
    stopped_by: str | None = None
    """The limit, signal or disk trouble that ended the run, in a sentence; None when it ran to its end."""
    queued: int = 0
    failed_seeds: tuple[Outcome, ...] = ()
    seeds: int = 0
    seeds_answered: int = 0
    """Seeds that got a whole HTTP answer."""
    callback_errors: int = 0
    round: int = 1
    """Which pass over the sites."""
    comparison: Comparison | None = None
    """How it stands to the round before; None in the first."""
    exit_code: int = 0
