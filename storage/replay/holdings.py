"""The captures of an archive as replay needs them: found by URL and moment in the catalogue, read from their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import ada_url
from msgspec import Struct

from storage.capture import Capture
from storage.errors import ArchiveError
from storage.replay.address import ReplayAddress, moment_of, normalised, timestamp_of
from storage.replay.queries import Catalogue, Entry
from storage.replay.selection import choose
from storage.sources import Source, sources_of
from storage.stored import StoredRecord, read_at
from storage.surt import surt

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_NEWEST = 99991231235959


class Held(Struct, frozen=True):
    """A capture and its row."""

    entry: Entry
    capture: Capture

    @property
    def status(self) -> int:
        """Of the answer; 200 for what is no HTTP message."""
        return self.capture.status or 200

    @property
    def charset(self) -> str | None:
        """As the headers name it."""
        found = _CHARSET.search(self.capture.content_type)
        return None if found is None else found[1]


class Holdings:
    """An archive's captures. All calls block and raise ArchiveError for what cannot be read, OSError."""

    def __init__(self, paths: Sequence[Path], catalogue: Catalogue) -> None:
        self._paths = paths
        self._sources: dict[str, Source] = {}
        self.catalogue = catalogue

    def find(self, address: ReplayAddress) -> Held | None:
        """The capture that answers for an address; None if there is none."""
        moment = moment_of(address.timestamp)
        around = _NEWEST if moment is None else int(timestamp_of(moment))
        last: Held | None = None
        for entry in choose(self.catalogue.near(address.url, around), moment):
            held = self.open(entry)
            if not _leads_to_itself(held):
                return held
            last = last or held
        return last

    def open(self, entry: Entry) -> Held:
        record = self._read(entry.segment, entry.offset, entry.skip)
        return Held(entry, Capture(record.location.source, self._payload_of, record=record))

    def _payload_of(self, revisit: StoredRecord) -> StoredRecord:
        """The record that holds a revisit's payload, by URL and date or by digest (WARC 1.1 section 6.7)."""
        original = self._original(revisit)
        if original is None:
            place = revisit.location
            message = "this revisit refers to a record that is not in the archive"
            raise ArchiveError(message, path=place.source.label, offset=place.offset)
        return self._read(original.segment, original.offset, original.skip)

    def _original(self, revisit: StoredRecord) -> Entry | None:
        url = revisit.header.get("WARC-Refers-To-Target-URI") or revisit.url or ""
        date = re.sub(r"\D", "", revisit.header.get("WARC-Refers-To-Date") or "")[:14]
        digest = revisit.header.get("WARC-Payload-Digest")
        if date:
            for near in self.catalogue.near(url.strip("<>"), int(date)):
                if near.record != "revisit" and near.timestamp == date and digest in (None, near.digest):
                    return near
        return None if digest is None else self.catalogue.original(digest)

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


def _leads_to_itself(held: Held) -> bool:
    target = held.capture.headers.get("Location", "")
    if not target or held.status not in (301, 302, 303, 307, 308):
        return False
    try:
        return surt(ada_url.URL(target, normalised(held.entry.url)).href) == held.entry.key
    except ValueError:
        return False
