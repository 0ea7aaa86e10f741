"""The figures of a running crawl that are not in the ledger: what is in flight, what came last."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from crawler.capture import Capture
from crawler.frontier import Counts, WorkQueue
from crawler.model import CrawlURL, Kind, Outcome

RECENT = 8


class Tally:
    """Kept by the event loop's thread alone."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.pages_in_flight = 0
        """Pages claimed and not yet committed."""
        self.bytes_in_flight = 0
        """Bytes received and not yet committed."""
        self.recent: deque[Outcome] = deque(maxlen=RECENT)
        self.restricted: frozenset[Kind] | None = None
        """The kinds that the queue was told to give; None is any."""

    def claimed(self, url: CrawlURL) -> None:
        if url.kind is Kind.NAVIGATION:
            self.pages_in_flight += 1

    def released(self, url: CrawlURL) -> None:
        if url.kind is Kind.NAVIGATION:
            self.pages_in_flight -= 1

    def fetched(self, capture: Capture) -> None:
        self.bytes_in_flight += _size(capture)

    def committed(self, batch: Sequence[Capture], outcomes: Sequence[Outcome | None], counts: Counts) -> None:
        """Takes over what a commit settled."""
        self.counts = counts
        for capture, outcome in zip(batch, outcomes, strict=True):
            self.released(capture.url)
            self.bytes_in_flight -= _size(capture)
            if outcome is not None:
                self.recent.append(outcome)

    def restrict(self, queue: WorkQueue, kinds: frozenset[Kind] | None) -> None:
        """Tells the queue of a change of the kinds wanted."""
        if kinds != self.restricted:
            self.restricted = kinds
            queue.restrict(kinds)


def _size(capture: Capture) -> int:
    exchange = capture.exchange
    return 0 if exchange is None or exchange.response is None else exchange.response.size
