"""One URL in, one Exchange out: whatever the network or the server does, it ends as a value."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace

from crawler import content
from crawler.concurrency.threads import in_thread, is_shutdown
from crawler.config import CrawlConfig
from crawler.disk import may_pass
from crawler.identity.cookies import CookieJar, set_cookie_fields
from crawler.identity.credentials import Credentials, Presented, redact
from crawler.links.sitemap import MAX_BYTES as SITEMAP_BYTES
from crawler.links.sniffing import DOUBTFUL, SNIFFED, is_html
from crawler.model import CrawlURL, Exchange, Failure, FailureKind, Kind, MessageSpan
from crawler.network.resolver import OverrideResolver, WatchedResolver
from crawler.network.routes import Routes
from crawler.network.session import open_session
from crawler.network.tls import trust
from crawler.rules.types import RULE as MEDIA_TYPE
from crawler.rules.types import type_filter
from crawler.verdict import Verdict, judge
from crawler.wire import CURRENT, Ending, Transcript
from crawler.wire.spool import Spool
from storage import dechunk

_OF_A_TYPE = (Kind.NAVIGATION, Kind.REQUISITE, Kind.GUESS)
_OFF_THREAD = 256 << 10
_PROTOCOLS = {"HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1"}


class Beginning(NamedTuple):
    """When a fetch began: to be told, and to be measured from."""

    time: datetime
    clock: float


class UnwantedType(Exception):
    """The head of an answer says that it is of a media type that is not to be kept."""

    def __init__(self, status: int, media_type: str) -> None:
        super().__init__(media_type)
        self.status, self.media_type = status, media_type


class Fetcher(Protocol):
    """The seam between the crawl and the network."""

    async def fetch(self, url: CrawlURL) -> Exchange:
        """Makes one request. Raises nothing for what the network or the server does, only CancelledError and, when
        the local disk cannot take the response or too many files are open, OSError."""


class HttpFetcher:
    """Fetches over HTTP/1.1 with aiohttp, keeping the exact bytes. To be entered with `async with`.

    Bodies above 1 MiB go to unlinked files in `spool_dir`, which should be on the disk that holds the archive."""

    def __init__(
        self,
        config: CrawlConfig,
        *,
        spool_dir: Path,
        resolver: AbstractResolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        seeds: Sequence[str] | None = None,
    ) -> None:
        """`seeds` are the URLs whose own host and port may be private, by default those of `config`.

        Raises UsageError for a certificate or an authority that cannot be used."""
        self._config = config
        self.cookies = CookieJar()
        """What it sends and receives; empty at first."""
        self._credentials = Credentials(config, self.cookies)
        own = resolver.own if isinstance(resolver, OverrideResolver) else lambda host: None
        self._routes = Routes(config, config.seeds if seeds is None else seeds, own)
        self._context = ssl_context or trust(config)
        self._types = type_filter(config.accept_types, config.reject_types)
        self._spool_dir = spool_dir
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        resolver = WatchedResolver(self._resolver or OverrideResolver(), self._routes.policy.resolved)
        self._session = open_session(self._config, resolver, self._context, self._routes.proxy)
        self._routes.tell()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, url: CrawlURL) -> Exchange:
        """See Fetcher. The response must be closed by whoever uses the Exchange."""
        began = Beginning(datetime.now(UTC), time.monotonic())
        resent = 0
        while True:
            transcript = Transcript(
                Spool(self._spool_dir),
                max_body=self._config.max_body,
                silence=self._config.timeout,
                fresh=resent > 0,  # when one idle connection was dropped, the others most likely were too
            )
            try:
                presented = self._credentials.present(url.url)
                if url.headers:
                    presented = presented.also(url.headers, url.secret)
                if url.conditions:
                    presented = presented.also(url.conditions, ())
                error, expired = await self._exchange(url, transcript, presented)
                if isinstance(error, UnwantedType):
                    transcript.close()
                    return _unwanted(url.url, error, began)
                if (fault := transcript.fault or _own_fault(transcript, error)) is not None:
                    raise fault
                if resent == 0 and _dropped_unanswered(transcript):
                    resent = 1
                    transcript.close()
                    continue
                type_ = content.media_type(_content_type(transcript))
                limit = _limit(url.kind, type_)
                if not limit and type_ in DOUBTFUL and is_html(await _content(transcript, SNIFFED)):
                    limit = content.CONTENT_LIMIT
                parsed = await _content(transcript, limit) if limit else b""
            except BaseException:
                transcript.close()
                raise
            verdict = judge(url.url, transcript, error, expired=expired, timeout=self._config.timeout)
            exchange = _to_exchange(url.url, transcript, verdict, type_, parsed, began, resent)
            return self._finished(exchange, presented)

    def _finished(self, exchange: Exchange, presented: Presented) -> Exchange:
        """The exchange with what concerns identity: cookies taken, credentials masked, the proxy told apart."""
        fields = set_cookie_fields(exchange.headers)
        changed = bool(fields) and self.cookies.receive(exchange.url, fields)
        proxy, plain = self._routes.proxy, exchange.tls is None
        secret = presented.secret
        if proxy is not None and proxy.username and plain:
            secret = (*secret, "proxy-authorization")
        verified = plain or not self._config.insecure
        if not (changed or secret or proxy or not verified):
            return exchange
        request, redacted = exchange.request, exchange.redacted
        if secret and self._config.redact:
            request, redacted = redact(request, secret)
        failure = exchange.failure
        # RFC 9110 section 15.5.8: nobody but a proxy answers so.
        if proxy is not None and plain and exchange.status == 407 and failure is None:
            failure = Failure(FailureKind.CONNECT, "the proxy asks for a user and a password")
        return replace(
            exchange,
            request=request,
            redacted=redacted,
            failure=failure,
            verified=verified,
            cookies_changed=changed,
            peer=None if proxy is not None else exchange.peer,
        )

    async def _exchange(
        self, url: CrawlURL, transcript: Transcript, presented: Presented
    ) -> tuple[Exception | None, bool]:
        """One request on the wire. Returns what aiohttp raised and whether `max_fetch_time` was over."""
        session = self._session
        if session is None:
            raise RuntimeError("the fetcher is not open: use `async with`")
        error: Exception | None = None
        token = CURRENT.set(transcript)
        scope = asyncio.timeout(self._config.max_fetch_time)
        try:
            async with scope:
                try:
                    target, options = self._routes.prepare(url.url, transcript)
                    sent = {**presented.headers, **options.pop("headers", {})}
                    async with session.get(target, allow_redirects=False, headers=sent, **options) as response:
                        self._check_type(url, response)
                        while not response.content.at_eof():
                            await response.content.readany()
                except Exception as caught:  # judged, never dropped: `fetch` turns it into the Exchange's failure
                    if isinstance(caught, RuntimeError) and is_shutdown(caught):
                        raise asyncio.CancelledError from caught  # Python ends: no fault of the URL's
                    error = caught
                if transcript.begun and not isinstance(error, TimeoutError | UnwantedType):
                    await transcript.settled()  # aiohttp may have given up before the message was whole
        except TimeoutError as caught:
            error = error or caught
        finally:
            CURRENT.reset(token)
            transcript.abandon()
        return error, scope.expired()

    def _check_type(self, url: CrawlURL, response: aiohttp.ClientResponse) -> None:
        """Raises UnwantedType for a good answer of a type that is not to be kept. What somebody named is kept."""
        if self._types is None or url.via is None or url.kind not in _OF_A_TYPE or not 200 <= response.status < 300:
            return
        type_ = content.media_type(response.headers.get("Content-Type"))
        if not self._types.keeps(type_):
            raise UnwantedType(response.status, type_ or "")


def _unwanted(url: str, error: UnwantedType, began: Beginning) -> Exchange:
    failure = Failure(FailureKind.TYPE, f"{MEDIA_TYPE} {error.media_type}")
    ms = round((time.monotonic() - began.clock) * 1000)
    return Exchange(
        url, began.time, b"", None, None, status=error.status, media_type=error.media_type, failure=failure, total_ms=ms
    )


def _own_fault(transcript: Transcript, error: Exception | None) -> OSError | None:
    """What kept a connection from being made on this side: that too many files are open is not the host's silence."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return cause if isinstance(cause, OSError) and not transcript.begun and may_pass(cause) else None


