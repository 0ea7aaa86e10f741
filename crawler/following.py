"""Reading outcomes in the order of the archive, and waiting for those to come.

Whoever reads keeps nothing but the number of the last outcome read: the outcomes come from the ledger, a piece at a
time, and a commit rings a bell. So a slow reader holds no memory and slows nothing down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from itertools import islice

from crawler.concurrency.news import News
from crawler.concurrency.threads import in_thread
from crawler.frontier import Ledger
from crawler.model import Outcome

PIECE = 500
"""Outcomes held in memory at a time."""


async def read_piece(ledger: Ledger, since: int, limit: int = PIECE) -> list[Outcome]:
    """At most `limit` outcomes with seq > `since`, in order. Also when the crawl is over."""
    return await in_thread(None, lambda: list(islice(ledger.outcomes(since), limit)))


class Outcomes(AsyncIterator[Outcome]):
    """The outcomes with seq > `since`: those there are, then those to come, until the crawl is over."""

    def __init__(self, ledger: Ledger, since: int, news: News, on_wait: Callable[[], object]) -> None:
        """`on_wait` is called when there is nothing to read and more is waited for."""
        self._ledger, self._news, self._on_wait = ledger, news, on_wait
        self._read: deque[Outcome] = deque()
        self.since = since
        """The last outcome read: where `Crawl.outcomes(since=…)` would go on."""

    def __aiter__(self) -> Outcomes:
        return self

    async def __anext__(self) -> Outcome:
        while not self._read:
            over, count = self._news.over, self._news.count
            self._read.extend(await read_piece(self._ledger, self.since))
            if self._read:
                break
            if over:
                raise StopAsyncIteration
            self._on_wait()
            await self._news.after(count)
        outcome = self._read.popleft()
        self.since = outcome.seq
        return outcome
