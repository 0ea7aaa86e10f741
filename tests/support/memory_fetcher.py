"""A fetcher without a network: an answer for every URL, made on the spot, in a time that the test decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from crawler.model import CrawlURL, Exchange, Failure, FailureKind, MessageSpan
from crawler.wire.spool import Spool


class MemoryFetcher:
    """Implements `crawler.fetcher.Fetcher`; every host whose name begins with `dead` refuses connections."""

    def __init__(
        self,
        spool_dir: Path,
        *,
        body: Callable[[str], bytes] = str.encode,
        before: Callable[[CrawlURL], Awaitable[object]] | None = None,
    ) -> None:
        """`before` is awaited in each fetch."""
        self._spool_dir, self._body, self._before = spool_dir, body, before
        self.fetched: list[str] = []

    async def fetch(self, url: CrawlURL) -> Exchange:
        now = datetime.now(UTC)
        if self._before is not None:
            await self._before(url)
        self.fetched.append(url.url)
        if "//dead" in url.url:
            refused = Failure(FailureKind.CONNECT, "cannot connect to it: Connection refused")
            return Exchange(url.url, now, b"", None, None, failure=refused, finished=now)
        body = self._body(url.url)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        spool = Spool(self._spool_dir)
        spool.write(head + body)
        return Exchange(
            url.url,
            now,
            f"GET {url.url} HTTP/1.1\r\n\r\n".encode(),
            spool,
            MessageSpan(0, len(head), spool.size, chunked=False),
            status=200,
            http_version="http/1.1",
            headers=(("Content-Type", "text/plain"), ("Content-Length", str(len(body)))),
            media_type="text/plain",
            finished=datetime.now(UTC),
        )
