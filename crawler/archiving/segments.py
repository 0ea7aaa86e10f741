"""The archive's segments as the ledger knows them: born lazily, extended, rotated, sealed, recovered on start.

A session opens a segment of its own, with its own warcinfo, when it first has something to write. What an earlier
session left open is cut back to its committed length and sealed before anything else happens.

The ledger's row of a segment goes through `open` (its warcinfo is durable; `length` grows with each commit), `sealing`
(no more appends) and `sealed` (renamed, its hash chained to the one before). Each step can be repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from crawler.archiving.home import Home
from crawler.archiving.metadata import outlinks_in
from crawler.archiving.warcinfo import warcinfo_block
from crawler.clock import Clock, utc
from crawler.concurrency.shielded import obtained
from crawler.concurrency.threads import in_thread
from crawler.config import CrawlConfig
from crawler.disk import DiskGuard
from crawler.frontier import CommitFailed, SegmentLedger, SegmentState
from crawler.model import Role
from storage import (
    ArchiveError,
    DigestAlgorithm,
    Files,
    IndexBuilder,
    NoSpace,
    Record,
    SealedSegment,
    SegmentWriter,
    Written,
    check_sealed,
    read_record,
    recover,
    settle_orphans,
    write_index,
    write_manifest,
)

log = logging.getLogger(__name__)


class Segments:
    """The one segment being written, and the chain of those before it."""

    def __init__(
        self,
        directory: Path,
        config: CrawlConfig,
        ledger: SegmentLedger,
        files: Files,
        clock: Clock,
        guard: DiskGuard,
    ) -> None:
        self._directory, self._config, self._ledger = directory, config, ledger
        self._files, self._clock, self._guard = files, clock, guard
        self._home = Home(directory / "archive")
        self._writer: SegmentWriter | None = None
        self._state: SegmentState | None = None
        self._sealed: list[SealedSegment] = []
        self._index: IndexBuilder | None = None
        self._appended: tuple[Sequence[Sequence[Record]], list[list[Written]]] | None = None
        self._born_length = 0
        """Length of the open segment with nothing but its warcinfo."""

    # -- on start ----------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Brings the files to what the ledger says. Raises CorruptArchive where they contradict it, and OSError."""
        self._home.hold()
        states = await self._ledger.segments()
        for state in states:
            if state.state == "sealed":
                check_sealed(self._directory, state.name, state.length)
                self._sealed.append(sealed_of(state))
            else:
                self._sealed.append(sealed_of(await self._recover_one(state)))
        for orphan in await settle_orphans(self._directory, [state.name for state in states], self._files):
            log.warning("%s", orphan)
        await self._derive(missing_only=True)

    async def _recover_one(self, state: SegmentState) -> SegmentState:
        """Cuts, syncs, seals what an earlier run left, and makes the ledger say so."""
        recovered = await recover(self._directory, state.name, state.length, state.state, self._files)
        if recovered.discarded:
            log.info("%s: cut back by %d bytes that were never committed", state.name, recovered.discarded)
        last = (await self._ledger.counts()).seq
        first = self._first_seq()
        sealed = recovered.sealed(
            state.number, first_seq=first, last_seq=last if last >= first else None, previous_sha256=self._previous()
        )
        row = state_of(sealed)
        await self._ledger.save_segment(row)
        return row

    # -- writing -----------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """Bytes of the open segment; 0 when none is open."""
        return 0 if self._writer is None else self._writer.length

    @property
    def state(self) -> SegmentState | None:
        """The open segment's row as the next commit shall make it."""
        if self._writer is None or self._state is None:
            return None
        return replace(self._state, length=self._writer.length, records=self._writer.records)

    async def append(self, groups: Sequence[Sequence[Record]]) -> list[list[Written]]:
        """Appends and syncs; not part of the archive before the commit. Raises NoSpace, SegmentBroken."""
        self._home.check()
        writer = self._writer or await self._birth()
        written = await writer.append(groups)
        self._appended = (groups, written)
        return written

    def committed(self) -> None:
        """What was appended last is part of the archive now: its lines enter the index."""
        appended, self._appended = self._appended, None
        if appended is None or self._index is None:
            return
        try:
            for records, written in zip(*appended, strict=True):
                self._index.add(records, written)
        except OSError as error:
            log.warning("the index is made at sealing, from the segment itself: %s", error)
            self._index = None

    async def rollback(self, length: int) -> None:
        """Undoes an append whose commit, as the ledger says, did not happen."""
        if self._writer is not None:
            await self._writer.rollback(max(length, self._born_length))

    async def _birth(self) -> SegmentWriter:
        """Durable with its warcinfo before the ledger names it."""
        number = self._sealed[-1].number + 1 if self._sealed else 0
        creating = SegmentWriter.create(
            self._directory,
            prefix=self._config.prefix,
            number=number,
            now=self._birthday(),
            files=self._files,
            warcinfo=warcinfo_block(self._config),
            digest=DigestAlgorithm(self._config.digest),
            level=self._config.compression_level,
        )
        birth = asyncio.get_running_loop().create_task(creating, name="birth")
        writer = await obtained(birth, SegmentWriter.close)
        state = SegmentState(writer.name, number, "open", writer.length, writer.records)
        try:
            await save_row(self._ledger, state, self._guard)
        except BaseException:
            await writer.close()
            raise
        self._writer, self._state, self._born_length = writer, state, writer.length
        self._index = IndexBuilder(self._directory, writer.name)
        return writer

    def _birthday(self) -> datetime:
        """Now; but a clock that was set back must not give a name that sorts before the segment before."""
        now = utc(self._clock.time())
        if not self._sealed:
            return now
        stamp = self._sealed[-1].name.split("-")[-2]
        earlier = datetime.strptime(f"{stamp}000 +0000", "%Y%m%d%H%M%S%f %z")
        return max(now, earlier)

    @property
    def room(self) -> int:
        """Bytes that the segment may still take."""
        return max(0, self._config.segment_size - self.length)

    async def rotate_if_full(self) -> None:
        """Seals a segment that has reached its size; the next append begins another."""
        if self._writer is not None and self._writer.length >= self._config.segment_size:
            await self.seal()

    async def seal(self) -> None:
        """Seals the open segment, if there is one, and writes what is derived from it."""
        writer, state = self._writer, self.state
        if writer is None or state is None:
            return
        first, last = self._first_seq(), (await self._ledger.counts()).seq
        telling = _SealLedger(self._ledger, state, self._guard)
        while True:
            try:
                sealed = await writer.seal(
                    telling, first_seq=first, last_seq=last if last >= first else None, previous_sha256=self._previous()
                )
                break
            except NoSpace as error:
                log.warning("%s", error)
                self._guard.refused(error.__cause__)
            await self._guard.room(flush=True)
        self._writer = self._state = None
        self._sealed.append(sealed)
        await self._derive()

    def _first_seq(self) -> int:
        return max((sealed.last_seq or 0 for sealed in self._sealed), default=0) + 1

    def _previous(self) -> str | None:
        return self._sealed[-1].sha256 if self._sealed else None

    async def close(self) -> None:
        """Lets go of a segment that was not sealed; the next start finishes it."""
        if self._writer is not None:
            await self._writer.close()
            self._writer = None
        if self._index is not None:
            self._index.close()
        self._home.let_go()

    # -- derived files -----------------------------------------------------------------------------------------

    async def _derive(self, *, missing_only: bool = False) -> None:
        """Index and manifest: derived, so a failure is told, costs nothing, and is made good on the next start."""
        wanted = [s.name for s in self._sealed] if missing_only else [self._sealed[-1].name]
        names = [name for name in wanted if not (self._directory / "indexes" / f"{name}.cdxj").exists()]
        try:
            if self._index is not None:
                await in_thread(None, self._index.finish)
                names = []
            for name in names:
                await in_thread(None, partial(write_index, self._directory, name))
            await in_thread(None, partial(write_manifest, self._directory, list(self._sealed)))
        except (OSError, ArchiveError) as error:
            log.error("%s: index or manifest not written: %s", self._directory, error)
        finally:
            if self._index is not None:
                self._index.close()
                self._index = None

    # -- reading back ------------------------------------------------------------------------------------------

    async def read_outlinks(self, segment: str, offset: int) -> dict[str, Role]:
        """The links that a committed metadata record lists. Raises ArchiveError, OSError."""
        path = self._directory / "archive" / segment
        try:
            found = await in_thread(None, read_record, path.with_name(f"{segment}.open"), offset)
        except FileNotFoundError:  # sealed long ago, or just now
            found = await in_thread(None, read_record, path, offset)
        return outlinks_in(found.block)


