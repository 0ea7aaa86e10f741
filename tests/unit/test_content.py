"""Codings undone: whole, torn, false and malicious."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest

from crawler.content import CONTENT_LIMIT, codings, decode, is_parsed, media_type

TEXT = b"<p>Gr\xc3\xbc\xc3\x9fe</p>" * 500


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "members": ("gzip", lambda data: gzip.compress(data[:7]) + gzip.compress(b"") + gzip.compress(data[7:])),
    "padded": ("gzip", lambda data: gzip.compress(data) + bytes(100)),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
}


def undo(data: bytes, *applied: str, size: int = 1000) -> bytes:
    return decode(lambda: (data[at : at + size] for at in range(0, len(data), size)), list(applied))


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize("name", PACKERS)
def test_undoes_what_was_done(name: str, size: int) -> None:
    coding, pack = PACKERS[name]
    assert undo(pack(TEXT), coding, size=size) == TEXT


def test_undoes_several_from_the_last_to_the_first() -> None:
    assert undo(brotli.compress(zlib.compress(gzip.compress(TEXT))), "gzip", "deflate", "br") == TEXT


@pytest.mark.parametrize("applied", [["gzip"], ["deflate"], ["br"], ["smoke"], ["gzip"] * 4, []])
def test_a_false_coding_leaves_the_body_as_it_is(applied: list[str]) -> None:
    assert undo(TEXT, *applied) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw", "br"])
def test_what_is_torn_decodes_as_far_as_it_goes(name: str) -> None:
    coding, pack = PACKERS[name]
    data = random.Random(1952).randbytes(50_000)
    torn = undo(pack(data)[:30_000], coding)
    assert data.startswith(torn)
    assert len(torn) > 20_000


@pytest.mark.parametrize("name", ["gzip", "zlib"])
def test_a_false_check_sum_costs_the_last_bytes_only(name: str) -> None:
    coding, pack = PACKERS[name]
    packed = bytearray(pack(TEXT))
    packed[-9 if name == "gzip" else -1] ^= 1
    packed[-6 if name == "gzip" else -1] ^= 2
    saved = undo(bytes(packed), coding)
    assert TEXT.startswith(saved)
    assert len(saved) > len(TEXT) - 1024


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw", "br"])
def test_a_bomb_is_cut_at_the_limit(name: str) -> None:
    coding, pack = PACKERS[name]
    assert undo(pack(bytes(CONTENT_LIMIT + 100_000)), coding, size=1 << 20) == bytes(CONTENT_LIMIT)


def test_plain_bytes_are_cut_at_the_limit() -> None:
    assert decode(lambda: [b"abc", b"def"], [], limit=4) == b"abcd"


def test_endless_empty_members_end() -> None:
    body = gzip.compress(b"x") + gzip.compress(b"") * 100_000
    assert undo(body, "gzip", size=1 << 20) == b"x"


@pytest.mark.parametrize(
    ("headers", "applied"),
    [
        ([], []),
        ([("content-ENCODING", "X-GZip, br"), ("Content-Encoding", "identity,,deflate")], ["gzip", "br", "deflate"]),
        ([("Transfer-Encoding", "gzip, chunked"), ("Content-Encoding", "br")], ["br", "gzip"]),
    ],
)
def test_codings(headers: list[tuple[str, str]], applied: list[str]) -> None:
    assert codings(headers) == applied


@pytest.mark.parametrize(
    ("value", "essence", "parsed"),
    [
        (None, None, True),
        ("Text/HTML; charset=x", "text/html", True),
        (" application/atom+xml ", "application/atom+xml", True),
        ("image/png", "image/png", False),
        ("text/plain", "text/plain", False),
        ("html", None, True),
        ("text/", None, True),
        ("text/ht\r\nml", None, True),
        ("text/html\0", None, True),
    ],
)
def test_media_types(value: str | None, essence: str | None, parsed: bool) -> None:
    assert media_type(value) == essence
    assert is_parsed(media_type(value)) is parsed


def test_brotli_that_holds_back_output_gives_all_of_it() -> None:
    """Much comes out of little: the decoder says that it can take more while it still has some to give."""
    assert len(undo(brotli.compress(bytes(4 << 20), quality=1), "br", size=1 << 16)) == 4 << 20
