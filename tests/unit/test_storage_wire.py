"""What a written record looks like: the grammar of WARC 1.1, and that nothing can break out of a header line."""

from __future__ import annotations

import hashlib
import re
import zlib
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from storage import Block, DigestAlgorithm, HttpPayload, InvalidRecord, Record, RecordType, payload_digest
from storage.wire import ONE_SHOT, encode, warc_date
from tests.support.warc import NOW, record_id, response

# WARC 1.1 section 4, written out independently of the encoder: version CRLF *named-field CRLF block CRLF CRLF
SEPARATORS = re.escape('()<>@,;:\\"/[]?={} \t')
NAMED_FIELD = rf"[^\x00-\x1f\x7f-\xff{SEPARATORS}]+: [^\x00-\x1f\x7f ][^\x00-\x1f\x7f]*\r\n"
RECORD = re.compile(rf"WARC/1\.1\r\n((?:{NAMED_FIELD})+)\r\n(.*)\r\n\r\n".encode("latin-1"), re.DOTALL)


def written(record: Record, digest: DigestAlgorithm = DigestAlgorithm.SHA256, level: int = 6) -> bytes:
    return zlib.decompress(b"".join(encode(record, digest=digest, level=level).pieces), 31)


def parse(plain: bytes) -> tuple[list[tuple[str, str]], bytes]:
    matched = RECORD.fullmatch(plain)
    assert matched is not None, plain[:500]
    fields = [line.split(": ", 1) for line in matched[1].decode().split("\r\n")[:-1]]
    return [(name, value) for name, value in fields], matched[2]


@dataclass(frozen=True)
class Pieces:
    """A Block of given pieces; `size` may lie."""

    pieces: tuple[bytes, ...]
    lie: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces)) + self.lie

    def chunks(self) -> Iterator[bytes]:
        yield from self.pieces


def test_a_response_to_the_last_byte() -> None:
    record = msgspec.structs.replace(response(1, b"body"), fields=(("WARC-IP-Address", "192.0.2.1"),))
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 4\r\n\r\nbody"
    expected = (
        "WARC/1.1\r\n"
        "WARC-Type: response\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>\r\n"
        "WARC-Date: 2026-01-02T03:04:05.678901Z\r\n"
        "WARC-Target-URI: http://example.com/\r\n"
        "WARC-IP-Address: 192.0.2.1\r\n"
        f"WARC-Payload-Digest: sha256:{hashlib.sha256(b'body').hexdigest()}\r\n"
        f"WARC-Block-Digest: sha256:{hashlib.sha256(block).hexdigest()}\r\n"
        "Content-Type: application/http;msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n"
        "\r\n"
    ).encode() + block + b"\r\n\r\n"  # fmt: skip
    assert written(record) == expected


@pytest.mark.parametrize("type_", list(RecordType))
def test_every_type_keeps_the_grammar(type_: RecordType) -> None:
    extra = {
        RecordType.REVISIT: (("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),),
        RecordType.CONTINUATION: (("WARC-Segment-Number", "2"), ("WARC-Segment-Origin-ID", record_id(9))),
        RecordType.WARCINFO: (("WARC-Filename", "a.warc.gz"),),
    }.get(type_, ())
    target = None if type_ is RecordType.WARCINFO else "http://example.com/"
    fields, block = parse(written(Record(type_, record_id(1), NOW, b"\r\n\r\nx\r\n\r\n", "text/plain", target, extra)))
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
    assert {"WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length"} <= set(names)
    assert (block, dict(fields)["Content-Length"]) == (b"\r\n\r\nx\r\n\r\n", "9")
    assert dict(fields)["WARC-Type"] == type_.value


def test_sha1_is_base32() -> None:
    fields = dict(parse(written(response(1, b"body"), DigestAlgorithm.SHA1))[0])
    assert fields["WARC-Payload-Digest"] == "sha1:" + b32encode(hashlib.sha1(b"body").digest()).decode()
    assert fields["WARC-Block-Digest"].startswith("sha1:")


CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: 1\r\n\r\n", b"hello!"),
        (b"5\r\nhello\r\n6\r\nto", b"helloto"),
        (b"", b""),
        (b"5\r\nhello\r\nno size", b"hello"),
    ],
)
def test_the_payload_of_a_chunked_body_is_what_it_carries(body: bytes, payload: bytes) -> None:
    record = response(1, body, head=CHUNKED)
    expected = f"sha256:{hashlib.sha256(payload).hexdigest()}"
    assert dict(parse(written(record))[0])["WARC-Payload-Digest"] == expected
    assert isinstance(record.block, bytes)
    assert record.payload is not None
    for size in (1, 3, 1000):
        pieces = tuple(record.block[start : start + size] for start in range(0, len(record.block), size))
        assert payload_digest(Pieces(pieces), record.payload, DigestAlgorithm.SHA256) == expected
        streamed = encode(msgspec.structs.replace(record, block=Pieces(pieces)), digest=DigestAlgorithm.SHA256, level=1)
        in_memory = encode(record, digest=DigestAlgorithm.SHA256, level=1)
        assert (streamed.block_digest, streamed.payload_digest) == (in_memory.block_digest, expected)


