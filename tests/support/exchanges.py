"""Exchanges as a test needs them: what came back, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from crawler.model import Exchange, Failure, FailureKind, MessageSpan

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


class BytesBody:
    """Received bytes that are held in memory; or, `spooled`, seem to lie in a file."""

    def __init__(self, data: bytes, *, spooled: bool = False) -> None:
        self.data, self.spooled, self.closed = data, spooled, 0

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def in_memory(self) -> int:
        return 0 if self.spooled else len(self.data)

    def read(self, start: int, stop: int) -> bytes:
        return self.data[start:stop]

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        yield self.data[start:stop]

    def close(self) -> None:
        self.closed += 1


def answered(
    status: int = 200, *headers: tuple[str, str], url: str = "http://a.test/", body: bytes = b"hello", **changes: Any
) -> Exchange:
    """A whole HTTP answer; `changes` replace fields of the Exchange."""
    head = f"HTTP/1.1 {status} X\r\n\r\n".encode()
    exchange = Exchange(
        url,
        NOON,
        b"GET / HTTP/1.1\r\n\r\n",
        BytesBody(head + body),
        MessageSpan(0, len(head), len(head) + len(body), False),
        status=status,
        http_version="http/1.1",
        headers=headers,
        content=body,
    )
    return replace(exchange, **changes)


def failed(kind: FailureKind, reason: str = "a reason", **changes: Any) -> Exchange:
    """No answer at all."""
    return replace(Exchange("http://a.test/", NOON, b"", None, None, failure=Failure(kind, reason)), **changes)
