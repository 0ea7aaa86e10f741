"""The payloads of other archives (`--dedupe-from`), as records that revisits of this one may refer to."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from crawler.concurrency.shielded import obtained, outlast
from crawler.concurrency.threads import started_in_thread
from crawler.earlier.revisit import Original
from crawler.errors import LedgerError, UsageError
from storage import (
    ArchiveError,
    DigestAlgorithm,
    InvalidRecord,
    KnownPayload,
    PayloadIndex,
    open_payloads,
    parse_date,
    read_beginning,
)

log = logging.getLogger(__name__)
FILE_NAME = "dedupe.db"
_RECORD_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]+>")
"""WARC 1.1 section 5.2."""


class Elsewhere:
    """Looked up on disk; to be closed."""

    def __init__(self, payloads: PayloadIndex, path: Path) -> None:
        self._payloads, self._path = payloads, path

    @classmethod
    async def open(cls, directory: Path, sources: Sequence[str | Path], digest: str) -> Elsewhere:
        """Reads the indexes of the sources once, and keeps what matters in DIR/dedupe.db.

        Raises UsageError naming the source that cannot be used, and OSError."""
        path, given = directory / FILE_NAME, _checked(directory, sources)
        stopped = threading.Event()
        opening = started_in_thread(None, open_payloads, path, given, DigestAlgorithm(digest), stopped.is_set)
        try:  # whoever is cancelled gives the directory back: nothing may write there then
            payloads = await obtained(opening, lambda found: outlast(started_in_thread(None, found.close)), stopped.set)
        except ArchiveError as error:
            raise UsageError(f"--dedupe-from: {error}") from error
        return cls(payloads, path)

    async def close(self) -> None:
        self._payloads.close()

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        """See crawler.earlier.dedupe.Originals. Raises LedgerError when DIR/dedupe.db cannot be read."""
        try:
            return await asyncio.to_thread(self._originals, digests)
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}") from error

    def _originals(self, digests: Sequence[str]) -> dict[str, Original]:
        known = self._payloads.find(digests)
        found = {digest: _original(payload, digest) for digest, payload in known.items()}
        return {digest: original for digest, original in found.items() if original is not None}


def _checked(directory: Path, sources: Sequence[str | Path]) -> list[Path]:
    found = [Path(source) for source in sources]
    for source in found:
        if not source.exists():
            raise UsageError(f"--dedupe-from {source}: there is no such file or directory")
        if source.resolve() == directory.resolve():
            raise UsageError(f"--dedupe-from {source}: is the archive of this crawl, which is looked at anyway")
    return found


def _fits_a_header(url: str) -> bool:
    """False for what no WARC header may carry: a foreign index may hold anything."""
    return url.isprintable() and " " not in url


def _original(payload: KnownPayload, digest: str) -> Original | None:
    """The record itself where it can be read, which tells its id and its date to the microsecond; what the index says
    where it cannot. None if the record is not what the index says, or was cut off."""
    by_index = Original(payload.url, payload.date, None, digest)
    if not _fits_a_header(payload.url):
        return None
    if payload.path is None or payload.offset is None:
        return by_index
    try:
        header, _ = read_beginning(payload.path, payload.offset, 0)
        if header.need("WARC-Target-URI") != payload.url or header.need("WARC-Type") != "response":
            return None
        if header.get("WARC-Truncated") is not None:
            return None
        id_ = header.need("WARC-Record-ID")
        known = id_ if _RECORD_ID.fullmatch(id_) else None
        return Original(payload.url, parse_date(header.need("WARC-Date")), known, digest)
    except (ArchiveError, InvalidRecord, OSError) as error:
        log.debug("%s: referred to by its index alone: %s", payload.url, error)
        return by_index
