"""The crawl's directory before anything is read from it: made, locked, durable under its name, and all of one crawl."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from crawler.archiving.derivedlog import DerivedLog
from crawler.config import CrawlConfig
from crawler.errors import DirectoryLocked, LedgerError
from storage import ArchiveLocked, DirectoryLock, DiskFiles, Files


def make_directories(config: CrawlConfig, stack: AsyncExitStack) -> Path:
    """Makes what is missing and locks it; its absolute path, for the program around the crawl may go to another
    directory meanwhile. Raises DirectoryLocked, OSError."""
    directory = Path(config.output).absolute()
    for name in ("archive", "indexes", "pages", "logs", "tmp"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    try:
        stack.enter_context(DirectoryLock(directory))
    except ArchiveLocked as error:
        raise DirectoryLocked(str(error)) from error
    return directory


async def sync_names(directory: Path, files: Files) -> None:
    """A name survives a power cut only when its directory is synced; and those that it lies in may be new as well,
    whoever made them. Raises OSError."""
    for place in (directory, directory.parent):
        await files.sync_directory(place)
    for above in _above(directory):
        try:
            await DiskFiles().sync_directory(above)
        except PermissionError:
            break  # so it is somebody else's, and was there before


def _above(directory: Path) -> Iterator[Path]:
    """What the directory itself lies in, also where a link leads to it, from the inside out, as far as that is the same
    file system's."""
    real = Path(os.path.realpath(directory))
    for above in real.parents:
        if above.stat().st_dev != real.stat().st_dev:
            return
        yield above


def check_ledger(directory: Path, outcomes: int | None, told: DerivedLog) -> None:
    """A log is written after the commit, so it is never ahead of its own ledger, which holds this many outcomes (None:
    there is none). Where it is, recovery would cut off records that were reported as done. Raises LedgerError."""
    if told.last_seq <= (outcomes or 0):
        return
    ledger, begin = directory / "crawl.db", "or begin anew with --fresh (nothing in the archive was touched)"
    if outcomes is None:
        raise LedgerError(
            f"{ledger}: is missing, but {told.path} tells of {told.last_seq} outcomes; put it back, with its"
            f" crawl.db-wal if there is one, {begin}"
        )
    raise LedgerError(
        f"{ledger}: holds {outcomes} outcomes, but {told.path} tells of {told.last_seq}: this is an older state, or"
        f" lacks its crawl.db-wal; put back the newer files, {begin}"
    )
