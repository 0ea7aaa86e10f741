"""The payload of a response that was received whole or in part, from the bytes as they came."""

from __future__ import annotations

from collections.abc import Iterator

from crawler.model import Exchange
from storage import dechunk


def payload(exchange: Exchange) -> Iterator[bytes]:
    """The body without its framing, content codings still applied, in pieces; nothing where there is no message.

    Raises OSError if a spooled body cannot be read."""
    span = exchange.message
    if exchange.response is None or span is None:
        return iter(())
    pieces = exchange.response.chunks(span.head_end, span.end)
    return dechunk(pieces) if span.chunked else pieces
