"""An archive to read from, whoever wrote it: find a capture by URL and time, or go through all of it.

    with Archive.open("crawls/seeds") as archive:
        capture = archive.get("https://example.com/")

Reading never writes into the archive. What is being written meanwhile is not seen until the archive is opened again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from storage.capture import Capture
from storage.errors import ArchiveError, CorruptArchive
from storage.lines import Entry
from storage.lookup import Hit, Lookup
from storage.revisits import payload_of
from storage.selection import Selection, Statuses, selection
from storage.sources import Source, sources_of
from storage.stored import StoredRecord, read_source
from storage.times import parse_stamp

_BATCH = 64
"""How many items an asynchronous iteration fetches from its worker thread at a time."""

Item = TypeVar("Item")
PathLike = str | os.PathLike[str]


class Archive:
    """Opened by `Archive.open`. May be used by several threads, each with its own iterators."""

    def __init__(self, sources: list[Source], *, lenient: bool = False) -> None:
        self.sources = sources
        """The files of records, in the order in which they were written."""
        self.damage: list[ArchiveError] = []
        """What was found damaged and passed over so far, each with file and offset; [] unless opened as lenient."""
        self._on_damage = self._note if lenient else None
        self._lookup = Lookup(sources, self._on_damage)

    @classmethod
    def open(cls, path: PathLike | Iterable[PathLike], *, lenient: bool = False) -> Archive:
        """Opens a crawl directory, a WARC or ARC file, a WACZ, a directory of any of these, or several of them.

        Damage is an error when it is met; with `lenient` it is passed over and told in `damage`.
        Blocking. Raises ArchiveError for what is none of these, OSError."""
        paths = [path] if isinstance(path, str | os.PathLike) else list(path)
        return cls(sources_of([Path(each) for each in paths]), lenient=lenient)

    @classmethod
    async def aopen(cls, path: PathLike | Iterable[PathLike], *, lenient: bool = False) -> Archive:
        """`open` without blocking."""
        return await asyncio.to_thread(partial(cls.open, path, lenient=lenient))

    def close(self) -> None:
        """Lets go of the files."""
        self._lookup = Lookup(())
        self.sources = []

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Archive:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def provisional(self) -> bool:
        """True if a part of it is still being written, or was left so."""
        return any(source.provisional for source in self.sources)

    def get(self, url: str, at: datetime | None = None) -> Capture | None:
        """The newest capture of a URL, or the one closest in time to `at` (UTC unless it says otherwise); None if
        there is none. A capture of exactly this URL is preferred to one that only shares its SURT key (http and https,
        with and without `www.`). Blocking. Raises ArchiveError, OSError."""
        while True:
            hits = list(self._hits(selection(url=url)))
            hits = [hit for hit in hits if _same(hit.entry.url, url)] or hits
            try:
                return self._best(hits, at)
            except CorruptArchive:  # an index may be wrong: then the file itself is asked
                if not sum(self._lookup.distrust(hit.number) for hit in hits):
                    raise

    def _best(self, hits: list[Hit], at: datetime | None) -> Capture | None:
        """The capture that `get` wants; its record was read."""
        if not hits:
            return None
        if at is None:
            newest = max(hit.entry.timestamp for hit in hits)
            hits = [hit for hit in hits if hit.entry.timestamp == newest]
            return max(map(self._capture, hits), key=lambda capture: (capture.timestamp, _is_http(capture)))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        near = min(_seconds(hit, at) for hit in hits)
        captures = [self._capture(hit) for hit in hits if _seconds(hit, at) <= near + 1]
        return min(captures, key=lambda capture: (abs(capture.timestamp - at), not _is_http(capture)))

    def captures(
        self, *, url: str | None = None, prefix: str | None = None, host: str | None = None,
        domain: str | None = None, status: Statuses | None = None, mime: str | None = None,
        since: datetime | None = None, until: datetime | None = None,
    ) -> Iterator[Capture]:  # fmt: skip
        """The captures in order of SURT key and time, as they are asked for; all, or those of one URL, of the URLs
        with a prefix, of one host, of a domain and its subdomains; of a status (200, "4xx", or several); of a media
        type ("text/html", "image/*"); `since` and `until` a time, both included, to the second. Revisits count by
        what they refer to. Blocking. Raises ValueError, ArchiveError, OSError."""
        wanted = selection(
            url=url, prefix=prefix, host=host, domain=domain, status=status, mime=mime, since=since, until=until
        )
        return (capture for capture in map(self._capture, self._hits(wanted)) if _wanted(capture, wanted))

    def records(self) -> Iterator[StoredRecord]:
        """Every record, in the order written. Blocking. Raises ArchiveError, OSError."""
        for source in self.sources:
            try:
                yield from read_source(source, on_damage=self._on_damage)
            except CorruptArchive as error:  # only a file that is missing altogether gets here when lenient
                if self._on_damage is None:
                    raise
                self._on_damage(error)

    def _note(self, problem: ArchiveError) -> None:
        known = {(each.path, each.offset, each.message) for each in self.damage[-_BATCH:]}
        if (problem.path, problem.offset, problem.message) not in known:
            self.damage.append(problem)

    async def aget(self, url: str, at: datetime | None = None) -> Capture | None:
        """`get` without blocking."""
        capture = await asyncio.to_thread(self.get, url, at)
        return None if capture is None else await asyncio.to_thread(capture.load)

    def entries(self, **wanted: Any) -> Iterator[Entry]:
        """What `captures` would find, as the index has it: nothing else is read, and no revisit resolved, so that a
        revisit's media type is `warc/revisit`."""
        chosen = selection(**wanted)
        for hit in self._hits(chosen):
            if chosen.wants_status(hit.entry.status) and chosen.wants_mime(hit.entry.mime.lower()):
                yield hit.entry

    async def acaptures(
        self, *, url: str | None = None, prefix: str | None = None, host: str | None = None,
        domain: str | None = None, status: Statuses | None = None, mime: str | None = None,
        since: datetime | None = None, until: datetime | None = None,
    ) -> AsyncIterator[Capture]:  # fmt: skip
        """`captures` without blocking."""
        found = self.captures(
            url=url, prefix=prefix, host=host, domain=domain, status=status, mime=mime, since=since, until=until
        )
        async for capture in _in_batches(capture.load() for capture in found):
            yield capture

    async def arecords(self) -> AsyncIterator[StoredRecord]:
        """`records` without blocking."""
        async for record in _in_batches(self.records()):
            yield record

    def _hits(self, wanted: Selection) -> Iterator[Hit]:
        for hit in self._lookup.between(wanted.key, wanted.key):
            entry = hit.entry
            if wanted.wants_time(entry.timestamp) and wanted.wants_key(entry.key, entry.url):
                yield hit

    def _capture(self, hit: Hit) -> Capture:
        return Capture(hit.source, self._payload_of, entry=hit.entry, on_damage=self._on_damage)

    def _payload_of(self, record: StoredRecord) -> StoredRecord:
        return payload_of(record, self._lookup, self.sources)


