"""What is written is what is read: every record type, any block, any value that a header line can carry."""

from __future__ import annotations

import asyncio
import gzip
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from storage import (
    CorruptArchive,
    DigestAlgorithm,
    DiskFiles,
    HttpPayload,
    InvalidRecord,
    Record,
    RecordType,
    SegmentWriter,
    read_record,
    read_records,
)
from storage.header import decode_header, decode_record
from storage.wire import encode
from tests.support.warc import NOW, WARCINFO, with_archive

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=60).map(str.strip)
VALUES = TEXT.filter(bool)
NAMES = st.from_regex(r"X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple)
IDS = st.uuids().map(lambda uuid: f"<urn:uuid:{uuid}>")
DATES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
URLS = st.one_of(st.just("http://example.com/"), VALUES.map(lambda text: f"http://example.com/{text}"))
BLOCKS = st.binary(max_size=300) | st.sampled_from([b"\r\n\r\n", b"WARC/1.1\r\n\r\n", b"\x1f\x8b\x08", bytes(70_000)])
NEEDED = {
    RecordType.WARCINFO: (("WARC-Filename", "x.warc.gz"),),
    RecordType.REVISIT: (("WARC-Profile", "p"), ("WARC-Payload-Digest", "sha256:00")),
    RecordType.CONTINUATION: (("WARC-Segment-Number", "2"), ("WARC-Segment-Origin-ID", "<urn:uuid:1>")),
}
HEADS = st.sampled_from(
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", False),
        (b"HTTP/1.0 404\n\n", False),
        (b"http/1.1 299 odd\r\nA: b\r\n c\r\n\r\n", False),
    ]
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    type_ = draw(st.sampled_from(RecordType))
    fields = NEEDED.get(type_, ()) + draw(FIELDS)
    target = None if type_ is RecordType.WARCINFO else draw(URLS)
    content_type, payload, block = draw(st.none() | VALUES), None, draw(BLOCKS)
    if type_ is RecordType.RESPONSE and draw(st.booleans()):
        head, chunked = draw(HEADS)
        content_type, block = "application/http;msgtype=response", head + block
        payload = HttpPayload(len(head), chunked)
    return Record(type_, draw(IDS), draw(DATES), block, content_type, target, fields, payload)


@given(records(), st.sampled_from(DigestAlgorithm), st.integers(0, 9))
def test_a_record_comes_back_as_it_was(record: Record, digest: DigestAlgorithm, level: int) -> None:
    member = b"".join(encode(record, digest=digest, level=level).pieces)
    plain = gzip.decompress(member)
    header, start = decode_header(plain)
    assert plain[start + header.content_length :] == b"\r\n\r\n"
    assert decode_record(header, plain[start:-4]) == record


async def write(directory: Path, groups: list[list[Record]]) -> tuple[Path, list[tuple[Record, int, int]]]:
    writer = await SegmentWriter.create(
        with_archive(directory), prefix="p", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO, level=1
    )
    rows = await writer.append(groups[:1]) + await writer.append(groups[1:])
    await writer.close()
    places = [written for row in rows for written in row]
    each = [record for group in groups for record in group]
    return writer.path, [(record, place.offset, place.length) for record, place in zip(each, places, strict=True)]


@settings(max_examples=40)
@given(st.lists(st.lists(records().filter(lambda r: r.type is not RecordType.WARCINFO), max_size=3), max_size=4))
def test_a_segment_comes_back_as_it_was(groups: list[list[Record]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, written = asyncio.run(write(Path(name), groups))
        read = list(read_records(path))
        assert [(r.record, r.offset, r.length) for r in read[1:]] == written
        for record, offset, _ in written:
            assert read_record(path, offset).record == record


def read_all(path: Path) -> CorruptArchive | None:
    try:
        list(read_records(path))
    except CorruptArchive as error:
        return error
    return None


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_the_reader_says_what_is_wrong_and_nothing_else(noise: bytes, at: int, byte: int) -> None:
    """Whatever a file holds, there is either a record or an ArchiveError that says where."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.warc.gz"
        plain = b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x:1>\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
        damaged = plain[:at] + bytes([byte]) + plain[at + 1 :]
        for content in (noise, gzip.compress(noise), gzip.compress(damaged), gzip.compress(damaged) + noise):
            path.write_bytes(content)
            problem = read_all(path)
            assert problem is None or (problem.path, problem.offset is None) == (str(path), False)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_hostile_values_never_make_a_line_of_their_own(name: str, value: str, url: str) -> None:
    record = Record(RecordType.RESOURCE, "<urn:x:1>", NOW, b"", None, url, ((name, value),))
    try:
        member = b"".join(encode(record, digest=DigestAlgorithm.SHA256, level=1).pieces)
    except InvalidRecord:
        return
    header, _ = decode_header(gzip.decompress(member))
    assert [key for key, _ in header.fields] == [
        *("WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Target-URI", name),
        *("WARC-Payload-Digest", "WARC-Block-Digest", "Content-Length"),
    ]
    assert (header.get("WARC-Target-URI"), dict(header.fields)[name]) == (url, value)
