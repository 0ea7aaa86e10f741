"""The one writer of a segment: birth, append, rollback, seal. Terms and layout are in storage/segment.py.

Order of things
    birth       create `.open` (O_EXCL), write the warcinfo record, sync the file, sync the directory
    append      encode in a worker thread, write, fdatasync; only then are the places of the records told
    seal        ledger: sealing; sync, close, rename `.open` away, sync the directory; ledger: sealed

Invariants
    `length` is durable: every byte below it has been synced by this object.
    After any error but SegmentBroken the file ends at `length` and can be appended to.
    After SegmentBroken the file is never synced, cut or appended to again by this object: the kernel may have dropped
    what it could not write and call it clean. The next start cuts it to the length the ledger names.

A cancelled operation has not stopped, since its thread goes on; so a cancel while the file changes breaks the writer.
Whoever must survive cancels runs the operation in a task of its own and waits for that, as often as it takes.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Protocol

from msgspec import Struct

from storage.birth import give_birth
from storage.digests import DigestAlgorithm
from storage.errors import NoSpace, SegmentBroken
from storage.files import AppendFile, Files, is_full, too_many_open
from storage.layout import archive_directory
from storage.members import scan
from storage.records import Record, Written
from storage.segment import OPEN, Batch, SealedSegment, segment_name, warcinfo_record
from storage.threads import in_thread

REMEMBERED = 4
"""Batch starts whose running hash is kept, for a rollback without reading the file."""


class SealLedger(Protocol):
    """What sealing needs of the ledger. Each call is a transaction, durable when it returns, and may be repeated."""

    async def sealing(self, name: str) -> None:
        """From now on the segment may bear either name and takes no more records."""

    async def sealed(self, segment: SealedSegment) -> None:
        """The segment bears its final name, durably."""


class _Mark(Struct, frozen=True):
    """A place the segment can be cut back to."""

    length: int
    records: int
    sha256: hashlib._Hash


class SegmentWriter:
    """Appends to one segment. Not for concurrent use: one operation at a time, or RuntimeError."""

    def __init__(
        self,
        file: AppendFile,
        *,
        files: Files,
        archive: Path,
        name: str,
        number: int,
        warcinfo_id: str,
        digest: DigestAlgorithm,
        level: int,
        executor: Executor | None,
        born: _Mark,
    ) -> None:
        """Use `create`."""
        self._file, self._files, self._archive = file, files, archive
        self.name, self.number, self.warcinfo_id = name, number, warcinfo_id
        self._digest, self._level, self._executor = digest, level, executor
        self._mark = born
        self._marks: deque[_Mark] = deque([born], maxlen=REMEMBERED)
        self._state = "open"
        self._busy = False
        self._intact = True  # False while the file may not end at `length`, or may not be what was synced

    @classmethod
    async def create(
        cls,
        directory: Path,
        *,
        prefix: str,
        number: int,
        now: datetime,
        files: Files,
        warcinfo: bytes,
        digest: DigestAlgorithm = DigestAlgorithm.SHA256,
        level: int = 6,
        executor: Executor | None = None,
    ) -> SegmentWriter:
        """Gives birth to a segment in the crawl directory `directory`, whose place for segments (`archive/`) must be
        there; when this returns it is durable with its warcinfo record, whose block (application/warc-fields) is
        `warcinfo`.

        Raises NoSpace when the disk is full or too many files are open (try again with a later `now`), SegmentBroken
        for any other failure; both after trying to remove what was begun. ValueError for an impossible prefix."""
        archive, name = archive_directory(directory), segment_name(prefix, now, number)
        record = warcinfo_record(name, now, warcinfo)
        sha256 = hashlib.sha256()
        batch = Batch([[record]], segment=name, offset=0, warcinfo_id=None, digest=digest, level=level, sha256=sha256)
        file = await give_birth(files, archive, name, await in_thread(executor, _all_of, batch))
        return cls(
            file,
            files=files,
            archive=archive,
            name=name,
            number=number,
            warcinfo_id=record.id,
            digest=digest,
            level=level,
            executor=executor,
            born=_Mark(batch.offset, 1, sha256),
        )

    def __repr__(self) -> str:
        return f"<SegmentWriter {self.name} {self._state} length={self.length} records={self.records}>"

    @property
    def length(self) -> int:
        """Bytes that are durable."""
        return self._mark.length

    @property
    def records(self) -> int:
        """Records that are durable, the warcinfo record included."""
        return self._mark.records

    @property
    def path(self) -> Path:
        """Where the file lies now."""
        return self._archive / (self.name if self._state in ("renamed", "sealed") else self.name + OPEN)

    async def append(self, groups: Sequence[Sequence[Record]]) -> list[list[Written]]:
        """Appends the groups in order and syncs; returns, for each group, where its records lie.

        Raises NoSpace (nothing of the batch remains; it may be given again), SegmentBroken, InvalidRecord or what a
        Block raised when read (nothing of the batch remains, the writer goes on)."""
        with self._operation():
            start = self._mark
            sha256 = start.sha256.copy()
            batch = Batch(
                groups,
                segment=self.name,
                offset=start.length,
                warcinfo_id=self.warcinfo_id,
                digest=self._digest,
                level=self._level,
                sha256=sha256,
            )
            try:
                while (piece := await self._encoded(batch)) is not None:
                    self._intact = False
                    await self._file.write(piece)
            except _EncodingFailed as failed:
                await self._cut(start)
                raise failed.error from None
            except OSError as error:
                if not is_full(error):
                    self._break("writing failed", error)
                await self._cut(start)
                raise NoSpace("no room to write this batch", path=str(self.path), offset=start.length) from error
            await self._sync()
            self._reach(_Mark(batch.offset, start.records + batch.records, sha256))
            return batch.written

    async def rollback(self, length: int) -> None:
        """Cuts back to `length`, which the ledger has proved to be its committed length after a commit failed.

        Raises SegmentBroken; ValueError if the segment is shorter; CorruptArchive if no record ends there."""
        with self._operation():
            if length > self.length:
                raise ValueError(f"cannot roll {self.name} back to {length}: it is only {self.length} bytes long")
            mark = next((mark for mark in self._marks if mark.length == length), None)
            if mark is None:
                mark = await in_thread(self._executor, _reread, self.path, length)
            await self._cut(mark)

    async def seal(
        self, ledger: SealLedger, *, first_seq: int | None, last_seq: int | None, previous_sha256: str | None
    ) -> SealedSegment:
        """Seals the segment as it stands; everything in it must be committed. The writer is done after that.

        Raises NoSpace when too many files are open: to be called again then, and nothing else; SegmentBroken when a
        file operation fails, and whatever the ledger raises; the next start finishes."""
        with self._operation("open", "renamed"):
            if self._state == "open":
                await ledger.sealing(self.name)
                await self._rename()
            try:
                await self._files.sync_directory(self._archive)
            except OSError as error:
                if too_many_open(error):
                    raise NoSpace(f"cannot be sealed yet: {error.strerror}", path=str(self.path)) from error
                self._break("sealing failed", error)
            self._state = "sealed"
            sealed = SealedSegment(
                self.name,
                self.number,
                self.records,
                self.length,
                self._mark.sha256.hexdigest(),
                first_seq,
                last_seq,
                previous_sha256,
            )
            await ledger.sealed(sealed)
            return sealed

    async def close(self) -> None:
        """Lets go of the file and leaves it to be resumed; may be called in any state, and should be after any error.

        Raises SegmentBroken if that fails, unless the writer was broken and has said so; what is durable stays so."""
        state, self._state = self._state, "sealed" if self._state == "sealed" else "closed"
        if state in ("open", "broken"):
            try:
                await self._file.close()
            except OSError as error:
                if state == "open":
                    self._break("closing failed", error)

    async def _rename(self) -> None:
        self._intact = False
        await self._sync()
        try:
            await self._file.close()
            await self._files.rename(self.path, self._archive / self.name)
        except OSError as error:
            self._break("sealing failed", error)
        self._state, self._intact = "renamed", True

    @contextmanager
    def _operation(self, *states: str) -> Iterator[None]:
        if self._busy:
            raise RuntimeError(f"{self.name}: another operation is under way")
        if self._state == "broken":
            raise SegmentBroken("a write or sync failed before; resume from the committed length", path=str(self.path))
        if self._state not in (states or ("open",)):
            raise RuntimeError(f"{self.name} is {self._state}")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            if not self._intact:  # cancelled, or an error nobody foresaw: a thread may still be at work on the file
                self._state = "broken"

    async def _encoded(self, batch: Batch) -> bytes | None:
        try:
            return await in_thread(self._executor, batch.next_piece)
        except Exception as error:
            raise _EncodingFailed(error) from error

    async def _sync(self) -> None:
        try:
            await self._file.sync()
        except OSError as error:
            self._break("syncing failed, and a second sync may lie", error)

    async def _cut(self, mark: _Mark) -> None:
        self._intact = False
        try:
            await self._file.cut(mark.length)
        except OSError as error:
            self._break(f"cutting back to {mark.length} failed", error)
        self._mark, self._intact = mark, True
        while self._marks and self._marks[-1].length > mark.length:
            self._marks.pop()

    def _reach(self, mark: _Mark) -> None:
        self._mark, self._intact = mark, True
        self._marks.append(mark)

    def _break(self, what: str, error: OSError) -> NoReturn:
        self._state = "broken"
        raise SegmentBroken(f"{what}: {error.strerror or error}", path=str(self.path), offset=self.length) from error


class _EncodingFailed(Exception):
    """A record could not be encoded: not the segment's fault."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _reread(path: Path, length: int) -> _Mark:
    sha256 = hashlib.sha256()
    return _Mark(length, scan(path, length, sha256).records, sha256)


def _all_of(batch: Batch) -> bytes:
    return b"".join(iter(batch.next_piece, None))
