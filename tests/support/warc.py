"""Records to write in tests, and reading segments back without the project's own reader."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from storage import HttpPayload, Record, RecordType, SealedSegment

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
WARCINFO = b"software: test\r\nformat: WARC File Format 1.1\r\n"


def record_id(number: int) -> str:
    return f"<urn:uuid:{UUID(int=number)}>"


def with_archive(directory: Path) -> Path:
    """The directory, with its place for segments, as a crawl that opens it makes it."""
    (directory / "archive").mkdir(parents=True, exist_ok=True)
    return directory


def response(
    number: int,
    body: bytes = b"<title>x</title>",
    url: str = "http://example.com/",
    head: str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\r\n",
) -> Record:
    raw = head.format(length=len(body)).encode("latin-1")
    chunked = "transfer-encoding: chunked" in head.lower()
    payload = HttpPayload(len(raw), chunked)
    content_type = "application/http;msgtype=response"
    return Record(RecordType.RESPONSE, record_id(number), NOW, raw + body, content_type, url, (), payload)


def capture(number: int, body: bytes, url: str | None = None) -> list[Record]:
    """Request, response and metadata, as a crawl writes them."""
    url = url or f"http://example.com/{number}"
    first = record_id(number * 10)
    concurrent = (("WARC-Concurrent-To", first),)
    fields = "application/warc-fields"
    request = f"GET {url} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode()
    answer = response(number * 10 + 1, body, url)
    metadata = f"via: http://example.com/\r\noutlink: {url}/a L a/@href\r\n".encode()
    return [
        Record(RecordType.REQUEST, first, NOW, request, "application/http;msgtype=request", url),
        Record(answer.type, answer.id, NOW, answer.block, answer.content_type, url, concurrent, answer.payload),
        Record(RecordType.METADATA, record_id(number * 10 + 2), NOW, metadata, fields, url, concurrent),
    ]


def members(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """Offset, compressed and decompressed bytes of each gzip member; stdlib zlib, and an error for any excess."""
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        inflate = zlib.decompressobj(31)
        plain = inflate.decompress(data[offset:]) + inflate.flush()
        assert inflate.eof, f"torn at {offset}"
        length = len(data) - offset - len(inflate.unused_data)
        yield offset, data[offset : offset + length], plain
        offset += length


@dataclass(slots=True)
class MemoryLedger:
    """What a ledger knows of segments: their state and committed length."""

    states: dict[str, str]
    lengths: dict[str, int]
    rows: list[SealedSegment]
    log: list[str]

    @classmethod
    def empty(cls) -> MemoryLedger:
        return cls({}, {}, [], [])

    def commit(self, name: str, length: int) -> None:
        self.states[name], self.lengths[name] = "open", length

    async def sealing(self, name: str) -> None:
        self.states[name] = "sealing"
        self.log.append("ledger sealing")

    async def sealed(self, segment: SealedSegment) -> None:
        self.states[segment.name] = "sealed"
        self.rows.append(segment)
        self.log.append("ledger sealed")

    @property
    def last_sha256(self) -> str | None:
        return self.rows[-1].sha256 if self.rows else None