async def _in_batches(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items, fetched in a worker thread."""
    iterator = iter(items)
    while batch := await asyncio.to_thread(lambda: list(islice(iterator, _BATCH))):
        for item in batch:
            yield item


def _wanted(capture: Capture, wanted: Selection) -> bool:
    """What costs no reading is asked first; only a revisit must be looked at to know its type."""
    if wanted.statuses is not None and not wanted.wants_status(capture.status):
        return False
    if wanted.mime is None:
        return True
    entry = capture.entry
    known = entry is not None and not entry.revisit and entry.mime != "unk"
    return wanted.wants_mime(entry.mime.lower() if known and entry is not None else capture.mime)


def _is_http(capture: Capture) -> bool:
    """Bytes that came behind an answer are a capture of the same URL and time; the answer is what is meant."""
    return capture.status is not None


def _same(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _bare(url: str) -> str:
    """Without a fragment, scheme and host in lower case, and with the slash that an empty path stands for."""
    scheme, colon, rest = url.partition("#")[0].partition("://")
    host, _, path = rest.partition("/")
    if not path and "?" in host:
        host, _, query = host.partition("?")
        path = f"?{query}"
    return f"{scheme.lower()}{colon}{host.lower()}/{path}"


def _seconds(hit: Hit, at: datetime) -> float:
    return abs((parse_stamp(hit.entry.timestamp) - at).total_seconds())
