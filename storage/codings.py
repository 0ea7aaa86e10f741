"""What a message body says once its transfer and content codings are taken off, piece by piece in bounded memory.

Nothing here raises for what the bytes hold. A coding that is named but not there is passed over; one that is torn or
damaged gives what came before. Either is noted in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import brotli  # type: ignore[import-untyped]
from zlib_ng import zlib_ng

from storage.chunked import ChunkScanner
from storage.members import GZIP, GzipError
from storage.zstd import ZstdError, decompressor

PIECE = 1 << 20
"""Bytes that one decoded piece holds at most."""

_SLICE = 64 << 10
"""Bytes of input a decoder is given at a time."""

_RAW_DEFLATE = -15
_ERRORS: tuple[type[Exception], ...] = (GzipError, brotli.error, ZstdError)


class _Decoder(Protocol):
    finished: bool
    """True when the coding's own end has been seen."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes add; raises one of _ERRORS."""


def decoded(
    pieces: Iterator[bytes], transfer: Sequence[str], content: Sequence[str], notes: list[str]
) -> Iterator[bytes]:
    """The body without its codings, given in the order of the headers (RFC 9110 section 8.4: the last one applied
    comes last). What was not as it should be is appended to `notes`, in words."""
    for coding in reversed([*content, *transfer]):
        name = coding.strip().lower().removeprefix("x-")
        if name == "chunked":
            pieces = _dechunked(pieces, notes)
        elif name in _DECODERS:
            pieces = _decompressed(pieces, name, _DECODERS[name], notes)
        elif name not in ("", "identity", "none"):
            notes.append(f"the coding {name[:40]!r} is unknown: left as it is")
    return pieces


def _dechunked(pieces: Iterator[bytes], notes: list[str]) -> Iterator[bytes]:
    scanner = ChunkScanner()
    given = False
    first: list[bytes] | None = []  # what came before the end of the first line
    for piece in pieces:
        if first is not None:
            first.append(piece)
            first = None if b"\n" in piece else first
        spans: list[tuple[int, int]] = []
        scanner.scan(piece, 0, spans)
        if scanner.error and not given and not spans:  # it was taken off before it was archived
            notes.append(f"not chunked, though it says so: {scanner.error}")
            yield from first[:-1] if first else ()
            yield piece
            yield from pieces
            return
        for start, stop in spans:
            yield piece[start:stop]
        given = given or bool(spans)
        if scanner.done:
            return
        if scanner.error:
            notes.append(f"the chunks end early: {scanner.error}")
            return
    if first:
        notes.append("not chunked, though it says so: there is no line")
        yield from first
    elif not scanner.last_chunk_seen:
        notes.append("the chunks end early: the last one is missing")


def _decompressed(
    pieces: Iterator[bytes], name: str, make: Callable[[], _Decoder], notes: list[str]
) -> Iterator[bytes]:
    decoder = make()
    taken: list[bytes] | None = []  # what to fall back on, until something has been decoded
    for piece in pieces:
        if taken is not None:
            taken.append(piece)
        try:
            for plain in decoder.decode(piece):
                taken = None
                yield plain
        except _ERRORS as error:
            if taken is None:
                notes.append(f"the {name} coding is damaged: {error}")
                return
            notes.append(f"not in the {name} coding, though it says so: {error}")
            yield from taken
            yield from pieces
            return
    if not decoder.finished and taken != []:
        notes.append(f"the {name} coding ends early")


class _Inflate(Protocol):
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


class _Zlib:
    """gzip (RFC 1952), members one after another; deflate with its header (RFC 1950) or, as some servers mean it,
    without (RFC 1951)."""

    def __init__(self, name: str) -> None:
        self._bits = GZIP if name == "gzip" else 0
        self._inflate = zlib_ng.decompressobj(GZIP) if self._bits else None
        self._first = b""
        self.finished = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            data = self._first = self._first + data
            if len(data) < 2:
                return
            zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0  # RFC 1950 section 2.2
            self._inflate = zlib_ng.decompressobj(15 if zlib else _RAW_DEFLATE)
        while data:
            if self.finished:
                if self._bits != GZIP or data[:1] != b"\x1f":  # what follows is no further member
                    return
                self._inflate, self.finished = zlib_ng.decompressobj(GZIP), False
            part, rest = data[:_SLICE], data[_SLICE:]
            before = self._inflate.copy()  # type: ignore[attr-defined] # missing in its stub
            try:
                plain = self._inflate.decompress(part, PIECE)
            except GzipError:
                yield from _salvaged(before, part)
                raise
            if plain:
                yield plain
            self.finished = self._inflate.eof
            left = self._inflate.unused_data if self.finished else self._inflate.unconsumed_tail
            data = left + rest if left else rest


def _salvaged(inflate: _Inflate, part: bytes) -> Iterator[bytes]:
    """What comes before the damage: the decompressor says nothing of it when it is given all at once."""
    with suppress(GzipError):
        for at in range(len(part)):
            plain = inflate.decompress(part[at : at + 1])
            if plain:
                yield plain


class _Brotli:
    """RFC 7932."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.finished = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _SLICE):
            if self.finished:
                return
            part = data[start : start + _SLICE]
            while True:  # it may hold back output even when it says that it can take more
                plain = self._decoder.process(part, output_buffer_limit=PIECE)
                if plain:
                    yield plain
                self.finished = self._decoder.is_finished()
                if self.finished or (not plain and self._decoder.can_accept_more_data()):
                    break
                part = b""


class _Zstd:
    """RFC 8878, frames one after another."""

    def __init__(self) -> None:
        self._decoder = decompressor()
        self.finished = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data or not self._decoder.needs_input:
            if self._decoder.eof:
                self._decoder = decompressor()
            plain = self._decoder.decompress(data, PIECE)
            if plain:
                yield plain
            self.finished = self._decoder.eof
            data = self._decoder.unused_data if self.finished else b""
            if self.finished and not data:
                return


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": lambda: _Zlib("gzip"),
    "deflate": lambda: _Zlib("deflate"),
    "br": _Brotli,
    "zstd": _Zstd,
}