class _SealLedger:
    """What the writer tells the ledger while it seals."""

    def __init__(self, ledger: SegmentLedger, state: SegmentState, guard: DiskGuard) -> None:
        self._ledger, self._state, self._guard = ledger, state, guard

    async def sealing(self, name: str) -> None:
        await save_row(self._ledger, replace(self._state, name=name, state="sealing"), self._guard)

    async def sealed(self, segment: SealedSegment) -> None:
        await save_row(self._ledger, state_of(segment), self._guard)


async def save_row(ledger: SegmentLedger, row: SegmentState, guard: DiskGuard) -> None:
    """Commits a segment's row, waiting for room where there is none. Raises CommitFailed, OutOfDisk."""
    while True:
        try:
            await ledger.save_segment(row)
            return
        except CommitFailed as error:
            if not error.full:
                raise
            if error.held:
                return
            log.warning("%s", error)
        guard.refused()
        await guard.room(flush=True)


def state_of(sealed: SealedSegment) -> SegmentState:
    """A sealed segment as the ledger's row."""
    return SegmentState(
        sealed.name, sealed.number, "sealed", sealed.bytes, sealed.records, sealed.sha256,
        sealed.first_seq, sealed.last_seq, sealed.previous_sha256,
    )  # fmt: skip


def sealed_of(state: SegmentState) -> SealedSegment:
    """A sealed row of the ledger as the manifest has it."""
    assert state.sha256 is not None
    return SealedSegment(
        state.name, state.number, state.records, state.length, state.sha256,
        state.first_seq, state.last_seq, state.previous_sha256,
    )  # fmt: skip
