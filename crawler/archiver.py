"""The one writer: takes captures from the hand-off, keeps them in order, and calls them done only when they are durable.

Order of truth, for each batch: append to the open segment; sync it; ONE frontier transaction with the outcomes, their
outlinks and the segment's new length; only then the outcomes are told. While batch n is being made durable, batch n+1
is being collected; at most one batch is in flight.

What a failure does:
- no room (append or commit): the batch is undone, the crawl pauses until there is room, the batch is written again;
- any other failed write, sync or commit: final. The hand-off fails, so every waiting producer learns of it at once;
  the next start cuts the segment back to its committed length.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from crawler.concurrency.handoff import Handoff
from crawler.concurrency.saver import OrderedSaver
from crawler.disk import DiskGuard
from crawler.errors import ArchiverDied
from crawler.frontier import Commit, CommitFailed, CommitItem, Frontier, Stored
from crawler.model import Outcome
from crawler.recording import Capture, Recording, recording_of, stored_span
from crawler.segments import Segments
from storage import NoSpace, Written

log = logging.getLogger(__name__)

BATCH_ITEMS = 64
BATCH_WEIGHT = 32 << 20
LINGER = 0.1
"""Seconds a batch waits to fill: what one sync is shared by."""

Committed = Callable[[Sequence[Capture], Sequence[Outcome | None]], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one batch may hold, and how long it waits to fill."""

    items: int = BATCH_ITEMS
    weight: int = BATCH_WEIGHT
    linger: float = LINGER


class Archiver:
    """Runs until the hand-off is closed and empty. `on_committed` is called after each commit, in order."""

    def __init__(
        self,
        handoff: Handoff[Capture],
        frontier: Frontier,
        segments: Segments,
        guard: DiskGuard,
        on_committed: Committed,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
    ) -> None:
        self._handoff, self._frontier, self._segments = handoff, frontier, segments
        self._guard, self._on_committed, self._limits = guard, on_committed, limits
        self._saver: OrderedSaver[Sequence[Capture]] = OrderedSaver(self._save, name="flush")

    async def run(self) -> None:
        """Archives until the hand-off ends, then seals. Raises what stopped it; the hand-off then fails by the same."""
        try:
            while batch := await self._handoff.take(self._limits.items, self._limits.weight, self._limits.linger):
                await self._saver.save(batch)
            await self._saver.drain()
            await self._segments.seal()
        except BaseException as error:
            self._die(error)
            for capture in self._handoff.leftover():
                _free(capture)
            raise

    def _die(self, error: BaseException) -> None:
        """Tells everybody who waits, at once: also when the flush in flight fails while nothing more comes in."""
        died = error if isinstance(error, ArchiverDied) else ArchiverDied(f"nothing more can be archived: {error}")
        if died is not error:
            died.__cause__ = error
        self._handoff.fail(died)

    async def _save(self, batch: Sequence[Capture]) -> None:
        try:
            while True:
                await self._guard.room()
                try:
                    outcomes = await self._write(batch)
                    break
                except NoSpace as error:
                    log.warning("%s", error)
                    self._guard.refused()
                except CommitFailed as error:
                    if error.held or not error.full:
                        raise
                    log.warning("%s", error)
                    self._guard.refused()
            self._on_committed(batch, outcomes)
            await self._segments.rotate_if_full()
        except BaseException as error:
            self._die(error)
            raise
        finally:
            for capture in batch:
                _free(capture)

    async def _write(self, batch: Sequence[Capture]) -> Sequence[Outcome | None]:
        recordings = [recording_of(capture) for capture in batch]
        groups = [recording.records for recording in recordings if recording is not None]
        before = self._segments.length
        written = iter(await self._segments.append(groups)) if groups else iter(())
        items = [
            _item(capture, recording, None if recording is None else next(written))
            for capture, recording in zip(batch, recordings, strict=True)
        ]
        try:
            return await self._frontier.commit(Commit(items, self._segments.state if groups else None))
        except CommitFailed as error:
            if error.full and not error.held and groups:
                await self._segments.rollback(before)
            raise


def _item(capture: Capture, recording: Recording | None, written: Sequence[Written] | None) -> CommitItem:
    exchange = capture.exchange
    item = CommitItem(
        capture.url,
        capture.disposition,
        capture.time,
        None if recording is None or written is None else _stored(recording, written),
        capture.outlinks,
        capture.joins,
        failure=capture.failure,
        title=capture.extraction.title,
        robots=capture.robots,
        host=capture.host,
    )
    if exchange is None:
        return item
    size = exchange.response.size if exchange.response is not None else 0
    return replace(
        item, status=exchange.status, media_type=exchange.media_type, bytes=size, ms=exchange.total_ms
    )


def _stored(recording: Recording, written: Sequence[Written]) -> Stored:
    primary, metadata = stored_span(recording, written)
    return Stored(
        primary.segment, primary.offset, primary.length, primary.record_id, primary.payload_digest, metadata.offset
    )


def _free(capture: Capture) -> None:
    if capture.exchange is not None and capture.exchange.response is not None:
        capture.exchange.response.close()
