"""Putting the archive in order on start. Terms are in storage/segment.py.

The ledger is believed, never the tail of a file: a crawled page may hold anything, WARC records included.

    ledger says   file found                       what is done
    open, sealing `.open`                          cut to the committed length, sync, rename, sync directory
    open, sealing final name, committed length     sync directory (a crash came after the rename)
    any           shorter, missing, both names     CorruptArchive; nothing is touched
    nothing       `.open` with at most a warcinfo  removed: a birth that never reached its commit
    nothing       any other `.open`                renamed to `….orphan` and reported

Every step can be repeated: a crash within recovery leaves one of the cases above.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from zlib_ng import zlib_ng

from storage.errors import CorruptArchive, SegmentBroken
from storage.files import Files
from storage.layout import archive_directory
from storage.members import GZIP, GzipError, scan
from storage.segment import OPEN, SUFFIX, SealedSegment, is_segment_name
from storage.threads import in_thread

ORPHAN = ".orphan"
_BIRTH_LIMIT = 1 << 20
"""Largest file that is looked at as a mere birth; a warcinfo record is a few hundred bytes."""

_FIRST_LINES = b"WARC/1.1\r\nWARC-Type: warcinfo\r\n"


class RecoveredSegment(Struct, frozen=True):
    """A segment that is sealed on disk and awaits its manifest row in the ledger."""

    name: str
    length: int
    records: int
    sha256: str
    discarded: int
    """Bytes beyond the committed length that were cut off; no part of the archive."""

    def sealed(
        self, number: int, *, first_seq: int | None, last_seq: int | None, previous_sha256: str | None
    ) -> SealedSegment:
        """Its manifest row, with what only the ledger knows."""
        return SealedSegment(
            self.name, number, self.records, self.length, self.sha256, first_seq, last_seq, previous_sha256
        )


class OrphanFate(enum.StrEnum):
    REMOVED = "removed"
    SET_ASIDE = "set aside"


class Orphan(Struct, frozen=True):
    """An `.open` file that the ledger does not name, and what was done about it."""

    path: Path
    """Where it was found."""
    length: int
    fate: OrphanFate
    moved_to: Path | None = None

    def __str__(self) -> str:
        if self.moved_to is None:
            return f"{self.path}: begun but never committed; removed ({self.length} bytes, no capture)"
        return f"{self.path}: {self.length} bytes that the ledger does not know; set aside as {self.moved_to.name}"


async def recover(
    directory: Path,
    segment_name: str,
    committed_length: int,
    state: str,
    files: Files,
    *,
    executor: Executor | None = None,
) -> RecoveredSegment:
    """Brings a segment that the ledger calls `open` or `sealing` to its sealed form, holding what was committed.

    Both states are treated alike: `sealing` only tells that the rename may have happened before the crash, and after
    a crash within recovery that is so for `open` too.

    Raises CorruptArchive, naming the file and both lengths, when the file holds less than that, or not records;
    SegmentBroken when a file operation fails. The caller then commits the manifest row."""
    if state not in ("open", "sealing"):
        raise ValueError(f"{segment_name}: only open and sealing segments are recovered, not {state!r}")
    if not is_segment_name(segment_name):
        raise CorruptArchive(f"the ledger names a segment {segment_name!r}, which is no segment's name")
    archive = archive_directory(directory)
    final, unsealed = archive / segment_name, archive / (segment_name + OPEN)
    found = await in_thread(executor, _find, final, unsealed, committed_length)
    scanned = await in_thread(executor, scan, found.path, committed_length)
    try:
        if found.path == unsealed:
            await _cut(files, unsealed, committed_length)
            await files.rename(unsealed, final)
        await files.sync_directory(archive)
    except OSError as error:
        raise SegmentBroken(f"recovery failed: {error.strerror or error}", path=str(found.path)) from error
    return RecoveredSegment(
        segment_name, scanned.length, scanned.records, scanned.sha256, found.length - committed_length
    )


def check_sealed(directory: Path, segment_name: str, length: int) -> None:
    """A quick look at a segment the ledger calls sealed. Raises CorruptArchive if it is missing or of wrong length."""
    path = archive_directory(directory) / segment_name
    size = _size(path)
    if size is None:
        raise CorruptArchive("this sealed segment is missing", path=str(path))
    if size != length:
        raise CorruptArchive(f"this sealed segment has {size} bytes; the ledger says {length}", path=str(path))


async def settle_orphans(
    directory: Path, known: Collection[str], files: Files, *, executor: Executor | None = None
) -> list[Orphan]:
    """Deals with every `.open` file whose final name is not among `known`, the segments the ledger names.

    Raises SegmentBroken when a file operation fails."""
    archive = archive_directory(directory)
    settled = []
    for path in await in_thread(executor, _unknown, archive, frozenset(known)):
        length = path.stat().st_size
        empty = await in_thread(executor, holds_no_capture, path)
        try:
            if empty:
                await files.remove(path)
                settled.append(Orphan(path, length, OrphanFate.REMOVED))
            else:
                aside = _free_name(path.with_name(path.name.removesuffix(OPEN) + ORPHAN))
                await files.rename(path, aside)
                settled.append(Orphan(path, length, OrphanFate.SET_ASIDE, aside))
        except OSError as error:
            raise SegmentBroken(f"cannot settle it: {error.strerror or error}", path=str(path)) from error
    if settled:
        try:
            await files.sync_directory(archive)
        except OSError as error:
            raise SegmentBroken(f"cannot sync: {error.strerror or error}", path=str(archive)) from error
    return settled


def holds_no_capture(path: Path) -> bool:
    """True if the file is empty or holds one warcinfo record, whole or torn, and nothing else. Blocking."""
    with path.open("rb") as file:
        data = file.read(_BIRTH_LIMIT + 1)
    if len(data) > _BIRTH_LIMIT:
        return False
    inflate = zlib_ng.decompressobj(GZIP)
    try:
        text = inflate.decompress(data, _BIRTH_LIMIT)
    except GzipError:
        return False
    begins = text.startswith(_FIRST_LINES) or _FIRST_LINES.startswith(text)
    return begins and not inflate.unused_data and not inflate.unconsumed_tail


class _Found(Struct, frozen=True):
    path: Path
    length: int


def _find(final: Path, unsealed: Path, committed: int) -> _Found:
    sealed_size, open_size = _size(final), _size(unsealed)
    if sealed_size is not None and open_size is not None:
        raise CorruptArchive(f"both this and {unsealed.name} exist", path=str(final))
    if sealed_size is not None:
        if sealed_size != committed:
            raise CorruptArchive(f"the file has {sealed_size} bytes; {committed} are committed", path=str(final))
        return _Found(final, sealed_size)
    if open_size is None:
        raise CorruptArchive(f"the file is missing; {committed} bytes are committed", path=str(unsealed))
    if open_size < committed:
        raise CorruptArchive(f"the file has only {open_size} bytes; {committed} are committed", path=str(unsealed))
    return _Found(unsealed, open_size)


async def _cut(files: Files, path: Path, length: int) -> None:
    file = await files.open_append(path, create=False)
    try:
        await file.cut(length)
        await file.sync()
    finally:
        await file.close()


def _unknown(archive: Path, known: frozenset[str]) -> list[Path]:
    if not archive.is_dir():
        return []
    return sorted(path for path in archive.glob(f"*{SUFFIX}{OPEN}") if path.name.removesuffix(OPEN) not in known)


def _free_name(path: Path) -> Path:
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.name}-{count}")
    return free


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
