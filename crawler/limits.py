"""When to stop asking for more: the limits of a crawl, as pure decisions on its counts."""

from __future__ import annotations

from msgspec import Struct

from crawler.config import CrawlConfig
from crawler.frontier import Counts
from crawler.model import Kind

REQUISITES_ONLY = frozenset({Kind.REQUISITE})


class Limits(Struct, frozen=True):
    """`--max-time` counts a run, the others a round."""

    max_pages: int | None
    max_bytes: int | None
    max_time: float | None
    requisites_only: bool = False
    """No page at all, whatever is queued."""

    @classmethod
    def of(cls, config: CrawlConfig, *, requisites_only: bool = False) -> Limits:
        return cls(config.max_pages, config.max_bytes, config.max_time, requisites_only)

    def reached(self, counts: Counts, bytes_in_flight: int, elapsed: float) -> str | None:
        """The limit that ends the run now, in words, or None."""
        if self.max_time is not None and elapsed >= self.max_time:
            return f"--max-time {self.max_time:g} s reached"
        if self.max_bytes is not None and counts.bytes + bytes_in_flight >= self.max_bytes:
            return f"--max-bytes {self.max_bytes} reached"
        return None

    def pages_left(self, counts: Counts, pages_in_flight: int) -> int | None:
        """Pages that may still be claimed; None means any number. What the last pages need is still fetched."""
        if self.requisites_only:
            return 0
        if self.max_pages is None:
            return None
        return max(0, self.max_pages - counts.pages - pages_in_flight)

    @property
    def no_more_pages(self) -> str:
        """Why pages are left in the queue, in words."""
        return "only requisites were asked for" if self.requisites_only else f"--max-pages {self.max_pages} reached"
