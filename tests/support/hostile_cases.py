"""The wrong (and the rare but right) ways of answering, and what a crawler must make of each."""

from __future__ import annotations

import enum
import gzip
import itertools
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import brotli  # type: ignore[import-untyped]

from crawler.model import FailureKind, Truncation

Piece = bytes | float
"""Bytes to send in one write, or seconds to wait."""

LIMITS: dict[str, Any] = {"timeout": 1.0, "max_fetch_time": 2.0, "max_body": 256 << 10}
"""For CrawlConfig: with these, every case ends within seconds."""


class End(enum.Enum):
    """What happens to the connection after the last piece."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()
    HOLD = enum.auto()
    """Nothing, until the client closes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way of answering. Neither `truncated` nor `failure` means: a whole answer."""

    name: str
    script: bytes | tuple[Piece, ...] | Callable[[], Iterator[Piece]]
    end: End = End.KEEP
    status: int | None = 200
    truncated: Truncation | None = None
    failure: FailureKind | None = None
    content: bytes | None = None
    """The decoded body that the parsers must get; None where it does not matter."""
    endless: bool = False
    only_fresh: bool = False
    """On a connection that has served before, it closes without an answer instead."""

    @property
    def whole(self) -> bool:
        return self.truncated is None and self.failure is None

    @property
    def exact(self) -> bool:
        """True if every byte that was sent must be kept; otherwise what was kept is a beginning of it."""
        cut = self.truncated in (Truncation.LENGTH, Truncation.TIME)
        return not (cut or self.endless or self.end is End.RESET)

    def pieces(self) -> Iterator[Piece]:
        if callable(self.script):
            return self.script()
        return iter((self.script,) if isinstance(self.script, bytes) else self.script)


HTML = b"<!doctype html><title>Hostile</title><p>Gr\xc3\xbc\xc3\x9fe</p><a href=/>back</a>\n"
NOISE = random.Random(2616).randbytes(6000)


def head(*fields: str, status: str = "200 OK", version: str = "HTTP/1.1") -> bytes:
    """A well-formed head with text/html, unless the fields say otherwise."""
    lines = [f"{version} {status}", *fields]
    if not any(field.lower().startswith("content-type") for field in fields):
        lines.append("Content-Type: text/html")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ok(body: bytes = HTML, *fields: str, status: str = "200 OK") -> bytes:
    """A well-formed answer with Content-Length."""
    return head(*fields, f"Content-Length: {len(body)}", status=status) + body


def chunked(*chunks: bytes, fields: tuple[str, ...] = (), tail: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head("Transfer-Encoding: chunked", *fields) + body + tail


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _drip(start: bytes, data: bytes, pause: float) -> Callable[[], Iterator[Piece]]:
    def script() -> Iterator[Piece]:
        yield start
        for byte in data:
            yield bytes((byte,))
            yield pause

    return script


def _endless(start: bytes, piece: bytes) -> Callable[[], Iterator[Piece]]:
    return lambda: itertools.chain((start,), itertools.repeat(piece))


DISCONNECT: dict[str, Any] = {"truncated": Truncation.DISCONNECT, "failure": FailureKind.DISCONNECT}
MALFORMED: dict[str, Any] = {"truncated": Truncation.UNSPECIFIED, "failure": FailureKind.BAD_FRAMING}
STOPPED: dict[str, Any] = {"truncated": Truncation.TIME, "failure": FailureKind.TIMEOUT}
NOT_HTTP: dict[str, Any] = {"status": None, "failure": FailureKind.NOT_HTTP}

_WHOLE_BODIES = [
    Case("plain", ok(), content=HTML),
    Case("empty-body", ok(b""), content=b""),
    Case("server-error", ok(b"broken", status="500 Oh no"), status=500),
    Case("chunked", chunked(HTML[:10], HTML[10:]), content=HTML),
    Case(
        "chunk-sizes-odd",
        head("Transfer-Encoding: Chunked") + b"0005 \r\nhello\r\n00A\r\n, world!!!\r\n000\r\n\r\n",
        content=b"hello, world!!!",
    ),
    Case(
        "chunk-extensions",
        head("Transfer-Encoding: chunked") + b'5;a=b;c="d"\r\nhello\r\n0;last\r\n\r\n',
        content=b"hello",
    ),
    Case(
        "trailers", chunked(HTML, fields=("Trailer: X-Sum",), tail=b"0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"), content=HTML
    ),
    Case("chunked-bare-lf", head("Transfer-Encoding: chunked") + b"5\nhello\n0\n\n", content=b"hello"),
    Case(
        "chunked-http10",
        head("Transfer-Encoding: chunked", version="HTTP/1.0") + b"5\r\nhello\r\n0\r\n\r\n",
        end=End.CLOSE,
        content=b"hello",
    ),
    Case("chunked-no-final-line", chunked(HTML, tail=b"0\r\n"), end=End.CLOSE, content=HTML),
    Case("length-and-chunked", chunked(HTML, fields=("Content-Length: 3",)), content=HTML),
    Case(
        "transfer-gzip-chunked",
        head("Transfer-Encoding: gzip, chunked")
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(HTML)), gzip.compress(HTML)),
        content=HTML,
    ),
    Case("transfer-unknown", head("Transfer-Encoding: smoke-signals") + HTML, end=End.CLOSE),
    Case("close-delimited", head() + HTML, end=End.CLOSE, content=HTML),
    Case("http10-close", head(version="HTTP/1.0") + HTML, end=End.CLOSE, content=HTML),
    Case("http10-length", head(f"Content-Length: {len(HTML)}", version="HTTP/1.0") + HTML, end=End.CLOSE, content=HTML),
    Case("length-twice-equal", head("Content-Length: 5", "Content-Length: 5") + b"hello", content=b"hello"),
    Case("length-list-equal", head("Content-Length: 5, 5") + b"hello", content=b"hello"),
    Case("no-content-with-body", head(status="204 No Content") + b"body", status=204),
    Case("not-modified-with-length", head("Content-Length: 100", status="304 Not Modified"), status=304),
    Case("head-like-no-body", head("Content-Length: 0", "X-Real-Length: 500"), content=b""),
    Case("too-long-body", ok(b"hello") + b" and more than was said", content=b"hello"),
    Case("two-responses", ok(b"first") + ok(b"second"), content=b"first"),
    Case(
        "warc-in-body",
        ok(
            b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 4\r\n\r\nabcd\r\n\r\n" * 3,
            "Content-Type: application/warc",
        ),
    ),
    Case(
        "switching-protocols",
        head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols"),
        status=101,
        end=End.CLOSE,
    ),
]

_WHOLE_CODINGS = [
    Case("gzip", ok(gzip.compress(HTML), "Content-Encoding: gzip"), content=HTML),
    Case(
        "gzip-members", ok(gzip.compress(HTML[:9]) + gzip.compress(HTML[9:]), "Content-Encoding: x-gzip"), content=HTML
    ),
    Case(
        "gzip-chunked",
        chunked(*(bytes((byte,)) for byte in gzip.compress(HTML)), fields=("Content-Encoding: gzip",)),
        content=HTML,
    ),
    Case("gzip-bad", ok(b"\x1f\x8b\x08" + NOISE, "Content-Encoding: gzip")),
    Case("gzip-torn", ok(gzip.compress(HTML)[:-12], "Content-Encoding: gzip")),
    Case("deflate-zlib", ok(zlib.compress(HTML), "Content-Encoding: deflate"), content=HTML),
    Case("deflate-raw", ok(_raw_deflate(HTML), "Content-Encoding: deflate"), content=HTML),
    Case("brotli", ok(brotli.compress(HTML), "Content-Encoding: br"), content=HTML),
    Case("encoding-lies", ok(HTML, "Content-Encoding: gzip"), content=HTML),
    Case("encoding-unknown", ok(HTML, "Content-Encoding: smoke"), content=HTML),
    Case("encoding-twice", ok(brotli.compress(gzip.compress(HTML)), "Content-Encoding: gzip, br"), content=HTML),
]

_WHOLE_HEADS = [
    Case("interim-100", head(status="100 Continue") + ok(), content=HTML),
    Case("interim-102", (head(status="102 Processing"), 0.02, ok()), content=HTML),
    Case("interim-103", head("Link: </style.css>; rel=preload", status="103 Early Hints") + ok(), content=HTML),
    Case("interim-many", head(status="102 Processing") * 20 + ok(), content=HTML),
    Case("empty-reason", ok(status="200 ")),
    Case("no-reason", ok(status="200")),
    Case("reason-latin1", ok(status="200 D\xe9j\xe0 vu")),
    Case("lower-case-http", ok().replace(b"HTTP/1.1", b"http/1.1", 1), content=HTML),
    Case("version-odd", ok().replace(b"HTTP/1.1", b"HTTP/3.7", 1), content=HTML),
    Case("status-999", ok(status="999 Request denied"), status=999),
    Case("obs-fold", ok(HTML, "X-Folded: one\r\n two\r\n\tthree"), content=HTML),
    Case("headers-90", ok(HTML, *(f"X-Field-{number}: {number}" for number in range(90))), content=HTML),
    Case("header-60k", ok(HTML, f"X-Long: {'a' * 61440}"), content=HTML),
    Case("header-300k", ok(HTML, f"X-Long: {'b' * 307200}"), content=HTML),
    Case("header-nul", ok(HTML, "X-Nul: a\0b"), content=HTML),
    Case("header-control", ok(HTML, "X-Control: a\x01\x1b[31mb"), content=HTML),
    Case("header-8bit", ok(HTML, "X-Bytes: \xff\xfe\xe9"), content=HTML),
    Case("header-no-colon", ok(HTML, "this is no field"), content=HTML),
    Case("header-space-before-colon", ok(HTML, "X-Space : here"), content=HTML),
    Case("header-empty-name", ok(HTML, ": nameless"), content=HTML),
    Case("header-duplicates", ok(HTML, "Set-Cookie: a=1", "set-cookie: b=2", "SET-COOKIE: a=3"), content=HTML),
    Case("content-type-twice", ok(HTML, "Content-Type: text/html", "Content-Type: image/png"), content=HTML),
    Case("content-type-missing", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", content=b"hello"),
    Case("bare-lf", ok().replace(b"\r\n", b"\n"), content=HTML),
    Case("leading-crlf", b"\r\n\r\n" + ok(), content=HTML),
    Case("byte-by-byte", _drip(b"", ok(b"hello"), 0.001), content=b"hello"),
    Case("head-in-two-pieces", (ok()[:25], 0.02, ok()[25:]), content=HTML),
    Case("blank-line-in-two-pieces", (head("Content-Length: 2")[:-1], 0.02, b"\nhi"), content=b"hi"),
    Case("redirect-odd", ok(b"", "Location: http:///%zz\\..\x7f{}", status="302 Found"), status=302),
    Case("redirect-8bit", ok(b"", "Location: /caf\xe9?\xff", status="301 Moved"), status=301),
    Case("redirect-nowhere", ok(b"", "Location:", status="307 Elsewhere"), status=307),
    Case("only-fresh", ok(), content=HTML, only_fresh=True),
]

_CUT_OFF = [
    Case("early-close", head("Content-Length: 500") + HTML, end=End.CLOSE, content=HTML, **DISCONNECT),
    Case("early-close-in-head", head("Content-Length: 5")[:-2], end=End.CLOSE, status=None, **DISCONNECT),
    Case("missing-last-chunk", chunked(HTML, tail=b""), end=End.CLOSE, content=HTML, **DISCONNECT),
    Case("length-huge", head(f"Content-Length: {10**30}") + HTML, end=End.CLOSE, **DISCONNECT),
    Case("reset-in-head", (head("Content-Length: 5")[:-2], 0.1), end=End.RESET, status=None, **DISCONNECT),
    Case("reset-in-body", (head("Content-Length: 500") + HTML, 0.1), end=End.RESET, **DISCONNECT),
    Case("reset-close-delimited", (head() + HTML, 0.1), end=End.RESET, **DISCONNECT),
    Case("infinite-body", _endless(head(), NOISE), truncated=Truncation.LENGTH),
    Case(
        "infinite-chunks",
        _endless(head("Transfer-Encoding: chunked"), b"1770\r\n" + NOISE + b"\r\n"),
        truncated=Truncation.LENGTH,
    ),
    Case("longer-than-allowed", ok(NOISE * 60), truncated=Truncation.LENGTH),
    Case("drip", _drip(head("Content-Length: 1000"), HTML * 3, 0.05), truncated=Truncation.TIME),
    Case("drip-head", _drip(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 300, 0.05), status=None, **STOPPED),
    Case("silence-after-head", head("Content-Length: 5"), end=End.HOLD, **STOPPED),
    Case("silence-in-head", b"HTTP/1.1 200 OK\r\nX-", end=End.HOLD, status=None, **STOPPED),
    Case("silence-in-chunk", head("Transfer-Encoding: chunked") + b"50\r\nhello", end=End.HOLD, **STOPPED),
    Case("too-short-body", head("Content-Length: 50") + b"hello", end=End.HOLD, **STOPPED),
]

_MALFORMED = [
    Case(
        "bad-chunk-size", head("Transfer-Encoding: chunked") + b"5\r\nhello\r\nxyz\r\nrest", end=End.CLOSE, **MALFORMED
    ),
    Case("bad-chunk-size-late", (chunked(NOISE * 35, tail=b"zz\r\n"), 0.1, b"rest"), end=End.CLOSE, **MALFORMED),
    Case(
        "chunk-extension-20k",
        head("Transfer-Encoding: chunked") + b"5;%s\r\nhello\r\n0\r\n\r\n" % (b"e" * 20000),
        **MALFORMED,
    ),
    Case("negative-chunk-size", head("Transfer-Encoding: chunked") + b"-5\r\nhello\r\n0\r\n\r\n", **MALFORMED),
    Case("chunk-without-line-end", head("Transfer-Encoding: chunked") + b"5\r\nhelloworld\r\n0\r\n\r\n", **MALFORMED),
    Case("length-differs", head("Content-Length: 5", "Content-Length: 7") + b"helloes", **MALFORMED),
    Case("length-list-differs", head("Content-Length: 5, 6") + b"hello", end=End.CLOSE, **MALFORMED),
    Case("length-negative", head("Content-Length: -5") + b"hello", end=End.CLOSE, **MALFORMED),
    Case("length-hex", head("Content-Length: 0x5") + b"hello", end=End.CLOSE, **MALFORMED),
    Case("length-words", head("Content-Length: five") + b"hello", end=End.CLOSE, **MALFORMED),
    Case("status-1000", ok(status="1000 Too much"), end=End.CLOSE, status=None, **MALFORMED),
    Case("status-missing", ok(status="OK"), end=End.CLOSE, status=None, **MALFORMED),
    Case("cr-only", ok().replace(b"\r\n", b"\r"), end=End.CLOSE, status=None, **MALFORMED),
    Case(
        "infinite-head",
        _endless(b"HTTP/1.1 200 OK\r\n", b"X-Again: " + b"a" * 5000 + b"\r\n"),
        status=None,
        endless=True,
        **MALFORMED,
    ),
]

_NO_ANSWER = [
    Case("silence", b"", end=End.HOLD, status=None, failure=FailureKind.TIMEOUT),
    Case("close-at-once", b"", end=End.CLOSE, status=None, failure=FailureKind.DISCONNECT),
    Case("reset-at-once", b"", end=End.RESET, status=None, failure=FailureKind.DISCONNECT),
    Case("http09", HTML, end=End.CLOSE, **NOT_HTTP),
    Case("ssh-banner", b"SSH-2.0-OpenSSH_9.2p1\r\n", end=End.HOLD, truncated=Truncation.TIME, **NOT_HTTP),
    Case("noise", NOISE, end=End.CLOSE, **NOT_HTTP),
    Case("infinite-noise", _endless(b"", NOISE), truncated=Truncation.LENGTH, **NOT_HTTP),
    Case("icecast", b"ICY 200 OK\r\nicy-name: radio\r\n\r\nmp3", end=End.CLOSE, **NOT_HTTP),
    Case("half-a-word", b"HT", end=End.CLOSE, **NOT_HTTP),
    Case("half-a-word-silence", b"HTT", end=End.HOLD, status=None, **STOPPED),
]

CASES: dict[str, Case] = {
    case.name: case for case in (*_WHOLE_BODIES, *_WHOLE_CODINGS, *_WHOLE_HEADS, *_CUT_OFF, *_MALFORMED, *_NO_ANSWER)
}
