"""What a transaction did: gathered while it runs, taken over by the working set after COMMIT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from crawler.frontier import Counts
from crawler.frontier.store import OriginRow
from crawler.liveness import Liveness
from crawler.model import Outcome


@dataclass(slots=True)
class Applied:
    """Changes that hold once the transaction is committed, and not before."""

    before: Counts
    """The figures that the transaction began with."""
    next_id: int
    figures: Counter[str] = field(default_factory=Counter)
    """Changes of them, by the names of `Counts`; the queue length aside."""
    outcomes: list[Outcome | None] = field(default_factory=list)
    """One for each item of the batch."""
    marked: list[tuple[str, int]] = field(default_factory=list)
    """URLs that are now certainly seen, with their rank."""
    queued: Counter[int] = field(default_factory=Counter)
    """Change of each origin's queue length, waiting rows included."""
    touched: set[int] = field(default_factory=set)
    """Origins that got new or moved rows."""
    robots: dict[int, OriginRow] = field(default_factory=dict)
    """Origins whose robots.txt was answered, put off or forgotten, as they now stand."""

    lives: Mapping[int, Liveness] = field(default_factory=dict)
    """Origins that answered for the first time, or again, or did not."""

    @property
    def seq(self) -> int:
        """The last outcome's number."""
        return self.before.seq + self.figures["seq"]

    @property
    def counts(self) -> Counts:
        """The figures as they will be after the COMMIT."""
        changes = {**self.figures, "queued": sum(self.queued.values())}
        return replace(self.before, **{name: getattr(self.before, name) + by for name, by in changes.items()})
