"""A segment as a value: its name, its first record, its bytes to come. No I/O.

Terms
    segment     a file of gzip members, one record each, the first of them a warcinfo record
    open        being written, under its final name with `.open` behind it; resumable, not yet part of a manifest
    sealed      complete, under its final name; never changed again
    group       records that stay together in one segment: those of one capture
    batch       groups that are appended, synced and committed together
    committed   the length the ledger names; what lies beyond it is not part of the archive

Layout
    DIR/archive/PREFIX-YYYYMMDDhhmmssSSS-NNNNN.warc.gz   UTC with milliseconds of its birth, and its number from 0
    where numbers of segments of one archive never repeat and follow the order of writing.

Invariants
    Every record of a segment names its warcinfo record (WARC-Warcinfo-ID), which names the file (WARC-Filename).
    A segment's bytes are only ever appended; what is committed is never cut.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from storage.digests import DigestAlgorithm
from storage.records import Record, RecordType, Written
from storage.wire import encode

SUFFIX = ".warc.gz"
OPEN = ".open"
PIECE = 1 << 20
"""Compressed bytes that are gathered before they are handed to the file."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class SealedSegment(Struct, frozen=True):
    """A row of the manifest: what a sealed segment is, and which came before it."""

    name: str
    number: int
    records: int
    """The warcinfo record included."""
    bytes: int
    sha256: str
    """Of the file, in hex."""
    first_seq: int | None
    """Sequence number of the first outcome in it; None if it holds none."""
    last_seq: int | None
    previous_sha256: str | None
    """`sha256` of the segment before it; None for the first."""


def segment_name(prefix: str, now: datetime, number: int) -> str:
    """The final name of a segment born at `now` (UTC). Raises ValueError for a prefix no file should begin with."""
    if _PREFIX.fullmatch(prefix) is None:
        raise ValueError(f"a segment's name cannot begin with {prefix!r}")
    return f"{prefix}-{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}-{number:05d}{SUFFIX}"


def is_segment_name(name: str) -> bool:
    """True for a plain file name of a segment: what a ledger or manifest may name without leading elsewhere."""
    return name.endswith(SUFFIX) and "/" not in name and "\x00" not in name and not name.startswith(".")


def new_record_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def warcinfo_record(name: str, now: datetime, block: bytes) -> Record:
    """The record every segment begins with; `block` is application/warc-fields (WARC 1.1 section 6.2)."""
    return Record(
        RecordType.WARCINFO, new_record_id(), now, block, "application/warc-fields", fields=(("WARC-Filename", name),)
    )


class Batch:
    """Groups on their way into a segment. `pieces` is CPU-bound and meant for a worker thread.

    `sha256` is the running hash of the segment and grows with every piece."""

    def __init__(
        self,
        groups: Sequence[Sequence[Record]],
        *,
        segment: str,
        offset: int,
        warcinfo_id: str | None,
        digest: DigestAlgorithm,
        level: int,
        sha256: hashlib._Hash,
    ) -> None:
        self._groups = groups
        self._segment, self._digest, self._level, self._sha256 = segment, digest, level, sha256
        self._extra = () if warcinfo_id is None else (("WARC-Warcinfo-ID", warcinfo_id),)
        self.offset = offset
        """Where the segment will end once all pieces given so far are written."""
        self.records = 0
        self.written: list[list[Written]] = []
        """Where each group's records will lie; complete when the pieces are exhausted."""
        self._pieces = self._encode()

    def next_piece(self) -> bytes | None:
        """The next bytes to append, little more than PIECE; None at the end.

        Raises InvalidRecord, and whatever a Block does when it is read."""
        piece = next(self._pieces, None)
        if piece is not None:
            self._sha256.update(piece)
        return piece

    def _encode(self) -> Iterator[bytes]:
        gathered: list[bytes] = []
        size = 0
        for group in self._groups:
            row: list[Written] = []
            self.written.append(row)
            for record in group:
                encoded = encode(record, digest=self._digest, level=self._level, extra=self._extra)
                start = self.offset
                for piece in encoded.pieces:
                    gathered.append(piece)
                    size += len(piece)
                    self.offset += len(piece)
                    if size >= PIECE:
                        yield b"".join(gathered)
                        gathered, size = [], 0
                length = self.offset - start
                row.append(
                    Written(self._segment, start, length, record.id, encoded.block_digest, encoded.payload_digest)
                )
                self.records += 1
        if gathered:
            yield b"".join(gathered)
