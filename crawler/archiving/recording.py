"""An attempt as WARC records: which records there are, how they name each other, what the metadata record tells.

    whole or cut-off HTTP answer   request, response, metadata
    bytes that are not HTTP        request, resource, metadata (with the reason)
    no answer at all               request if it was sent, metadata (with the reason)
    failed without being asked     metadata (with the reason)
    surplus after the message      a further resource

Where the payload is known from an earlier record, a revisit stands in the response's place: with the response's head
for an identical payload, without a block for a 304, whose head the metadata record keeps. For a revisit with a head
is shown by replay tools with that head, and nobody can look at a 304.

All share one WARC-Date and name the first of them in WARC-Concurrent-To (WARC 1.1 section 5.7).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from crawler.archiving.metadata import metadata_text
from crawler.capture import Capture
from crawler.earlier.revisit import Profile, Revisit
from crawler.frontier import Finished, RetryAt, Settled
from crawler.model import (
    Body,
    Exchange,
    Extraction,
    FailureKind,
    OutcomeKind,
)
from storage import Block, HttpPayload, Record, RecordType, Written, warc_date

IN_MEMORY = 1 << 20
HTTP_RESPONSE = "application/http;msgtype=response"
HTTP_REQUEST = "application/http;msgtype=request"
WARC_FIELDS = "application/warc-fields"
OCTETS = "application/octet-stream"


class Recording(Struct, frozen=True):
    """The records of one attempt, in the order of writing."""

    records: tuple[Record, ...]
    primary: int
    """Which of them a receipt names: the response, or else what stands for it."""
    metadata: int
    revisited: bool = False
    """True if the primary record is a revisit."""
    original: bool = False
    """True if the primary record is a whole response that revisits may refer to."""


class BodyBlock(Struct, frozen=True):
    """A part of received bytes as a record's block, without holding it in memory."""

    body: Body
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def chunks(self) -> Iterator[bytes]:
        return self.body.chunks(self.start, self.stop)


def record_id() -> str:
    return f"<urn:uuid:{uuid.uuid4()}>"


def recording_of(capture: Capture, digest: str | None = None, revisit: Revisit | None = None) -> Recording | None:
    """The records to write; None where there is nothing to keep (excluded, or an unanswered attempt to be repeated).

    `digest` is that of the payload, if it has been taken; `revisit` names an earlier record with this payload."""
    exchange = capture.exchange
    if exchange is None:
        return _unasked(capture)
    answered = exchange.response is not None and exchange.response.size > 0
    if not answered and isinstance(capture.disposition, RetryAt):
        return None
    records: list[Record] = []
    if exchange.request:
        request = _record(RecordType.REQUEST, exchange, exchange.request, HTTP_REQUEST, _peer(exchange), None)
        records.append(request)
    primary = len(records)
    revisit = capture.revisit or revisit
    if answered:
        records += _answer_records(exchange, records[0].id if records else None, digest, revisit)
    block = metadata_text(capture, exchange).encode()
    first = records[0].id if records else None
    records.append(_record(RecordType.METADATA, exchange, block, WARC_FIELDS, (), first))
    return Recording(
        tuple(records),
        primary,
        len(records) - 1,
        revisited=revisit is not None,
        original=digest is not None and revisit is None,
    )


def _unasked(capture: Capture) -> Recording | None:
    """A URL that failed before anything was asked of its host (its robots.txt could not be had): that is recorded."""
    if not isinstance(capture.disposition, Finished) or capture.disposition.kind is not OutcomeKind.FAILED:
        return None
    block = metadata_text(capture, None).encode()
    record = Record(RecordType.METADATA, record_id(), capture.time, block, WARC_FIELDS, capture.url.url)
    return Recording((record,), 0, 0)


