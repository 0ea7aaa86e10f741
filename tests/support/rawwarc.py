"""WARC bytes made by hand, right or wrong, for tests of what reads them."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path

from storage.verify import Finding, Severity, verify

DATE = "2026-01-02T03:04:05Z"
INFO = "<urn:uuid:00000000-0000-0000-0000-0000000000ff>"
URL = "http://example.com/"
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
REQUEST = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"


def sha1(data: bytes) -> str:
    return f"sha1:{base64.b32encode(hashlib.sha1(data).digest()).decode()}"


def rid(number: int) -> str:
    return f"<urn:uuid:00000000-0000-0000-0000-{number:012d}>"


def record(
    type_: str,
    number: int,
    block: bytes = b"",
    *lines: str,
    version: str = "WARC/1.1",
    length: int | str | None = None,
    date: str = DATE,
    end: bytes = b"\r\n\r\n",
) -> bytes:
    """A record with the mandatory fields and whatever `lines` add."""
    head = [version, f"WARC-Type: {type_}", f"WARC-Record-ID: {rid(number)}", f"WARC-Date: {date}", *lines]
    head.append(f"Content-Length: {len(block) if length is None else length}")
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + block + end


def warcinfo(number: int = 255, *lines: str) -> bytes:
    return record("warcinfo", number, b"software: x\r\n", "Content-Type: application/warc-fields", *lines)


def response(number: int = 1, block: bytes = HTTP, *lines: str, uri: str = URL, date: str = DATE) -> bytes:
    """A sound response record with both digests."""
    payload = block.partition(b"\r\n\r\n")[2]
    return record(
        *("response", number, block),
        f"WARC-Target-URI: {uri}",
        "Content-Type: application/http;msgtype=response",
        f"WARC-Block-Digest: {sha1(block)}",
        *([] if any("payload-digest" in line.lower() for line in lines) else [f"WARC-Payload-Digest: {sha1(payload)}"]),
        *lines,
        date=date,
    )


def request(number: int = 2, *lines: str, date: str = DATE) -> bytes:
    return record(
        *("request", number, REQUEST, f"WARC-Target-URI: {URL}", "Content-Type: application/http;msgtype=request"),
        *lines,
        date=date,
    )


def packed(*records: bytes) -> bytes:
    """Each record a gzip member."""
    return b"".join(gzip.compress(each, mtime=0) for each in records)


def findings(*paths: Path) -> list[Finding]:
    """All that `verify` finds, notes included."""
    found: list[Finding] = []
    verify(paths, found.append)
    return found


def errors(*paths: Path) -> list[Finding]:
    return [each for each in findings(*paths) if each.severity is Severity.ERROR]


def rules(*paths: Path) -> set[str]:
    """The names of the rules that are broken."""
    return {each.rule.label for each in findings(*paths)}
