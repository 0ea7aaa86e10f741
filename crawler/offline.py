"""A fetcher that answers from an existing archive, so that a crawl can be run again without any network.

Terms. An *attempt* is what the archive keeps of one request: the records that name each other as concurrent. The n-th
attempt for a URL gets what the n-th one kept of it got, in order of time; once there are no more, the last again. What
was asked for in vain and repeated is not in an archive, so only the last of such attempts is found.

Nobody waits for a host that is not asked: delays, Crawl-delay, Retry-After and back-off count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from crawler import content
from crawler.concurrency.threads import in_thread
from crawler.errors import UsageError
from crawler.identity.cookies import CookieJar, set_cookie_fields
from crawler.links.sitemap import MAX_BYTES as SITEMAP_BYTES
from crawler.model import CrawlURL, Exchange, Failure, FailureKind, Kind, MessageSpan, Truncation
from crawler.urls import normalize
from crawler.wire.spool import Spool
from storage import Archive, ArchiveError, Location, ResponseFramer, StoredRecord, dechunk, read_at

NOT_IN_ARCHIVE = "not in the archive"
_ANSWERS = ("response", "revisit", "resource")
_NOT_OF_THE_WIRE = frozenset({FailureKind.TRUNCATED, FailureKind.HOOK, FailureKind.ROBOTS})
"""Failures that follow from an answer or a rule: they will follow again."""


class Attempt(Struct, frozen=True):
    """Where the records of one request lie, by type, in the order of the archive."""

    date: datetime
    places: tuple[tuple[str, Location], ...]


class ArchiveFetcher:
    """Implements `crawler.fetcher.Fetcher`. To be entered with `async with`, which reads through the archive once."""

    def __init__(self, path: str | Path, *, spool_dir: Path) -> None:
        """`path` is anything that storage.Archive opens. Large bodies are spooled to `spool_dir`."""
        self._path, self._spool_dir = Path(path), spool_dir
        self._attempts: dict[str, list[Attempt]] = {}
        self._archive: Archive | None = None
        self.cookies = CookieJar()
        """What the answers set: a redirect that sets a cookie and leads back is followed as it was."""

    async def __aenter__(self) -> Self:
        """Raises UsageError for what cannot be read as an archive."""
        try:
            self._archive = await in_thread(None, Archive.open, self._path)
            self._attempts = await in_thread(None, attempts_in, self._archive.records())
        except (ArchiveError, OSError) as error:
            raise UsageError(f"--from-archive {self._path}: {error}") from error
        if not self._attempts:
            raise UsageError(f"--from-archive {self._path}: holds no record of any URL")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive.close()

    async def fetch(self, url: CrawlURL) -> Exchange:
        """See Fetcher; also raises ArchiveError where the archive cannot be read."""
        attempts = self._attempts.get(url.url)
        if not attempts:
            failure = Failure(FailureKind.NOT_IN_ARCHIVE, NOT_IN_ARCHIVE)
            return Exchange(url.url, datetime.now(UTC), b"", None, None, failure=failure)
        attempt = attempts[min(url.attempt, len(attempts)) - 1]
        exchange = await in_thread(None, self._exchange, url, attempt)
        fields = set_cookie_fields(exchange.headers)
        changed = bool(fields) and self.cookies.receive(exchange.url, fields)
        return replace(exchange, cookies_changed=True) if changed else exchange

    def _exchange(self, url: CrawlURL, attempt: Attempt) -> Exchange:
        records = [read_at(place.source, place.offset, place.skip) for _, place in attempt.places]
        request = next((record for record in records if record.type == "request"), None)
        answers = [record for record in records if record.type in _ANSWERS]
        told = [field for record in records if record.type == "metadata" for field in _fields(record.block)]
        noted = dict(reversed(told))  # the first of each name
        body, framer = self._received(answers, _interim(noted.get("interim", "")))
        first, sent = answers[0] if answers else None, answers[0] if answers else request
        media_type = next((value for name, value in framer.headers if name.lower() == "content-type"), None)
        total = int(noted.get("fetchTimeMs", 0))
        exchange = Exchange(
            url=url.url,
            started=attempt.date,
            request=b"" if request is None else request.block,
            response=body,
            message=_span(framer, body, first),
            status=framer.status,
            http_version={"HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1"}.get((framer.version or "").upper()),
            headers=tuple(framer.headers),
            media_type=content.media_type(media_type),
            truncated=_truncated(first),
            failure=_failure(noted),
            peer=None if sent is None else sent.header.get("WARC-IP-Address"),
            tls=None if sent is None else _tls(sent),
            resent=int(noted.get("resent", 0)),
            redacted=tuple(noted["redacted"].split(", ")) if "redacted" in noted else (),
            verified=noted.get("certificate") != "not verified",
            finished=attempt.date + timedelta(milliseconds=total),
            connect_ms=_number(noted.get("connectTimeMs")),
            first_byte_ms=_number(noted.get("firstByteTimeMs")),
            total_ms=total,
        )
        return replace(exchange, content=self._content(url, exchange, framer))

    def _received(self, answers: list[StoredRecord], interim: bytes) -> tuple[Spool | None, ResponseFramer]:
        """All bytes that came, as far as they are kept, and the HTTP answer in them."""
        framer = ResponseFramer()
        if not answers:
            return None, framer
        body = Spool(self._spool_dir)
        if interim:
            framer.feed(interim)
            body.write(interim)
        for record in answers:
            for piece in record.chunks():
                if record is answers[0]:
                    framer.feed(piece)
                body.write(piece)
            if record.type == "revisit":
                for piece in self._payload(record, framer):
                    framer.feed(piece)
                    body.write(piece)
        if _truncated(answers[0]) is None:
            framer.feed_eof()
        return body, framer

    def _payload(self, record: StoredRecord, framer: ResponseFramer) -> Iterable[bytes]:
        """The body that a revisit refers to, in the framing that its own head announces."""
        assert self._archive is not None
        if framer.head_end is None or framer.status == 304:
            return ()
        capture = self._archive.get(record.url or "", record.date)
        if capture is None or capture.record.id != record.id:
            return ()
        original = ResponseFramer()
        block = capture.payload_record.block
        original.feed(block)
        raw = block[original.head_end or 0 :]
        if framer.chunked == original.chunked:
            return (raw,)
        plain = b"".join(dechunk((raw,))) if original.chunked else raw
        return (b"%x\r\n%b\r\n0\r\n\r\n" % (len(plain), plain),) if framer.chunked else (plain,)

    def _content(self, url: CrawlURL, exchange: Exchange, framer: ResponseFramer) -> bytes:
        """The body for the parsers, as the live fetcher would give it."""
        span, body = exchange.message, exchange.response
        parsed = url.kind is Kind.ROBOTS or content.is_parsed(exchange.media_type)
        limit = SITEMAP_BYTES if url.kind is Kind.SITEMAP else content.CONTENT_LIMIT if parsed else 0
        if span is None or body is None or not limit:
            return b""
        raw = body.read(span.head_end, min(span.end, span.head_end + limit))
        pieces = (lambda: dechunk((raw,))) if span.chunked else (lambda: (raw,))
        return content.decode(pieces, content.codings(framer.headers), limit)


def attempts_in(records: Iterable[StoredRecord]) -> dict[str, list[Attempt]]:
    """The attempts of an archive by URL, in order of time."""
    found: dict[str, list[Attempt]] = {}
    root, group = "", list[StoredRecord]()
    for record in records:
        its_root = record.header.get("WARC-Concurrent-To") or record.id
        if group and its_root != root:
            _enter(found, group)
            group = []
        if record.type != "warcinfo" and record.url is not None:
            root = its_root if not group else root
            group.append(_lean(record))
    if group:
        _enter(found, group)
    for attempts in found.values():
        attempts.sort(key=lambda attempt: attempt.date)
    return found


def _lean(record: StoredRecord) -> StoredRecord:
    """The record without its block, which is read again when it is wanted."""
    return StoredRecord(record.header, record.size, b"", record.location)


def _enter(found: dict[str, list[Attempt]], group: list[StoredRecord]) -> None:
    url = normalize(group[0].url or "")
    if url is not None:
        places = tuple((record.type, record.location) for record in group)
        found.setdefault(url, []).append(Attempt(group[0].date, places))


def _fields(block: bytes) -> list[tuple[str, str]]:
    lines = block.decode("utf-8", "replace").split("\r\n")
    return [(name, value) for name, colon, value in (line.partition(": ") for line in lines) if colon]


def _interim(text: str) -> bytes:
    return text.encode("ascii", "replace").decode("unicode_escape").encode("latin-1", "replace")


def _number(text: str | None) -> int | None:
    return None if text is None or not text.isdigit() else int(text)


def _truncated(answer: StoredRecord | None) -> Truncation | None:
    value = None if answer is None else answer.header.get("WARC-Truncated")
    if value is None:
        return None
    return Truncation(value) if value in set(Truncation) else Truncation.UNSPECIFIED


def _failure(noted: dict[str, str]) -> Failure | None:
    kind = noted.get("failure")
    if kind is None or kind not in set(FailureKind) or FailureKind(kind) in _NOT_OF_THE_WIRE:
        return None
    return Failure(FailureKind(kind), noted.get("reason", kind))


def _tls(answer: StoredRecord) -> tuple[str, str] | None:
    versions = [value for name, value in answer.header.fields if name.lower() == "warc-protocol"]
    version = next((value for value in versions if value.startswith("tls/")), None)
    suite = answer.header.get("WARC-Cipher-Suite")
    return None if version is None or suite is None else (version, suite)


def _span(framer: ResponseFramer, body: Spool | None, first: StoredRecord | None) -> MessageSpan | None:
    if body is None or first is None or first.type == "resource" or not framer.is_http:
        return None
    head_end = body.size if framer.head_end is None else framer.head_end
    end = body.size if framer.message_end is None else min(framer.message_end, body.size)
    return MessageSpan(framer.start, head_end, end, framer.chunked)
