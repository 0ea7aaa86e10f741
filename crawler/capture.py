"""A settled attempt as a value: what came back, what it means, what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field

from crawler.earlier.revisit import Revisit
from crawler.frontier import Disposition, HostReport, RobotsAnswer
from crawler.model import CrawlURL, Exchange, Extraction, FailureKind, Outlink


class Capture(Struct, frozen=True):
    """A settled attempt on its way to the archiver: what came back, what it means, what follows from it."""

    url: CrawlURL
    disposition: Disposition
    time: datetime
    exchange: Exchange | None = None
    """None when nothing was asked: excluded, or judged again."""
    extraction: Extraction = field(default_factory=Extraction)
    outlinks: Sequence[Outlink] = ()
    failure: FailureKind | None = None
    joins: str | None = None
    robots: RobotsAnswer | None = None
    host: HostReport = field(default_factory=HostReport)
    revisit: Revisit | None = None
    """The earlier capture that the server says is unchanged (304)."""

    @property
    def weight(self) -> int:
        """Bytes of memory it holds, roughly: what the hand-off is bounded by."""
        size = 512 + 160 * (len(self.extraction.links) + len(self.outlinks))
        if self.exchange is not None:
            size += len(self.exchange.request) + len(self.exchange.content)
            size += self.exchange.response.in_memory if self.exchange.response is not None else 0
        return size

    def free(self) -> None:
        """Frees what was received, in memory or spooled; may be called twice."""
        if self.exchange is not None and self.exchange.response is not None:
            self.exchange.response.close()
