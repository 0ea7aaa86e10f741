"""The one writer: takes captures from the hand-off, keeps them in order, calls them done only when they are durable.

Order of truth, for each batch: append to the open segment; sync it; ONE frontier transaction with the outcomes, their
outlinks and the segment's new length; only then the outcomes are told. While batch n is being made durable, batch n+1
is being collected; at most one batch is in flight.

What a failure does:
- no room (append or commit), or no file descriptor for a new segment: the batch is undone, the crawl pauses until there
  is, the batch is written again;
- any other failed write, sync or commit: final. The hand-off fails, so every waiting producer learns of it at once;
  the next start cuts the segment back to its committed length.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from crawler.archiving.recording import Recording, recording_of, stored_span, unrecordable
from crawler.capture import Capture
from crawler.concurrency.handoff import Handoff
from crawler.concurrency.saver import OrderedSaver
from crawler.concurrency.shielded import finish
from crawler.disk import DiskGuard, may_pass
from crawler.earlier.dedupe import Dedupe
from crawler.errors import ArchiverDied, CrawlError, OutOfDisk
from crawler.frontier import Commit, CommitFailed, CommitItem, Finished, Ledger, Stored
from crawler.identity.keptcookies import KeptCookies
from crawler.model import Outcome, OutcomeKind
from crawler.seams import Sink
from storage import ArchiveError, InvalidRecord, NoSpace, Written

log = logging.getLogger(__name__)

BATCH_ITEMS = 64
BATCH_WEIGHT = 8 << 20
LINGER = 0.1
"""Seconds a batch waits to fill: what one sync is shared by."""

Committed = Callable[[Sequence[Capture], Sequence[Outcome | None]], None]


class Limits(Struct, frozen=True):
    """How much one batch may hold, and how long it waits to fill."""

    items: int = BATCH_ITEMS
    weight: int = BATCH_WEIGHT
    linger: float = LINGER


USUAL = Limits()


class Archiver:
    """Runs until the hand-off is closed and empty. `on_committed` is called after each commit, in order."""

    def __init__(
        self,
        handoff: Handoff[Capture],
        ledger: Ledger,
        segments: Sink,
        guard: DiskGuard,
        on_committed: Committed,
        limits: Limits = USUAL,
        *,
        cookies: KeptCookies | None = None,
        dedupe: Dedupe | None = None,
    ) -> None:
        """`cookies` is kept with each batch that changed it; without `dedupe` every payload is kept."""
        self._handoff, self._ledger, self._segments = handoff, ledger, segments
        self._guard, self._on_committed, self._limits = guard, on_committed, limits
        self._cookies, self._dedupe = cookies, dedupe
        self._cause: BaseException | None = None
        self._died: Exception | None = None
        self._saver: OrderedSaver[Sequence[Capture]] = OrderedSaver(self._save, name="flush", on_failure=self._die)

    async def run(self) -> None:
        """Archives until the hand-off ends, then seals. Raises OutOfDisk, or ArchiverDied with its cause; the hand-off
        then fails, and no save is under way any more."""
        batch: Sequence[Capture] = ()
        try:
            while batch := await self._handoff.take(self._limits.items, self._limits.weight, self._limits.linger):
                await self._saver.save(batch)
            await self._saver.drain()
            await finish(self._segments.seal(), name="seal")
        except BaseException as error:
            died = self._die(error)
            await self._saver.outlast()
            for capture in (*batch, *self._handoff.leftover()):
                capture.free()
            if isinstance(error, asyncio.CancelledError):
                raise
            if died is error:
                raise
            raise died from self._cause

    def _die(self, error: BaseException) -> Exception:
        """Tells everybody who waits, at once: also when the flush in flight fails while nothing more comes in.

        Returns what the first error means for the crawl; what follows from it is not told."""
        if self._died is None:
            self._cause = error
            known = isinstance(error, CrawlError | ArchiveError)
            cancelled = isinstance(error, asyncio.CancelledError)
            text = "it was cancelled" if cancelled else str(error) if known else repr(error)
            sentence = f"nothing more can be archived: {text}"
            if isinstance(error, OutOfDisk):
                self._died = error
            elif may_pass(error.__cause__):
                self._died = OutOfDisk(text)  # told too late for another try, by a sync: but the next start goes on
            else:
                self._died = ArchiverDied(sentence)
            self._handoff.fail(ArchiverDied(sentence))
        return self._died

    async def _save(self, batch: Sequence[Capture]) -> None:
        try:
            for part in self._parts(batch):
                await self._save_part(part)
        finally:
            for capture in batch:
                capture.free()

    async def _save_part(self, part: Sequence[Capture]) -> None:
        try:
            outcomes = await self._made_durable(part)
        except InvalidRecord as error:
            if len(part) > 1:  # which of them it is shows when each goes alone
                for capture in part:
                    await self._save_part([capture])
                return
            log.error("%s: it cannot be recorded", part[0].url.url, exc_info=error)
            outcomes = await self._unrecordable(part[0], error)
        self._on_committed(part, outcomes)
        await self._segments.rotate_if_full()

    async def _unrecordable(self, capture: Capture, error: InvalidRecord) -> Sequence[Outcome | None]:
        """The fault of one URL's records is that URL's failure: kept with its reason, or, if even that breaks a rule of
        the format, in the ledger alone."""
        part = [unrecordable(capture, error.message)]
        try:
            return await self._made_durable(part)
        except InvalidRecord:
            return await self._made_durable(part, recorded=False)

    def _parts(self, batch: Sequence[Capture]) -> Iterator[Sequence[Capture]]:
        """The batch, cut where the open segment may be full: spooled bodies weigh nothing, and 64 of them may be more
        than many segments should hold. Counted before compression, so that a segment ends early rather than late."""
        part: list[Capture] = []
        size = 0
        for capture in batch:
            received = _received(capture)
            if part and size + received > self._segments.room:
                yield part
                part, size = [], 0
            part.append(capture)
            size += received
        if part:
            yield part

    async def _made_durable(self, batch: Sequence[Capture], *, recorded: bool = True) -> Sequence[Outcome | None]:
        """Writes and commits the batch, again each time there was no room for it and then is. Raises InvalidRecord, and
        then nothing of the batch was done."""
        while True:
            await self._guard.room(flush=True)
            cause: BaseException | None = None
            try:
                outcomes = await self._write(batch, recorded=recorded)
            except NoSpace as error:
                log.warning("%s", error)
                cause = error.__cause__
            except CommitFailed as error:
                if error.held or not error.full:
                    raise
                log.warning("%s", error)
            else:
                self._guard.accepted()
                return outcomes
            self._guard.refused(cause)

    async def _recordings(self, batch: Sequence[Capture]) -> Sequence[Recording | None]:
        if self._dedupe is not None:
            return await self._dedupe.recordings(batch)
        return [recording_of(capture) for capture in batch]

    async def _write(self, batch: Sequence[Capture], *, recorded: bool) -> Sequence[Outcome | None]:
        recordings = await self._recordings(batch) if recorded else [None] * len(batch)
        groups = [recording.records for recording in recordings if recording is not None]
        before = self._segments.length
        written = iter(await self._segments.append(groups)) if groups else iter(())
        items = [
            _item(capture, recording, None if recording is None else next(written))
            for capture, recording in zip(batch, recordings, strict=True)
        ]
        jar = None if self._cookies is None else self._cookies.after(capture.exchange for capture in batch)
        kept = None if jar is None else jar.snapshot()
        try:
            outcomes = await self._ledger.commit(
                Commit(items, self._segments.state if groups else None, None if kept is None else kept[1])
            )
            self._segments.committed()
            if self._cookies is not None and jar is not None and kept is not None:
                self._cookies.committed(jar, kept[0])
            return outcomes
        except CommitFailed as error:
            if error.full and not error.held and groups:
                await self._segments.rollback(before)
            raise


def _item(capture: Capture, recording: Recording | None, written: Sequence[Written] | None) -> CommitItem:
    exchange = capture.exchange
    disposition = capture.disposition
    if recording is not None and recording.revisited and disposition == Finished(OutcomeKind.ARCHIVED):
        disposition = Finished(OutcomeKind.REVISITED)
    return CommitItem(
        capture.url,
        disposition,
        capture.time,
        None if recording is None or written is None else _stored(recording, written),
        capture.outlinks,
        capture.joins,
        status=None if exchange is None else exchange.status,
        media_type=None if exchange is None else exchange.media_type,
        bytes=_received(capture),
        ms=0 if exchange is None else exchange.total_ms,
        fetched=None if exchange is None else exchange.finished,
        failure=capture.failure,
        title=capture.extraction.title,
        robots=capture.robots,
        host=capture.host,
        original=recording is not None and recording.original,
    )


def _received(capture: Capture) -> int:
    exchange = capture.exchange
    return 0 if exchange is None or exchange.response is None else exchange.response.size


def _stored(recording: Recording, written: Sequence[Written]) -> Stored:
    primary, metadata = stored_span(recording, written)
    return Stored(
        primary.segment, primary.offset, primary.length, primary.record_id, primary.payload_digest, metadata.offset
    )
