"""Bodies without their codings, whole or torn, honest or not; large ones in little memory; text as browsers read it."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest

from storage import Archive, Capture, Record
from tests.support.packed import plain_records, zstd
from tests.support.warc import response

TEXT = b"The quick brown fox. " * 5000
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(TEXT) + RAW.flush()
CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "deflate": zlib.compress(TEXT),
    "DEFLATE": RAW_DEFLATE,
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT[:500]) + zstd.compress(TEXT[500:]),
    "identity": TEXT,
    "gzip, br": brotli.compress(gzip.compress(TEXT)),
}


def chunked(body: bytes, size: int = 1000) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def captured(tmp_path: Path, body: bytes, *headers: str) -> Capture:
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers)) + "\r\n"
    record = response(1, body, head=head.replace("{", "{{").replace("}", "}}"))
    return kept(tmp_path, record)


def kept(tmp_path: Path, record: Record) -> Capture:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(gzip.compress(plain_records([record])[0], 1))
    found = Archive.open(path).get("http://example.com/")
    assert found is not None
    return found


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("framed", [False, True])
def test_a_coded_body(coding: str, framed: bool, tmp_path: Path) -> None:
    body = chunked(CODED[coding]) if framed else CODED[coding]
    found = captured(tmp_path, body, f"Content-Encoding: {coding}", *(["Transfer-Encoding: chunked"] if framed else []))
    assert (found.body, found.decoding_notes) == (TEXT, [])
    with found.open() as stream:
        assert stream.read(10) == TEXT[:10]
        assert stream.read() == TEXT[10:]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_torn_coding_gives_what_is_there(coding: str, tmp_path: Path) -> None:
    found = captured(tmp_path, CODED[coding][:-1], f"Content-Encoding: {coding}")
    assert TEXT.startswith(found.body)
    assert found.decoding_notes == [f"the {coding} coding ends early"]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
def test_a_false_coding_is_left_as_it_is(coding: str, tmp_path: Path) -> None:
    found = captured(tmp_path, b"<html>plain", f"Content-Encoding: {coding}")
    assert found.body == b"<html>plain"
    assert len(found.decoding_notes) == 1
    assert f"not in the {coding} coding" in found.decoding_notes[0]


def test_what_else_may_be_wrong(tmp_path: Path) -> None:
    found = captured(tmp_path, b"<html>", "Transfer-Encoding: chunked")
    assert (found.body, found.decoding_notes[0][:40]) == (b"<html>", "not chunked, though it says so: there is")
    found = captured(tmp_path, b"<html>\n<p>", "Transfer-Encoding: chunked")
    assert (found.body, found.decoding_notes[0][:40]) == (b"<html>\n<p>", "not chunked, though it says so: bad chun")
    found = captured(tmp_path, b"5\r\nhello\r\nxx", "Transfer-Encoding: chunked")
    assert (found.body, found.decoding_notes[0][:20]) == (b"hello", "the chunks end early")
    found = captured(tmp_path, b"abc", "Content-Encoding: rot13")
    assert (found.body, found.decoding_notes) == (b"abc", ["the coding 'rot13' is unknown: left as it is"])
    damaged = bytearray(gzip.compress(bytes(range(256)) * 4000, 0))
    damaged[-6] ^= 1
    found = captured(tmp_path, bytes(damaged), "Content-Encoding: gzip")
    assert found.body == bytes(range(256)) * 4000
    assert found.decoding_notes[0].startswith("the gzip coding is damaged")
    assert captured(tmp_path, b"", "Content-Encoding: gzip").body == b""


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_large_body_streams_in_bounded_memory(coding: str, tmp_path: Path) -> None:
    """Sixty-four MiB come out of a few KiB; no more than a few pieces are ever held."""
    size = 64 << 20
    packed: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress, "br": lambda data: bytes(brotli.compress(data, quality=1)), "zstd": zstd.compress,
    }  # fmt: skip
    found = captured(tmp_path, packed[coding](bytes(size)), f"Content-Encoding: {coding}")
    tracemalloc.start()
    try:
        with found.open() as stream:
            total = 0
            while data := stream.read(1 << 16):
                total += len(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == size
    assert peak < 12 << 20


def test_a_large_record_streams_in_bounded_memory(tmp_path: Path) -> None:
    size = 48 << 20
    found = captured(tmp_path, bytes(size))
    tracemalloc.start()
    try:
        with found.open() as stream:
            assert sum(len(piece) for piece in iter(lambda: stream.read(1 << 16), b"")) == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=iso-8859-1", b"\x80\xe9", "€é"),
        ("text/html; charset=utf-8", "é".encode(), "é"),
        ("text/html", b"\xef\xbb\xbfa", "a"),
        ("text/html; charset=koi8-r", b"\xff\xfea\0", "a"),
        ("text/html", b"<meta charset=koi8-r>\xc1", "<meta charset=koi8-r>а"),
        ("text/html", b"<!-- <meta charset=koi8-r> -->\xe9", "<!-- <meta charset=koi8-r> -->é"),
        ("text/html", b'<meta http-equiv=c content="text/html;charset=utf-16">\xc3\xa9', None),
        ("application/xml", b'<?xml version="1.0" encoding="shift_jis"?>\x82\xa0', None),
        ("text/html", "é".encode(), "é"),
        ("text/html", b"\xe9", "é"),
        ("text/html; charset=nonsense", b"\xe9", "é"),
    ],
)
def test_text_is_in_the_encoding_a_browser_would_choose(
    content_type: str, body: bytes, text: str | None, tmp_path: Path
) -> None:
    found = captured(tmp_path, body, f"Content-Type: {content_type}")
    assert found.text == text if text is not None else found.text[-1] in "éあ"


def test_where_it_redirects(tmp_path: Path) -> None:
    head = "HTTP/1.1 301 Moved\r\nLocation: /b?c\r\n\r\n"
    found = kept(tmp_path, response(1, b"", head=head))
    assert (found.redirect, found.status, found.mime) == ("http://example.com/b?c", 301, "")
    assert captured(tmp_path, b"", "Location: /b").redirect is None
