"""The body as its media type means it: transfer and content codings undone, within bounds."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import brotli  # type: ignore[import-untyped]
from zlib_ng import zlib_ng

from crawler.mediatypes import Format, format_of

CONTENT_LIMIT = 16 << 20
"""Most bytes that are ever handed to a parser; what decodes to more is cut there."""

CODINGS = ("gzip", "deflate", "br")
"""What a request may offer in Accept-Encoding."""

_ESSENCE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")  # tokens, RFC 9110 section 5.6.2
_SLICE = 64 << 10
_STEP = 512
_MAX_LAYERS = 3
_MAX_MEMBERS = 1024  # gzip members; a body of many empty ones costs time without ever reaching the size limit

Headers = Iterable[tuple[str, str]]


class _Undecodable(Exception):
    """The bytes are not, or no longer, in the coding they claim."""


def media_type(value: str | None) -> str | None:
    """The essence of a Content-Type in lower case (WHATWG MIME Sniffing, section 4.4); None if it has none."""
    if value is None:
        return None
    essence = value.partition(";")[0].strip().lower()
    return essence if _ESSENCE.fullmatch(essence) else None


def charset_of(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type, without quotes."""
    if content_type is None or "charset" not in content_type.lower():
        return None
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'") or None
    return None


def is_parsed(type_: str | None) -> bool:
    """True for the media types in whose content links are looked for, and for a missing one.

    A PDF is read from where it is spooled."""
    return format_of(type_) not in (None, Format.PDF)


def codings(headers: Headers) -> list[str]:
    """The codings of the body in the order they were applied, `chunked` and `identity` left out."""
    content: list[str] = []
    transfer: list[str] = []
    for name, value in headers:
        size = len(name)
        if size == 16 and name.lower() == "content-encoding":
            content += value.lower().split(",")
        elif size == 17 and name.lower() == "transfer-encoding":  # RFC 9112 section 6.1: applied after the others
            transfer += value.lower().split(",")
    names = (name.strip().removeprefix("x-") for name in content + transfer)
    return [name for name in names if name not in ("", "identity", "chunked")]


def decode(pieces: Callable[[], Iterable[bytes]], applied: list[str], limit: int = CONTENT_LIMIT) -> bytes:
    """Undoes `applied` on the de-chunked body that `pieces()` gives, keeping at most `limit` bytes of the result.

    What is torn or false decodes as far as it goes; if nothing comes of it, the body is taken as it is."""
    if not applied or len(applied) > _MAX_LAYERS or any(name not in _DECODERS for name in applied):
        return _collect(pieces(), limit)
    try:
        decoded = _collect(_layers(pieces(), applied, limit, limit + 1), limit)
    except _Undecodable:
        # A decompressor that meets an error gives nothing of that call: small steps save all but the last one.
        decoded = _collect(_until_undecodable(_layers(pieces(), applied, limit, _STEP)), limit)
    return decoded or _collect(pieces(), limit)


def _layers(pieces: Iterable[bytes], applied: list[str], limit: int, step: int) -> Iterator[bytes]:
    stream = iter(pieces)
    for name in reversed(applied):
        stream = _DECODERS[name](_sliced(stream), limit, step)
    return stream


def _until_undecodable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with contextlib.suppress(_Undecodable):
        yield from pieces


def _collect(pieces: Iterable[bytes], limit: int) -> bytes:
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        kept.append(piece[: limit - size])
        size += len(kept[-1])
        if size >= limit:
            break
    return kept[0] if len(kept) == 1 else b"".join(kept)


def _sliced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Small pieces: a decompressor copies what it did not use, again and again."""
    for piece in pieces:
        if len(piece) <= _SLICE:
            yield piece
        else:
            for at in range(0, len(piece), _SLICE):
                yield piece[at : at + _SLICE]


def _gunzip(pieces: Iterator[bytes], limit: int, step: int) -> Iterator[bytes]:
    """RFC 1952; several members in a row are one body (section 2.2), anything else after a member is ignored."""
    return _zlib(pieces, zlib_ng.MAX_WBITS | 16, limit, step, members=_MAX_MEMBERS)


def _inflate(pieces: Iterator[bytes], limit: int, step: int) -> Iterator[bytes]:
    """RFC 9110 section 8.4.1.2 means zlib by `deflate`; many servers send the bare deflate stream, so both are read."""
    first = b""
    for piece in pieces:
        first += piece
        if len(first) >= 2:
            break
    # RFC 1950 section 2.2: method 8, and a header that is a multiple of 31
    is_zlib = len(first) >= 2 and first[0] & 0x0F == 8 and int.from_bytes(first[:2], "big") % 31 == 0
    wbits = zlib_ng.MAX_WBITS if is_zlib else -zlib_ng.MAX_WBITS
    return _zlib(chain((first,), pieces), wbits, limit, step, members=1)


def _zlib(pieces: Iterable[bytes], wbits: int, limit: int, step: int, *, members: int) -> Iterator[bytes]:
    decoder = zlib_ng.decompressobj(wbits)
    size = 0
    for piece in pieces:
        data = piece
        while data and size <= limit:
            if decoder.eof:
                members -= 1
                if members <= 0 or (wbits > zlib_ng.MAX_WBITS and data[:1] != b"\x1f"):
                    return
                decoder = zlib_ng.decompressobj(wbits)
            try:
                plain = decoder.decompress(data, step)
            except zlib_ng.error as error:  # type: ignore[misc]
                raise _Undecodable from error
            size += len(plain)
            yield plain
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail


def _unbrotli(pieces: Iterator[bytes], limit: int, step: int) -> Iterator[bytes]:
    """RFC 7932."""
    decoder = brotli.Decompressor()
    size = 0
    for piece in pieces:
        data = piece
        while size <= limit and not decoder.is_finished():
            try:
                plain = decoder.process(data, output_buffer_limit=min(step, _SLICE))
            except brotli.error as error:
                raise _Undecodable from error
            size += len(plain)
            yield plain
            if not plain and decoder.can_accept_more_data():  # it may hold back output and still take more
                break
            data = b""


_DECODERS: dict[str, Callable[[Iterator[bytes], int, int], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
}