def unrecordable(capture: Capture, why: str) -> Capture:
    """What is left of an attempt whose records would break a rule of the format: that it failed, and why."""
    settled = isinstance(capture.disposition, Settled)
    return replace(
        capture,
        disposition=capture.disposition if settled else Finished(OutcomeKind.FAILED, f"it cannot be recorded: {why}"),
        exchange=None,
        extraction=Extraction(),
        outlinks=(),
        failure=FailureKind.INTERNAL,
        joins=None,
        robots=None,
    )


def stored_span(recording: Recording, written: Sequence[Written]) -> tuple[Written, Written]:
    """Where the primary and the metadata record came to lie."""
    return written[recording.primary], written[recording.metadata]


def _record(
    type_: RecordType, exchange: Exchange, block: bytes | Block, content_type: str | None,
    fields: tuple[tuple[str, str], ...], first: str | None, payload: HttpPayload | None = None,
) -> Record:  # fmt: skip
    """`first` is the first record of the attempt, None for that one itself."""
    if first is not None:
        fields = (*fields, ("WARC-Concurrent-To", first))
    return Record(type_, record_id(), exchange.started, block, content_type, exchange.url, fields, payload)


def _peer(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    fields: list[tuple[str, str]] = []
    if exchange.peer is not None:
        fields.append(("WARC-IP-Address", exchange.peer))
    if exchange.http_version is not None:
        fields.append(("WARC-Protocol", exchange.http_version))
    if exchange.tls is not None:
        fields += [("WARC-Protocol", exchange.tls[0]), ("WARC-Cipher-Suite", exchange.tls[1])]
    return tuple(fields)


def message_of(exchange: Exchange) -> tuple[bytes | Block, HttpPayload]:
    """The HTTP message as a record's block, and where its payload lies in it."""
    body, span = exchange.response, exchange.message
    assert body is not None
    assert span is not None
    return _block(body, span.start, span.end), HttpPayload(span.head_end - span.start, span.chunked)


def _answer_records(exchange: Exchange, first: str | None, digest: str | None, revisit: Revisit | None) -> list[Record]:
    body, span = exchange.response, exchange.message
    assert body is not None
    fields = _peer(exchange) + _truncated(exchange)
    if span is None:
        return [_record(RecordType.RESOURCE, exchange, _block(body, 0, body.size), OCTETS, fields, first)]
    if revisit is not None:
        records = [_revisit_record(exchange, fields, first, revisit)]
    else:
        payload = HttpPayload(span.head_end - span.start, span.chunked, digest)
        message = _block(body, span.start, span.end)
        records = [_record(RecordType.RESPONSE, exchange, message, HTTP_RESPONSE, fields, first, payload)]
    if body.size > span.end:
        surplus = _block(body, span.end, body.size)
        records.append(_record(RecordType.RESOURCE, exchange, surplus, OCTETS, (), first or records[0].id))
    return records


def _revisit_record(
    exchange: Exchange, fields: tuple[tuple[str, str], ...], first: str | None, revisit: Revisit
) -> Record:
    """WARC 1.1 section 6.7. No WARC-Truncated: that would read as if the server's answer had been cut off."""
    body, span, original = exchange.response, exchange.message, revisit.original
    assert body is not None
    assert span is not None
    fields += (
        ("WARC-Profile", revisit.profile.value),
        ("WARC-Refers-To-Target-URI", original.url),
        ("WARC-Refers-To-Date", warc_date(original.time)),
    )
    if original.record_id is not None:
        fields += (("WARC-Refers-To", original.record_id),)
    if original.digest is not None:
        fields += (("WARC-Payload-Digest", original.digest),)
    if revisit.profile is Profile.NOT_MODIFIED:
        return _record(RecordType.REVISIT, exchange, b"", None, fields, first)
    return _record(RecordType.REVISIT, exchange, _block(body, span.start, span.head_end), HTTP_RESPONSE, fields, first)


def _truncated(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    return () if exchange.truncated is None else (("WARC-Truncated", exchange.truncated.value),)


def _block(body: Body, start: int, stop: int) -> bytes | Block:
    if body.in_memory or stop - start <= IN_MEMORY:
        return body.read(start, stop)
    return BodyBlock(body, start, stop)