def test_a_block_out_of_memory_is_written_like_one_in_memory() -> None:
    body = bytes(range(256)) * 20_000
    record = response(1, body)
    assert isinstance(record.block, bytes)
    pieces = tuple(record.block[start : start + 100_000] for start in range(0, len(record.block), 100_000))
    streamed = msgspec.structs.replace(record, block=Pieces(pieces))
    assert len(record.block) > ONE_SHOT
    assert written(streamed) == written(record)
    assert parse(written(streamed))[1] == record.block


@pytest.mark.parametrize("lie", [-1, 1])
def test_a_block_that_breaks_its_promise_is_refused(lie: int) -> None:
    record = Record(RecordType.RESOURCE, record_id(1), NOW, Pieces((b"abc",), lie), "text/plain", "http://a/")
    with pytest.raises(InvalidRecord, match="promised"):
        written(record)


def test_the_same_record_gives_the_same_bytes() -> None:
    once, again = (list(encode(response(1), digest=DigestAlgorithm.SHA256, level=6).pieces) for _ in range(2))
    assert once == again
    assert once[0][:10] == b"\x1f\x8b\x08\0\0\0\0\0" + once[0][8:10], "no flags, no name, no time"


def test_the_payload_of_a_resource_is_its_block() -> None:
    record = Record(RecordType.RESOURCE, record_id(1), NOW, b"bytes", "application/octet-stream", "http://a/")
    fields = dict(parse(written(record))[0])
    assert fields["WARC-Payload-Digest"] == fields["WARC-Block-Digest"]


def test_a_revisit_names_the_digest_of_the_payload_it_does_not_hold() -> None:
    fields = (("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/x"), ("WARC-Payload-Digest", "sha256:00"))
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    record = Record(RecordType.REVISIT, record_id(1), NOW, head, "application/http", "http://a/", fields)
    assert encode(record, digest=DigestAlgorithm.SHA256, level=6).payload_digest == "sha256:00"
    assert dict(parse(written(record))[0])["WARC-Payload-Digest"] == "sha256:00"


CONTROLS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\t"]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize("place", ["id", "target_uri", "content_type", "value", "name"])
def test_no_control_character_reaches_a_header_line(place: str, control: str) -> None:
    hostile = f"http://a/{control}WARC-Type: warcinfo"
    record = response(1)
    if place == "value":
        record = msgspec.structs.replace(record, fields=(("WARC-IP-Address", hostile),))
    elif place == "name":
        record = msgspec.structs.replace(record, fields=((f"X{control}Y", "1"),))
    else:
        change: dict[str, str] = {place: f"<{hostile}>" if place == "id" else hostile}
        record = msgspec.structs.replace(record, **change)
    with pytest.raises(InvalidRecord):
        encode(record, digest=DigestAlgorithm.SHA256, level=6)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "urn:uuid:1"},
        {"id": "<urn uuid>"},
        {"id": ""},
        {"target_uri": None},
        {"target_uri": " http://a/"},
        {"target_uri": "http://a/\ud800"},
        {"date": datetime(2026, 1, 2)},
        {"date": NOW.astimezone(timezone(timedelta(hours=1)))},
        {"fields": (("Content-Length", "1"),)},
        {"fields": (("warc-TYPE", "response"),)},
        {"fields": (("WARC-Block-Digest", "sha256:0"),)},
        {"fields": (("WARC-Payload-Digest", "sha256:0"),)},
        {"fields": (("WARC-Filename", "x"),)},
        {"fields": (("", "x"),)},
        {"fields": (("A B", "x"),)},
        {"fields": (("A:", "x"),)},
        {"fields": (("A", "x "),)},
        {"fields": (("A", "\u00a0x"),)},
        {"type": RecordType.REVISIT},
        {"type": RecordType.CONTINUATION},
        {"type": RecordType.WARCINFO},
    ],
    ids=str,
)
def test_what_the_standard_forbids_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRecord):
        encode(msgspec.structs.replace(response(1), **change), digest=DigestAlgorithm.SHA256, level=6)


@pytest.mark.parametrize("value", ["http://a/é", "http://a/\ue000", "http://a/a\u00a0b", "", "a: b", "<x>"])
def test_odd_but_harmless_values_are_written(value: str) -> None:
    record = msgspec.structs.replace(response(1), fields=(("X-Note", value),))
    plain = written(record)
    assert f"\r\nX-Note: {value}\r\n".encode() in plain


def test_dates_have_microseconds() -> None:
    assert warc_date(NOW.replace(microsecond=0)) == "2026-01-02T03:04:05.000000Z"
    assert warc_date(NOW.replace(year=1)) == "0001-01-02T03:04:05.678901Z"


def test_blocks_may_hold_anything_even_records() -> None:
    inner = written(response(1, b"x"))
    outer = Record(RecordType.RESOURCE, record_id(2), NOW, inner * 3, "application/warc", "http://a/")
    assert parse(written(outer))[1] == inner * 3


def test_a_payload_begins_where_the_head_ends() -> None:
    block: bytes | Block = b"HTTP/1.1 200 OK\r\n\r\nbody"
    assert payload_digest(block, HttpPayload(19, False), DigestAlgorithm.SHA256).endswith(
        hashlib.sha256(b"body").hexdigest()
    )
