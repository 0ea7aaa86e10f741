"""A crawl directory made by hand with the writer: segments, manifest, indexes, log and pages, as a crawl has them."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from storage import (
    DigestAlgorithm,
    DiskFiles,
    HttpPayload,
    Record,
    RecordType,
    SegmentWriter,
    archive_directory,
    write_index,
    write_manifest,
)
from tests.support.warc import NOW, WARCINFO, MemoryLedger, record_id, with_archive

PAGES_HEADER = {"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}
HTTP = "application/http;msgtype="


def capture(number: int, body: bytes = b"<title>x</title>", *, chunked: bool = False) -> list[Record]:
    """Request, response and metadata, with all the fields a crawl writes."""
    url = f"http://example.com/{number}"
    first = record_id(number * 10)
    concurrent = ("WARC-Concurrent-To", first)
    peer = ("WARC-IP-Address", "192.0.2.1")
    date = NOW + timedelta(microseconds=number)
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
        framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
        framed = body
    request = f"GET /{number} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode()
    metadata = f"via: http://example.com/\r\ntitle: Page {number}\r\n".encode()
    return [
        Record(RecordType.REQUEST, first, date, request, HTTP + "request", url, (peer,)),
        Record(
            *(RecordType.RESPONSE, record_id(number * 10 + 1), date, head + framed, HTTP + "response", url),
            (peer, concurrent),
            HttpPayload(len(head), chunked),
        ),
        Record(
            *(RecordType.METADATA, record_id(number * 10 + 2), date, metadata, "application/warc-fields", url),
            (concurrent,),
        ),
    ]


def crawl_directory(
    directory: Path,
    segments: Sequence[Sequence[Sequence[Record]]],
    *,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    leave_open: bool = False,
) -> Path:
    """Writes the directory: a segment for each list of captures, all sealed but the last with `leave_open`."""
    return asyncio.run(_write(directory, segments, digest, leave_open))


async def _write(
    directory: Path, segments: Sequence[Sequence[Sequence[Record]]], digest: DigestAlgorithm, leave_open: bool
) -> Path:
    ledger = MemoryLedger.empty()
    log: list[dict[str, object]] = []
    for number, captures in enumerate(segments):
        writer = await SegmentWriter.create(
            *(with_archive(directory),),
            prefix="t",
            number=number,
            now=NOW,
            files=DiskFiles(),
            warcinfo=WARCINFO,
            digest=digest,
        )
        first = len(log) + 1
        for rows, records in zip(await writer.append(captures), captures, strict=True):
            primary = min(1, len(rows) - 1)
            place, record = rows[primary], records[primary]
            log.append(
                {
                    "seq": len(log) + 1,
                    "url": record.target_uri,
                    "outcome": "archived",
                    "status": 200,
                    "depth": min(len(log), 1),
                    "segment": place.segment,
                    "offset": place.offset,
                    "id": record.id,
                }
            )
        if leave_open and number == len(segments) - 1:
            await writer.close()
        else:
            last = len(log) if len(log) >= first else None
            await writer.seal(
                ledger, first_seq=first if last else None, last_seq=last, previous_sha256=ledger.last_sha256
            )
            write_index(directory, writer.name)
    write_manifest(directory, ledger.rows)
    write_lines(directory / "logs" / "urls.jsonl", log)
    pages = [
        {
            "id": str(line["id"])[10:-1],
            "url": line["url"],
            "ts": "2026-01-02T03:04:05Z",
            "title": "x",
            "seq": line["seq"],
        }
        for line in log
    ]
    write_lines(directory / "pages" / "pages.jsonl", [PAGES_HEADER, *pages])
    return directory


def write_lines(path: Path, lines: Iterable[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def segments_of(directory: Path) -> list[Path]:
    return sorted(archive_directory(directory).iterdir())


def many_captures(count: int, size: int, seed: int = 1) -> Iterable[list[Record]]:
    """Captures of about `size` bytes that compress as pages do."""
    rng = random.Random(seed)
    words = [bytes(rng.choices(b"etaoinshrdlu", k=rng.randrange(2, 9))) for _ in range(400)]
    for number in range(count):
        yield capture(number, b" ".join(rng.choices(words, k=size // 6)), chunked=number % 3 == 0)