def _dropped_unanswered(transcript: Transcript) -> bool:
    """RFC 9112 section 9.3.1: a GET may go out again if a kept-alive connection closes before any byte of an answer."""
    return transcript.reused and not transcript.response.size and transcript.ending in (Ending.CLOSED, Ending.RESET)


def _limit(kind: Kind, type_: str | None) -> int:
    """How much of the body its parser would read; robots.txt and sitemaps are read whatever their type."""
    if kind is Kind.SITEMAP:
        return SITEMAP_BYTES
    return content.CONTENT_LIMIT if kind is Kind.ROBOTS or content.is_parsed(type_) else 0


async def _content(transcript: Transcript, limit: int) -> bytes:
    """The body for the parsers. Raises OSError if the spooled body cannot be read."""
    framer = transcript.framer
    if framer.head_end is None:
        return b""
    body, start = transcript.response, framer.head_end
    stop = body.size if framer.message_end is None else framer.message_end
    raw = body.read(start, min(stop, start + limit))
    applied = content.codings(framer.headers)
    if not framer.chunked and not applied:
        return raw
    if len(raw) <= _OFF_THREAD:
        return _decode(raw, framer.chunked, applied, limit)
    return await in_thread(None, _decode, raw, framer.chunked, applied, limit)


def _decode(raw: bytes, chunked: bool, applied: list[str], limit: int) -> bytes:
    return content.decode(lambda: dechunk((raw,)) if chunked else (raw,), applied, limit)


def _to_exchange(
    url: str, transcript: Transcript, verdict: Verdict, type_: str | None, parsed: bytes, began: Beginning, resent: int
) -> Exchange:
    framer, size = transcript.framer, transcript.response.size
    message = None
    if framer.is_http and size:
        head_end = size if framer.head_end is None else framer.head_end
        end = size if framer.message_end is None else min(framer.message_end, size)
        message = MessageSpan(framer.start, head_end, end, framer.chunked)
    first_byte = transcript.first_byte
    return Exchange(
        url=url,
        started=transcript.started or began.time,
        request=bytes(transcript.request),
        response=transcript.response if size else None,
        message=message,
        status=framer.status,
        http_version=_PROTOCOLS.get((framer.version or "").upper()),
        headers=tuple(framer.headers),
        media_type=type_,
        content=parsed,
        truncated=verdict.truncated,
        failure=verdict.failure,
        peer=transcript.peer,
        tls=transcript.tls,
        resent=resent,
        finished=began.time + timedelta(seconds=time.monotonic() - began.clock),
        connect_ms=None if transcript.reused or not transcript.begun else _ms(transcript.sent_at - began.clock),
        first_byte_ms=None if first_byte is None else _ms(first_byte - began.clock),
        total_ms=_ms(time.monotonic() - began.clock),
    )


def _content_type(transcript: Transcript) -> str | None:
    for name, value in transcript.framer.headers:
        if len(name) == 12 and name.lower() == "content-type":
            return value
    return None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
