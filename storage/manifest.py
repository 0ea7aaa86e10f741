"""The manifest: one line a sealed segment, each naming the hash of the one before, so that nothing can be missing,
altered or out of order unseen. Derived from the ledger; kept beside the indexes as DIR/indexes/manifest.jsonl.

    {"name": …, "number": 0, "records": …, "bytes": …, "sha256": …, "first_seq": 1, "last_seq": 64,
     "previous_sha256": null}
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict, fields

from storage.errors import CorruptArchive
from storage.layout import archive_directory, indexes_directory, replace_file
from storage.segment import SUFFIX, SealedSegment, is_segment_name

MANIFEST = "manifest.jsonl"
_READ = 1 << 20
_NULLABLE = {"first_seq", "last_seq", "previous_sha256"}


class FindingKind(enum.StrEnum):
    MISSING = "missing"
    LENGTH = "length"
    CONTENT = "content"
    CHAIN = "chain"
    ORDER = "order"
    UNLISTED = "unlisted"


class Finding(Struct, frozen=True):
    """Something that is not as the manifest says."""

    kind: FindingKind
    segment: str
    message: str

    def __str__(self) -> str:
        return f"{self.segment}: {self.message}"


def write_manifest(directory: Path, segments: Sequence[SealedSegment]) -> Path:
    """Writes the whole manifest anew, atomically. Blocking; raises OSError."""
    path = indexes_directory(directory) / MANIFEST
    replace_file(path, (_line(segment) for segment in segments))
    return path


def read_manifest(directory: Path) -> list[SealedSegment]:
    """The manifest's rows, [] if there is none yet. Blocking. Raises CorruptArchive for a line that is no row."""
    path = indexes_directory(directory) / MANIFEST
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    rows, offset = [], 0
    for line in data.splitlines(keepends=True):
        try:
            rows.append(_row(line))
        except (ValueError, TypeError) as error:
            raise CorruptArchive(f"not a manifest row: {error}", path=str(path), offset=offset) from None
        offset += len(line)
    return rows


def verify_chain(directory: Path, advance: Callable[[int], None] | None = None) -> list[Finding]:
    """Checks every sealed segment against the manifest and the manifest against itself; [] is a proof. Blocking:
    reads every segment and tells `advance` how many bytes. Raises CorruptArchive if the manifest cannot be read;
    OSError."""
    rows = read_manifest(directory)
    archive = archive_directory(directory)
    findings = [finding for row in rows for finding in _file_findings(archive, row, advance)]
    findings += _order_findings(rows)
    listed = {row.name for row in rows}
    for path in sorted(archive.glob(f"*{SUFFIX}")):
        if path.name not in listed:
            findings.append(Finding(FindingKind.UNLISTED, path.name, "the manifest does not name this segment"))
    return findings


def _file_findings(archive: Path, row: SealedSegment, advance: Callable[[int], None] | None) -> Iterator[Finding]:
    path = archive / row.name
    if not path.is_file():
        yield Finding(FindingKind.MISSING, row.name, "the file is missing")
        return
    size = path.stat().st_size
    if size != row.bytes:
        yield Finding(FindingKind.LENGTH, row.name, f"the file has {size} bytes, not {row.bytes}")
        return
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_READ):
            sha256.update(data)
            if advance is not None:
                advance(len(data))
    if sha256.hexdigest() != row.sha256:
        yield Finding(FindingKind.CONTENT, row.name, f"sha256 is {sha256.hexdigest()}, not {row.sha256}")


def _order_findings(rows: Sequence[SealedSegment]) -> Iterator[Finding]:
    previous: SealedSegment | None = None
    next_seq = 1
    for row in rows:
        expected = None if previous is None else previous.sha256
        if row.previous_sha256 != expected:
            message = f"names {row.previous_sha256} as the segment before it, which is {expected}"
            yield Finding(FindingKind.CHAIN, row.name, message)
        if previous is not None and row.number <= previous.number:
            message = f"number {row.number} follows number {previous.number}"
            yield Finding(FindingKind.ORDER, row.name, message)
        if row.first_seq is not None and row.last_seq is not None:
            if row.first_seq < next_seq or row.last_seq < row.first_seq:
                message = f"outcomes {row.first_seq} to {row.last_seq}, where {next_seq} was next"
                yield Finding(FindingKind.ORDER, row.name, message)
            next_seq = row.last_seq + 1
        previous = row


def _line(segment: SealedSegment) -> bytes:
    return json.dumps(asdict(segment), ensure_ascii=False).encode() + b"\n"


def _row(line: bytes) -> SealedSegment:
    values = json.loads(line)
    if not isinstance(values, dict):
        raise TypeError("it is no object")
    row = SealedSegment(**values)
    for field in fields(row):
        value = getattr(row, field.name)
        wanted = str if field.name in ("name", "sha256", "previous_sha256") else int
        if not (type(value) is wanted or (value is None and field.name in _NULLABLE)):
            raise TypeError(f"{field.name} is {value!r}")
    if not is_segment_name(row.name):
        raise ValueError(f"{row.name!r} is no segment's name")
    return row
