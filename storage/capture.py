"""A capture: one answer of the web as it was kept, with what was asked and what was noted beside it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from functools import cached_property
from urllib.parse import urljoin

from storage.charset import decode_text
from storage.codings import decoded
from storage.errors import ArchiveError
from storage.lines import Entry
from storage.message import Fields, Message, joined, message_of, warc_fields
from storage.neighbours import concurrent
from storage.sources import Source
from storage.stored import Location, OnDamage, StoredRecord, read_at
from storage.streams import PieceStream, after

_NOT_MODIFIED = "server-not-modified"
_REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})


class Capture:
    """A response, revisit or resource record. What is not in the index is read from the archive when it is asked for:
    any attribute may raise ArchiveError or OSError. Attributes that read are blocking; their twins with an `a` in
    front are awaited."""

    def __init__(
        self, source: Source, find_payload: Callable[[StoredRecord], StoredRecord], *,
        entry: Entry | None = None, record: StoredRecord | None = None, on_damage: OnDamage | None = None,
    ) -> None:  # fmt: skip
        self._source, self._find_payload, self._on_damage = source, find_payload, on_damage
        self.entry = entry
        """The line of the index that it was found by; None if it was not."""
        self._given = record
        self.decoding_notes: list[str] = []
        """What was not as the headers said when the body was last decoded, in words."""

    @cached_property
    def record(self) -> StoredRecord:
        """The record itself, a revisit's own."""
        if self._given is not None:
            return self._given
        assert self.entry is not None
        record = read_at(self._source, self.entry.offset, self.entry.skip)
        if record.url != self.entry.url:
            raise record.location.error(
                f"the index says that {self.entry.url} lies here, and here lies {record.url}: "
                "python -m storage index makes the index anew"
            )
        return record

    @cached_property
    def payload_record(self) -> StoredRecord:
        """The record whose block holds the body: for a revisit, what it refers to."""
        return self._find_payload(self.record) if self.revisit else self.record

    @property
    def revisit(self) -> bool:
        """True if the body was the same as before and is kept with that capture."""
        return self.entry.revisit if self.entry is not None else self.record.type == "revisit"

    @property
    def url(self) -> str:
        return self.entry.url if self.entry is not None else self.record.url or ""

    @property
    def timestamp(self) -> datetime:
        """When it was captured, in UTC, as precisely as the record tells."""
        return self.record.date

    @property
    def location(self) -> Location:
        """Where its record lies."""
        return self.record.location

    @property
    def truncated(self) -> str | None:
        """Why the answer is not whole, as WARC-Truncated says it: length, time, disconnect, unspecified; else None."""
        return self.payload_record.header.get("WARC-Truncated")

    @property
    def provisional(self) -> bool:
        """True if it was read from a file that is still being written."""
        return self._source.provisional

    @cached_property
    def _message(self) -> Message:
        """Its own head; the payload's where the answer was that nothing changed or where the head was not kept."""
        if not self.revisit:
            return message_of(self.record)
        own = message_of(self.record)
        told = (self.record.header.get("WARC-Profile") or "").rstrip("/").endswith(_NOT_MODIFIED)
        if own.status is not None and not told:
            return own
        try:
            return message_of(self.payload_record)
        except ArchiveError:  # what it refers to is missing: told by whoever asks for the body
            return own

    @property
    def status(self) -> int | None:
        """The status code; None for what is no HTTP answer."""
        if self.entry is not None and not self.entry.revisit:
            return self.entry.status
        return self._message.status

    @property
    def reason(self) -> str:
        return self._message.reason

    @property
    def headers(self) -> Fields:
        """The answer's headers: names in any case, in order, repeats kept."""
        return self._message.headers

    @property
    def content_type(self) -> str:
        """Content-Type as it was sent; "" if it was not."""
        message = self._message
        if message.status is None and not message.headers:
            return self.record.content_type
        return message.headers.get("Content-Type", "")

    @property
    def mime(self) -> str:
        """The media type in lower case, without parameters; "" if there was none."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def digest(self) -> str | None:
        """The payload's digest as the archive has it, with its label."""
        header = self.record.header
        given = header.get("WARC-Payload-Digest")
        return given if given is not None or self._message.status is not None else header.get("WARC-Block-Digest")

    @property
    def redirect(self) -> str | None:
        """Where it redirects to, absolute; None if it does not, or to what is no URL."""
        target = self.headers.get("Location")
        if not target or self.status not in _REDIRECTS:
            return None
        try:
            return urljoin(self.url, target)
        except ValueError:
            return None

    @property
    def raw(self) -> bytes:
        """The block as it was sent: head and body with all codings. A revisit's own, which has no body."""
        return self.record.block

    @property
    def raw_head(self) -> bytes:
        """The answer's status line and headers as they were sent; b"" for what is no HTTP answer."""
        message = message_of(self.record)
        return self.record.beginning()[message.start : message.body]

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces of at most 1 MiB, its codings taken off; `decoding_notes` tells what was wrong with
        them once the last piece was given."""
        record = self.payload_record
        message = message_of(record)
        notes: list[str] = []
        self.decoding_notes = notes
        pieces = after(self._as_far_as_whole(record.chunks()), message.body)
        yield from decoded(pieces, message.codings("Transfer-Encoding"), message.codings("Content-Encoding"), notes)

    def _as_far_as_whole(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Damage within a large record ends it, where it may be passed over."""
        try:
            yield from pieces
        except ArchiveError as error:
            if self._on_damage is None:
                raise
            self._on_damage(error)
            self.decoding_notes.append(str(error))

    def open(self) -> io.BufferedReader:
        """The decoded body as a stream, of any size in bounded memory."""
        return io.BufferedReader(PieceStream(self.chunks()))

    @property
    def body(self) -> bytes:
        """The whole body in memory, its codings (chunked, gzip, deflate, br, zstd) taken off. What is not coded as it
        says is given as it is, what is torn as far as it goes; `decoding_notes` says so."""
        return b"".join(self.chunks())

    @property
    def text(self) -> str:
        """The body as text, in the encoding a browser would choose."""
        return decode_text(self.body, self.content_type)

    @cached_property
    def _concurrent(self) -> list[StoredRecord]:
        return concurrent(self.record)

    @property
    def request(self) -> StoredRecord | None:
        """The record of the request, `.block` as it was sent; None if none is kept."""
        return next((record for record in self._concurrent if record.type == "request"), None)

    @property
    def metadata(self) -> Fields:
        """The fields of the metadata records beside it; empty if there are none."""
        fields = [
            warc_fields(record.block)
            for record in self._concurrent
            if record.type == "metadata" and record.content_type.lower().startswith("application/warc-fields")
        ]
        return joined(fields)

    def load(self) -> Capture:
        """Reads what the attributes tell, the bodies of large records excepted; returns itself. Blocking."""
        _ = self._message
        return self

    async def abody(self) -> bytes:
        """`body` without blocking."""
        return await asyncio.to_thread(lambda: self.body)

    async def atext(self) -> str:
        """`text` without blocking."""
        return await asyncio.to_thread(lambda: self.text)

    async def araw(self) -> bytes:
        """`raw` without blocking."""
        return await asyncio.to_thread(lambda: self.raw)

    async def arequest(self) -> StoredRecord | None:
        """`request` without blocking."""
        return await asyncio.to_thread(lambda: self.request)

    async def ametadata(self) -> Fields:
        """`metadata` without blocking."""
        return await asyncio.to_thread(lambda: self.metadata)

    async def achunks(self) -> AsyncIterator[bytes]:
        """`chunks` without blocking."""
        pieces = self.chunks()
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    def __repr__(self) -> str:
        return f"<Capture {self.url} {self.entry.timestamp if self.entry is not None else self.timestamp}>"
