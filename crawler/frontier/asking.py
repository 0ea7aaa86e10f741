"""What a ledger is asked from outside its crawl, which may be running: by explain, audit and patch. Reads only."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from crawler.frontier.values import StoredPace
from crawler.liveness import Liveness
from crawler.model import CrawlURL, Kind, Outcome, Receipt


class Step(Struct, frozen=True):
    """A URL on the way from a seed."""

    url: str
    kind: Kind
    depth: int


class Attempt(Struct, frozen=True):
    """A request that did not settle its URL, or went beyond its outcome."""

    number: int
    time: float
    status: int | None
    reason: str | None
    ms: int
    receipt: Receipt | None


class Waiting(Struct, frozen=True):
    """The place of a URL that has no outcome yet."""

    attempt: int
    """Which one comes next."""
    due: float | None
    """Not before then; None where nothing holds it but its turn."""


class Known(Struct, frozen=True):
    """What the ledger holds of a URL in the round at hand."""

    kind: Kind
    depth: int
    offsite: int
    seed: int
    via: Sequence[Step]
    """How it was found, its own page first, the seed last."""
    outcome: Outcome | None
    waiting: Waiting | None
    attempts: Sequence[Attempt]

    @property
    def nesting(self) -> int:
        """As `CrawlURL.nesting`."""
        if self.kind is not Kind.REQUISITE:
            return 0
        return next((count for count, step in enumerate(self.via) if step.kind is not Kind.REQUISITE), len(self.via))


class Origin(Struct, frozen=True):
    """What the ledger holds of a scheme, host and port."""

    name: str
    queued: int
    robots: str | None
    """The rules in force; None when they are not known."""
    robots_refusal: str | None
    robots_expires: float | None
    robots_due: float
    robots_delay: float
    life: Liveness


class Standing(enum.Enum):
    """How a crawl stands with a URL."""

    CAPTURED = "captured"
    FAILED = "failed"
    EXCLUDED = "excluded"
    QUEUED = "queued"
    UNKNOWN = "unknown"
    """Never queued: nothing that was read linked to it, or a rule said no."""


class Stand(Struct, frozen=True):
    """The standing of a URL and what the ledger says beside it."""

    standing: Standing
    reason: str | None = None
    status: int | None = None


class Kept(Struct, frozen=True):
    """A URL whose newest answer is in the archive."""

    seq: int
    url: CrawlURL
    """With the best kind, depth and hops that it was ever wanted for."""
    time: datetime
    status: int | None
    media_type: str | None


class Standings(Protocol):
    """Questions about all that is kept, and how the crawl stands with single URLs."""

    def kept_count(self) -> int:
        """How many URLs `kept` gives, roughly: an outcome of an earlier round counts, too."""

    def kept(self) -> Iterator[Kept]:
        """The pages and requisites whose newest answer is archived, in the order of their outcomes."""

    def stand(self, url: str) -> Stand:
        """How the crawl stands with the URL."""


class Inquiry(Protocol):
    """A ledger, as it was committed last when it was opened."""

    @property
    def round(self) -> int:
        """The number of the round at hand."""

    @property
    def standings(self) -> Standings: ...

    def known(self, url: str) -> Known | None:
        """What is known of a normalised URL; None for one that was never queued in this round."""

    def origin(self, url: str) -> Origin | None:
        """What is known of the URL's scheme, host and port."""

    def host(self, url: str) -> StoredPace | None:
        """The politeness owed to the URL's host."""

    def pages_by_host(self) -> Mapping[str, int]:
        """How many pages each host gave in the round at hand."""

    def seeds(self) -> Mapping[int, Sequence[str]]:
        """Every seed's URL and the URLs that joined its scope."""
