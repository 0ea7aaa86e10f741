"""The captures of an archive as replay needs them: found by URL and moment, opened with their bodies decoded. Blocking.

A revisit's body is that of the record it refers to: by URL and date as WARC 1.1 section 6.7 says, else by its digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ada_url

from storage.codings import decoded
from storage.errors import ArchiveError
from storage.httpmessage import Head
from storage.replay.address import ReplayAddress, moment_of, normalised, timestamp_of
from storage.replay.queries import Catalogue, Entry
from storage.replay.reading import About, about, essence, http_head
from storage.replay.reading import field as header_field
from storage.replay.selection import choose
from storage.sources import Source, sources_of
from storage.stored import StoredRecord, read_at
from storage.surt import surt

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_NEWEST = 99991231235959


@dataclass
class Opened:
    """A capture read from its file."""

    entry: Entry
    record: StoredRecord
    head: Head | None
    """None where it is no HTTP message."""
    payload: StoredRecord
    """The record that holds the payload; another one for a revisit."""
    payload_start: int
    """Where the payload begins in that record's block."""
    codings: Head | None
    notes: list[str] = field(default_factory=list)
    """What was not as it should be, in sentences; filled while the body is read."""

    @property
    def content_type(self) -> str:
        """Of the payload: a revisit for a 304 says little of what it stands for."""
        own = header_field(self.head, "content-type") if self.head else self.record.content_type
        return own or header_field(self.codings, "content-type")

    @property
    def mime(self) -> str:
        return essence(self.content_type)

    @property
    def charset(self) -> str | None:
        found = _CHARSET.search(self.content_type)
        return None if found is None else found[1]

    @property
    def status(self) -> int | None:
        """A revisit told by a 304 stands for the answer it refers to."""
        if self.head is None or (self.head.status == 304 and self.payload is not self.record):
            return 200 if self.codings is None else self.codings.status
        return self.head.status

    def body(self) -> Iterator[bytes]:
        """The payload without its codings, in pieces. Raises ArchiveError, OSError."""
        return decoded(
            _from(self.payload.chunks(), self.payload_start),
            _list(self.codings, "transfer-encoding"),
            _list(self.codings, "content-encoding"),
            self.notes,
        )


class Holdings:
    """An archive's captures."""

    def __init__(self, paths: Sequence[Path], catalogue: Catalogue) -> None:
        self._paths = paths
        self._sources: dict[str, Source] = {}
        self.catalogue = catalogue

    def find(self, address: ReplayAddress) -> Opened | None:
        """The capture that answers for an address; None if there is none. Raises ArchiveError, OSError."""
        moment = moment_of(address.timestamp)
        around = _NEWEST if moment is None else int(timestamp_of(moment))
        last: Opened | None = None
        for entry in choose(self.catalogue.near(address.url, around), moment):
            opened = self.open(entry)
            if not _leads_to_itself(opened):
                return opened
            last = last or opened
        return last

    def open(self, entry: Entry) -> Opened:
        """Raises ArchiveError, OSError."""
        record = self._read(entry.segment, entry.offset, entry.skip)
        found = http_head(record)
        head, start = (None, 0) if found is None else found
        if record.type == "revisit":
            original = self._original(record, entry)
            if original is not None:
                payload = self._read(original.segment, original.offset, original.skip)
                of_payload = http_head(payload)
                codings, start = (None, 0) if of_payload is None else of_payload
                return Opened(entry, record, head, payload, start, codings)
        return Opened(entry, record, head, record, start, head)

    def about(self, entry: Entry) -> About | None:
        """Its metadata record."""
        return None if entry.about is None else about(self._read(entry.segment, entry.about, 0))

    def request(self, entry: Entry) -> StoredRecord | None:
        """The record of the request that it answers."""
        return None if entry.request is None else self._read(entry.segment, entry.request, 0)

    def _original(self, revisit: StoredRecord, entry: Entry) -> Entry | None:
        url = revisit.header.get("WARC-Refers-To-Target-URI") or entry.url
        date = re.sub(r"\D", "", revisit.header.get("WARC-Refers-To-Date") or "")[:14]
        if date:
            for near in self.catalogue.near(url.strip("<>"), int(date)):
                if near.record != "revisit" and near.timestamp == date and entry.digest in (None, near.digest):
                    return near
        return None if entry.digest is None else self.catalogue.original(entry.digest)

    def _read(self, segment: str, offset: int, skip: int) -> StoredRecord:
        source = self._sources.get(segment)
        if source is not None:
            try:
                return read_at(source, offset, skip)
            except (ArchiveError, OSError):
                pass  # it may have been sealed, or replaced; looked for anew below
        self._sources = {source.name: source for source in sources_of(self._paths)}
        if segment not in self._sources:
            raise ArchiveError(f"the file {segment} is gone", path=str(self._paths[0]))
        return read_at(self._sources[segment], offset, skip)


def _leads_to_itself(opened: Opened) -> bool:
    location = header_field(opened.head, "location")
    if opened.status not in (301, 302, 303, 307, 308) or not location:
        return False
    try:
        target = ada_url.URL(location, normalised(opened.entry.url)).href
    except ValueError:
        return False
    return surt(target) == opened.entry.key


def _from(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    for piece in pieces:
        if start < len(piece):
            yield piece[start:]
        start = max(0, start - len(piece))


def _list(head: Head | None, name: str) -> list[str]:
    return [coding for coding in header_field(head, name).split(",") if coding.strip()]
