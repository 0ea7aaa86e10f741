"""What a revisit refers to: the record that holds its payload (WARC 1.1 section 6.7).

Asked in turn: the capture of WARC-Refers-To-Target-URI (or its own URL) at WARC-Refers-To-Date; one of that URL with
its payload digest; and if no such URL is named, any with that digest and the record with the id WARC-Refers-To, for
which the whole archive is gone through. A candidate whose digest differs is not it, unless its id is the one named. A
revisit that refers to a revisit is followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.errors import ArchiveError
from storage.lookup import Hit, Lookup
from storage.selection import selection
from storage.sources import Source
from storage.stored import StoredRecord, read_at, read_source

_LONGEST = 16
"""Revisits followed one after another."""


def payload_of(record: StoredRecord, lookup: Lookup, sources: Sequence[Source]) -> StoredRecord:
    """The record that holds a revisit's payload. Blocking. Raises ArchiveError, naming the revisit and what it refers
    to, when the archive has none; OSError."""
    seen = {str(record.location)}
    current = record
    for _ in range(_LONGEST):
        found = next(_candidates(current, lookup, sources, seen), None)
        if found is None:
            break
        if found.type != "revisit":
            return found
        seen.add(str(found.location))
        current = found
    wanted = current.header.get("WARC-Refers-To") or current.header.get("WARC-Payload-Digest")
    url = current.header.get("WARC-Refers-To-Target-URI") or current.url
    date = current.header.get("WARC-Refers-To-Date")
    what = " ".join(filter(None, (url, date, wanted)))
    place = record.location
    raise ArchiveError(
        f"this revisit refers to a record that is not in the archive: {what}",
        path=place.source.label, offset=place.offset,
    )  # fmt: skip


def _candidates(
    record: StoredRecord, lookup: Lookup, sources: Sequence[Source], seen: set[str]
) -> Iterator[StoredRecord]:
    url = (record.header.get("WARC-Refers-To-Target-URI") or record.url or "").strip("<>")
    date = record.header.get("WARC-Refers-To-Date") or ""
    digest, id_ = record.header.get("WARC-Payload-Digest"), record.header.get("WARC-Refers-To")
    stamp = "".join(filter(str.isdecimal, date))[:14]
    hits = list(lookup.between(*[selection(url=url).key] * 2)) if url else []
    dated = [hit for hit in hits if stamp and hit.entry.timestamp == stamp]
    alike = [hit for hit in hits if digest is not None and hit.entry.digest == digest]
    for hit in sorted(dated + alike, key=lambda hit: hit.entry.revisit):
        found = _read(hit)
        if str(found.location) not in seen and _fits(found, digest, id_, dated=hit in dated, date=date):
            yield found
    if record.header.get("WARC-Refers-To-Target-URI"):
        return  # it was said where, and there it is not: a search of everything would be long and find nothing
    if digest is not None:
        for hit in lookup.between(b"", b""):
            if hit.entry.digest == digest and not hit.entry.revisit:
                yield _read(hit)
    if id_ is not None:
        for source in sources:
            for each in read_source(source):
                if each.id == id_ and str(each.location) not in seen:
                    yield each


def _read(hit: Hit) -> StoredRecord:
    return read_at(hit.source, hit.entry.offset, hit.entry.skip)


def _fits(found: StoredRecord, digest: str | None, id_: str | None, *, dated: bool, date: str) -> bool:
    """By id where both have one; else by digest; else by the exact date."""
    if id_ is not None and found.id == id_:
        return True
    theirs = found.header.get("WARC-Payload-Digest")
    if digest is not None and theirs is not None:
        return digest == theirs
    return (
        dated
        and found.header.get(
            "WARC-Date",
        )
        == date
    )
