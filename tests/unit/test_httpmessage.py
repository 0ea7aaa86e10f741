"""Framing, told from bytes: each message whole, byte by byte, in random pieces, and with trailing data."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.chunked import LINE_LIMIT
from storage.httpmessage import HEAD_LIMIT, Framing, ResponseFramer, dechunk, parse_head

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

WHOLE: dict[str, tuple[bytes, bytes, Framing]] = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello", Framing.LENGTH),
    "length zero": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", Framing.LENGTH),
    "length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2, 2\r\n\r\n", b"hi", Framing.LENGTH),
    "chunked": (CHUNKED_HEAD, b"5\r\nhello\r\n0\r\n\r\n", Framing.CHUNKED),
    "extensions": (CHUNKED_HEAD, b'05 ;a="\xff"\r\nhello\r\nA\r\n0123456789\r\n000;x\r\n\r\n', Framing.CHUNKED),
    "trailers": (CHUNKED_HEAD, b"1\r\n\n\r\n0\r\nA: b\r\nC: d\r\n\r\n", Framing.CHUNKED),
    "bare lf": (CHUNKED_HEAD.replace(b"\r", b""), b"5\nhello\n0\nA: b\n\n", Framing.CHUNKED),
    "length and chunked": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: Chunked\r\n\r\n",
        b"1\r\nx\r\n0\r\n\r\n",
        Framing.CHUNKED,
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"", Framing.NONE),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b"", Framing.NONE),
    "switching": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"", Framing.NONE),
    "three line ends": (b"HTTP/1.1 204 No Content\r\n\n", b"", Framing.NONE),
    "mixed line ends": (b"http/1.1 200\nA: b\r\nContent-Length:2\n\r\n", b"\r\n", Framing.LENGTH),
}
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1  103 Early Hints\r\nLink: </a>\r\n\r\n"


def feed(framer: ResponseFramer, data: bytes, size: int) -> ResponseFramer:
    for at in range(0, len(data), size):
        framer.feed(data[at : at + size])
    return framer


@pytest.mark.parametrize("surplus", [b"", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\0"])
@pytest.mark.parametrize("before", [b"", b"\r\n", INTERIM])
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_ends_where_the_message_ends(name: str, before: bytes, surplus: bytes, size: int) -> None:
    head, body, framing = WHOLE[name]
    framer = feed(ResponseFramer("GET"), before + head + body + surplus, size)
    assert framer.is_http is True
    assert framer.complete
    assert framer.error == ""
    assert framer.start == len(before)
    assert framer.head_end == len(before) + len(head)
    assert framer.message_end == len(before) + len(head) + len(body)
    assert framer.framing is framing
    assert framer.received == len(before + head + body + surplus)


@pytest.mark.parametrize("name", WHOLE)
def test_is_not_complete_one_byte_early(name: str) -> None:
    head, body, _ = WHOLE[name]
    framer = ResponseFramer("GET")
    framer.feed((head + body)[:-1])
    assert not framer.complete
    assert framer.message_end is None
    framer.feed((head + body)[-1:])
    assert framer.complete


def test_close_delimited_ends_at_eof_only() -> None:
    for head in (b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"):
        framer = ResponseFramer("GET")
        framer.feed(head + b"hello")
        assert (framer.complete, framer.framing) == (False, Framing.CLOSE)
        framer.feed_eof()
        assert (framer.complete, framer.message_end) == (True, len(head) + 5)


def test_eof_completes_nothing_else() -> None:
    torn_length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"
    for torn in (torn_length, CHUNKED_HEAD + b"5\r\nhello\r\n", b"HTTP/1.1 200"):
        framer = ResponseFramer("GET")
        framer.feed(torn)
        framer.feed_eof()
        assert not framer.complete
        assert framer.is_http


def test_eof_after_the_last_chunk_completes() -> None:
    """RFC 9112 section 8: only a missing zero-sized chunk makes a chunked body incomplete."""
    framer = ResponseFramer("GET")
    framer.feed(CHUNKED_HEAD + b"1\r\nx\r\n0\r\n")
    assert not framer.complete
    framer.feed_eof()
    assert framer.complete


def test_the_answer_to_head_has_no_body() -> None:
    framer = ResponseFramer("HEAD")
    framer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    assert (framer.complete, framer.framing) == (True, Framing.NONE)


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"<html>", b"\r\nHTML/", b"\0", b"ICY 200 OK\r\n\r\n", b"HTTQ"])
@pytest.mark.parametrize("size", [1, 100])
def test_other_protocols_are_not_http(data: bytes, size: int) -> None:
    framer = feed(ResponseFramer("GET"), data, size)
    assert framer.is_http is False
    assert framer.error
    assert (framer.start, framer.head_end, framer.status) == (0, None, None)


def test_too_few_bytes_to_know() -> None:
    framer = ResponseFramer("GET")
    framer.feed(b"\r\nHtT")
    assert framer.is_http is None
    framer.feed_eof()
    assert framer.is_http is False


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "differs"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "differs"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "no number"),
        (b"HTTP/1.1 1000 OK\r\n\r\n", "status"),
        (b"HTTP/1.1 OK\r\n\r\n", "status"),
        (b"HTTP/1.1\r\n\r\n", "status"),
        (CHUNKED_HEAD + b"x\r\n", "chunk size"),
        (CHUNKED_HEAD + b"0x5\r\n", "chunk size"),
        (CHUNKED_HEAD + b"1_0\r\n", "chunk size"),
        (CHUNKED_HEAD + b"11112222333344445\r\n", "chunk size"),
        (CHUNKED_HEAD + b"\r\n", "chunk size"),
        (CHUNKED_HEAD + b"5\r\nhello!\r\n", "line end"),
        (CHUNKED_HEAD + b"5;" + b"x" * LINE_LIMIT, "too long"),
        (CHUNKED_HEAD + b"0\r\n" + b"A: b\r\n" * LINE_LIMIT, "too long"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * HEAD_LIMIT, "did not end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * (HEAD_LIMIT // 20), "did not end"),
    ],
)
@pytest.mark.parametrize("size", [4096, 1 << 30])
def test_says_why_the_framing_is_invalid(head: bytes, problem: str, size: int) -> None:
    framer = feed(ResponseFramer("GET"), head, size)
    framer.feed_eof()
    assert problem in framer.error
    assert framer.is_http
    assert not framer.complete
    assert framer.message_end is None


def test_parse_head_reads_what_can_be_read() -> None:
    head = parse_head(
        b"HTTP/1.1 404  Not \xe9 Found \r\nA: 1\r\nno field\r\n B :\t2 \r\n"
        b"C:\r\n folded\r\n\tmore \r\na: 3:4\r\n: nameless\r\nNul: a\0b\r\n\r\n"
    )
    assert head.status == 404
    assert head.reason == "Not é Found"
    assert head.version == "HTTP/1.1"
    # a line that begins with white space continues the one before it, whatever it looks like
    assert head.headers == [
        ("A", "1 B :\t2"),
        ("C", "folded more"),
        ("a", "3:4"),
        ("", "nameless"),
        ("Nul", "a\0b"),
    ]


@pytest.mark.parametrize(
    ("line", "status", "reason", "version"),
    [
        (b"HTTP/1.1 200", 200, "", "HTTP/1.1"),
        (b"HTTP/1.0 200 ", 200, "", "HTTP/1.0"),
        (b"http/1.1\t200\tYes", 200, "Yes", "http/1.1"),
        (b"HTTP/2 999 X", 999, "X", "HTTP/2"),
        (b"HTTP/1.1 200OK", 200, "OK", "HTTP/1.1"),
        (b"HTTP/one 200 OK", 200, "OK", None),
        (b"HTTP/1.1 20 OK", None, "", "HTTP/1.1"),
        (b"HTTP/1.1 2000 OK", None, "", "HTTP/1.1"),
        (b"", None, "", None),
    ],
)
def test_status_lines(line: bytes, status: int | None, reason: str, version: str | None) -> None:
    assert parse_head(line + b"\r\n\r\n")[:3] == (status, reason, version)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.randoms(use_true_random=False))
def test_dechunk_gives_the_payload_in_any_pieces(chunks: list[bytes], rng: random.Random) -> None:
    body = b"".join(b"%X;e\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nT: t\r\n\r\n"
    payload = b"".join(chunks)
    assert b"".join(dechunk(pieces(body + b"surplus", rng))) == payload
    torn = body[: rng.randrange(len(body) + 1)]
    assert payload.startswith(b"".join(dechunk(pieces(torn, rng))))
    framer = ResponseFramer("GET")
    for piece in pieces(CHUNKED_HEAD + body + b"surplus", rng):
        framer.feed(piece)
    assert framer.message_end == len(CHUNKED_HEAD) + len(body)


@given(st.binary(max_size=200), st.randoms(use_true_random=False))
def test_any_bytes_mean_the_same_in_any_pieces(data: bytes, rng: random.Random) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED_HEAD):
        whole, split = ResponseFramer("GET"), ResponseFramer("GET")
        whole.feed(start + data)
        for piece in pieces(start + data, rng):
            split.feed(piece)
        for framer in (whole, split):
            framer.feed_eof()
        for name in ("is_http", "start", "head_end", "message_end", "status", "headers", "framing", "complete"):
            assert getattr(whole, name) == getattr(split, name), name
        assert bool(whole.error) == bool(split.error)


def test_dechunk_stops_at_the_first_bad_size() -> None:
    assert list(dechunk([b"2\r\nab\r\nzz\r\ncd\r\n0\r\n\r\n"])) == [b"ab"]
    assert list(dechunk([b"3\r\nab", b"c", b"\r\n"])) == [b"ab", b"c"]


def test_keeps_no_body() -> None:
    framer = ResponseFramer("GET")
    framer.feed(CHUNKED_HEAD + b"FFFFFFFF\r\n")
    for _ in range(64):
        framer.feed(bytes(1 << 16))
    held = [getattr(framer, name) for name in ResponseFramer.__slots__]
    assert sum(len(value) for value in held if isinstance(value, bytes | bytearray | str)) < 100


def pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        stop = at + rng.randint(1, 1 + len(data) // 3)
        yield data[at:stop]
        at = stop
