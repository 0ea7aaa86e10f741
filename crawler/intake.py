"""URLs that a program submits while the crawl runs: queued in groups, each awaited until it is durable.

Terms. *unqueued*: submitted, and not yet in the frontier. *awaited*: somebody waits for its receipt. *finishing*: no
more submits are expected, so the crawl ends when nothing is left to do. *closed*: no more submits are taken.

Invariants.
- A URL is awaited before it is queued, so no commit can pass unnoticed between the two.
- Whoever awaits a URL is answered: by its outcome, by the failure to queue it, or by `fail`, which the end of the crawl
  always calls, whatever that end is.
- The crawl never ends while a submit that was taken is unqueued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from crawler.concurrency.shielded import outlast
from crawler.errors import Excluded, Interrupted, InvalidURL, not_archived
from crawler.frontier import Submissions
from crawler.model import Kind, Outcome, OutcomeKind, Outlink, Receipt
from crawler.querystrip import QueryStrip
from crawler.scope import Scope
from crawler.urls import seed_url

GROUP = 500
"""URLs queued in one transaction."""
MOST_PENDING = 10_000
"""Submits that may be pending at a time; further ones wait their turn."""

_KEPT = (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)


class Intake:
    """What `Crawl.submit` hands over to the frontier, and what it waits for."""

    def __init__(
        self, frontier: Submissions, scope: Scope, strip: QueryStrip | None, *, most: int = MOST_PENDING
    ) -> None:
        self._frontier, self._scope, self._strip = frontier, scope, strip
        self._room = asyncio.Semaphore(most)
        self._unqueued: deque[Outlink] = deque()
        self._queueing: asyncio.Task[None] | None = None
        self._awaited: dict[str, list[asyncio.Future[Receipt]]] = {}
        self._news = asyncio.Event()
        self._finishing = self._nudged = False
        self._closed: Callable[[str], BaseException] | None = None
        """Makes the error that refuses a further submit of a URL; None while they are taken."""

    # -- who submits -------------------------------------------------------------------------------------------

    async def submit(self, text: str) -> Receipt:
        """See Crawl.submit."""
        link = self._accepted(text)
        self._check_open(link.url)
        async with self._room:
            self._check_open(link.url)
            receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
            self._awaited.setdefault(link.url, []).append(receipt)
            self._unqueued.append(link)
            if self._queueing is None:
                self._begin_queueing()
            self._news.set()
            try:
                return await receipt
            finally:
                self._forget(link.url, receipt)

    def _accepted(self, text: str) -> Outlink:
        """The URL as a link of depth 0. Raises InvalidURL, Excluded."""
        try:
            url = seed_url(text)
        except ValueError as error:
            raise InvalidURL(text, str(error)) from None
        if self._strip is not None:
            url = self._strip.url(url)
        seed = -(self._scope.seed_for(url) or 0)
        verdict = self._scope.verdict(url, Kind.NAVIGATION, 0, 0, seed)
        if not verdict.accepted:
            raise Excluded(url, verdict.rule)
        return Outlink(url, Kind.NAVIGATION, 0, 0, 0, seed)

    def _check_open(self, url: str) -> None:
        if self._closed is not None:
            raise self._closed(url)

    def _forget(self, url: str, receipt: asyncio.Future[Receipt]) -> None:
        waiting = self._awaited.get(url)
        if waiting is not None and receipt in waiting:
            waiting.remove(receipt)
            if not waiting:
                del self._awaited[url]

    def _begin_queueing(self) -> None:
        self._queueing = asyncio.get_running_loop().create_task(self._queue(), name="queueing")
        self._queueing.add_done_callback(self._queued)

    async def _queue(self) -> None:
        """Queues what there is, group by group: one transaction for all that came while the last was under way."""
        group: list[Outlink] = []
        try:
            while self._unqueued:
                group = [self._unqueued.popleft() for _ in range(min(GROUP, len(self._unqueued)))]
                try:
                    known = await self._frontier.submit(group)
                except Exception as error:  # told to those who wait for these URLs; the next may go well
                    self._answer(group, error)
                else:
                    self.settled([outcome for outcome in known if outcome is not None])
        except BaseException:  # cancelled: with everything there is, see `_queued`
            self._answer(group, None)
            raise

    def _queued(self, task: asyncio.Task[None]) -> None:
        """Not at the end of `_queue` itself: cancelled before its first step, nothing of that runs."""
        self._queueing = None
        if task.cancelled():
            self._answer(self._unqueued, None)
            self._unqueued.clear()
        elif self._unqueued:  # submitted since its last step
            self._begin_queueing()
        self._news.set()

    def _answer(self, links: Sequence[Outlink], error: Exception | None) -> None:
        for link in links:
            failure = error or Interrupted(link.url, "interrupted before it was queued")
            for receipt in self._awaited.pop(link.url, ()):
                _fail(receipt, failure)

    # -- what comes of them ------------------------------------------------------------------------------------

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are durable, or were told as interrupted."""
        if not self._awaited:
            return
        for outcome in outcomes:
            for receipt in self._awaited.pop(outcome.url, ()):
                if outcome.kind in _KEPT and outcome.receipt is not None:
                    if not receipt.done():
                        receipt.set_result(outcome.receipt)
                else:
                    _fail(receipt, not_archived(outcome))

    # -- the end -----------------------------------------------------------------------------------------------

    async def more(self) -> bool:
        """Waits, when nothing is left to do, for a submit or for `look_again`. False when none will come: from then on
        none is taken."""
        while self._closed is None:
            if self._queueing is not None:
                await asyncio.wait([self._queueing])
                return True
            if self._nudged:
                self._nudged = False
                return True
            if self._finishing:
                self.close("the crawl is finished")
            else:
                self._news.clear()
                await self._news.wait()
        return False

    def look_again(self) -> None:
        """Makes `more` return True, for whoever has a reason of its own."""
        self._nudged = True
        self._news.set()

    def finishing(self) -> None:
        """No more submits are expected; those that come all the same are taken while the crawl runs."""
        self._finishing = True
        self._news.set()

    def close(self, why: str) -> None:
        """No more submits are taken; those pending may still be settled."""
        if self._closed is None:
            self._closed = lambda url: Interrupted(url, f"not queued: {why}")
            self._news.set()

    def fail(self, why: str | Exception) -> None:
        """The crawl is over: everybody who still waits is told, and whoever comes later."""
        if isinstance(why, Exception):
            error = why
            self._closed = lambda url: error
        else:
            self.close(why)
        waiting, self._awaited = self._awaited, {}
        for url, receipts in waiting.items():
            failure = why if isinstance(why, Exception) else Interrupted(url, f"{why}; it stays queued")
            for receipt in receipts:
                _fail(receipt, failure)

    async def settle(self) -> None:
        """Waits for the transaction under way, if there is one."""
        if self._queueing is not None:
            await outlast(self._queueing)


def _fail(receipt: asyncio.Future[Receipt], error: BaseException) -> None:
    if not receipt.done():
        receipt.set_exception(error)
