"""Keeping an archive: WARC records written in order and durably, recovered after a crash, indexed, read back.

    storage.errors <- records <- wire <- segment <- writer, recovery <- manifest, cdxj
    frames <- sources <- stored <- lookup, message <- capture <- archive

Knows nothing of crawling: the ledger is spoken to through SealLedger alone. Terms and file layout: storage/segment.py
and storage/layout.py; what is promised when: storage/writer.py and storage/recovery.py.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from storage.cdxj import IndexBuilder, index_lines, index_path, write_index
from storage.digests import DigestAlgorithm, payload_digest
from storage.errors import (
    ArchiveError,
    ArchiveLocked,
    CorruptArchive,
    InvalidRecord,
    NoSpace,
    SegmentBroken,
    TornRecord,
)
from storage.files import AppendFile, DiskFiles, Files
from storage.header import RecordHeader, parse_date
from storage.httpmessage import HEAD_LIMIT, Framing, Head, Headers, ResponseFramer, dechunk, parse_head
from storage.layout import archive_directory, indexes_directory
from storage.lock import DirectoryLock
from storage.manifest import Finding, FindingKind, read_manifest, verify_chain, write_manifest
from storage.reader import ReadRecord, read_beginning, read_record, read_records
from storage.records import Block, HttpPayload, Record, RecordType, Written
from storage.recovery import Orphan, OrphanFate, RecoveredSegment, check_sealed, recover, settle_orphans
from storage.segment import SealedSegment, segment_name
from storage.stdio import drop_output, mend_streams
from storage.surt import surt
from storage.wire import warc_date
from storage.writer import SealLedger, SegmentWriter

if TYPE_CHECKING:
    from storage.archive import Archive
    from storage.capture import Capture
    from storage.lines import Entry
    from storage.payloads import KnownPayload, PayloadIndex, open_payloads
    from storage.sources import Source
    from storage.stored import Location, StoredRecord, read_at

__all__ = [
    "HEAD_LIMIT",
    "AppendFile",
    "Archive",
    "ArchiveError",
    "ArchiveLocked",
    "Block",
    "Capture",
    "CorruptArchive",
    "DigestAlgorithm",
    "DirectoryLock",
    "DiskFiles",
    "Entry",
    "Files",
    "Finding",
    "FindingKind",
    "Framing",
    "Head",
    "Headers",
    "HttpPayload",
    "IndexBuilder",
    "InvalidRecord",
    "KnownPayload",
    "Location",
    "NoSpace",
    "Orphan",
    "OrphanFate",
    "PayloadIndex",
    "ReadRecord",
    "Record",
    "RecordHeader",
    "RecordType",
    "RecoveredSegment",
    "ResponseFramer",
    "SealLedger",
    "SealedSegment",
    "SegmentBroken",
    "SegmentWriter",
    "Source",
    "StoredRecord",
    "TornRecord",
    "Written",
    "archive_directory",
    "check_sealed",
    "dechunk",
    "drop_output",
    "index_lines",
    "index_path",
    "indexes_directory",
    "mend_streams",
    "open_payloads",
    "parse_date",
    "parse_head",
    "payload_digest",
    "read_at",
    "read_beginning",
    "read_manifest",
    "read_record",
    "read_records",
    "recover",
    "segment_name",
    "settle_orphans",
    "surt",
    "verify_chain",
    "warc_date",
    "write_index",
    "write_manifest",
]

_LATE = {
    "Archive": "storage.archive",
    "Capture": "storage.capture",
    "Entry": "storage.lines",
    "KnownPayload": "storage.payloads",
    "Location": "storage.stored",
    "PayloadIndex": "storage.payloads",
    "Source": "storage.sources",
    "StoredRecord": "storage.stored",
    "open_payloads": "storage.payloads",
    "read_at": "storage.stored",
}
"""Names for reading, imported when they are first asked for (PEP 562): who only writes starts sooner without them."""


def __getattr__(name: str) -> Any:
    module = _LATE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value
