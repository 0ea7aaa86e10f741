"""Reading back: by this project's strict reader, and by warcio and FastWARC as witnesses that share no code with it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import fastwarc.warc
import pytest
from warcio.archiveiterator import ArchiveIterator

from storage import CorruptArchive, DigestAlgorithm, DiskFiles, Record, SegmentWriter, read_record, read_records
from storage.members import scan
from tests.support.warc import NOW, WARCINFO, capture, members, response, with_archive

CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def segment(
    directory: Path, groups: list[list[Record]], digest: DigestAlgorithm = DigestAlgorithm.SHA256
) -> Path:
    writer = await SegmentWriter.create(
        with_archive(directory), prefix="test", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO, digest=digest
    )
    await writer.append(groups)
    await writer.close()
    return writer.path


def some_groups() -> list[list[Record]]:
    return [
        capture(1, b"one"),
        capture(2, bytes(range(256)) * 9000),
        [response(900, gzip.compress(b"WARC/1.1\r\n" * 30))],
        [response(901, b"")],
    ]


@pytest.mark.parametrize("digest", list(DigestAlgorithm))
async def test_warcio_reads_every_record_with_its_digests(tmp_path: Path, digest: DigestAlgorithm) -> None:
    groups = some_groups()
    path = await segment(tmp_path, groups, digest)
    expected = [record for group in groups for record in group]
    with path.open("rb") as stream:
        records = ArchiveIterator(stream, no_record_parse=True)
        assert next(records).content_stream().read() == WARCINFO
        for record, written in zip(records, expected, strict=True):
            assert record.raw_stream.read() == written.block
            assert record.rec_headers.get_header("WARC-Record-ID") == written.id
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, check_digests=True):  # now with HTTP taken apart
            record.content_stream().read()
            assert record.digest_checker.passed is True, record.digest_checker.problems


@pytest.mark.parametrize("digest", list(DigestAlgorithm))
async def test_fastwarc_reads_every_record_with_its_digests(tmp_path: Path, digest: DigestAlgorithm) -> None:
    groups = some_groups()
    path = await segment(tmp_path, groups, digest)
    expected = [record for group in groups for record in group]
    with path.open("rb") as stream:
        found = 0
        for record in fastwarc.warc.ArchiveIterator(stream, parse_http=False):
            assert record.verify_block_digest(consume=False)
            block = record.reader.read()
            assert block == (expected[found - 1].block if found else WARCINFO)
            found += 1
    assert found == len(expected) + 1
    with path.open("rb") as stream:
        responses = 0
        for record in fastwarc.warc.ArchiveIterator(stream, fastwarc.warc.response, parse_http=True):
            assert record.verify_payload_digest()
            responses += 1
    assert responses == 4


async def test_a_chunked_body_reads_the_same_everywhere(tmp_path: Path) -> None:
    body = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"
    path = await segment(tmp_path, [[response(1, body, head=CHUNKED)]])
    with path.open("rb") as stream:
        contents = [record.content_stream().read() for record in ArchiveIterator(stream)]
    assert contents == [WARCINFO, b"hello!"]
    read = list(read_records(path))[1]
    assert read.block.endswith(body)
    assert read.record.payload is not None
    assert read.record.payload.chunked


async def test_read_record_finds_each_by_its_offset(tmp_path: Path) -> None:
    groups = some_groups()
    path = await segment(tmp_path, groups)
    expected = [record for group in groups for record in group]
    offsets = [offset for offset, _, _ in members(path)]
    for offset, record in zip(offsets[1:], expected, strict=True):
        read = read_record(path, offset)
        assert (read.offset, read.block) == (offset, record.block)
        assert read.record.fields == record.fields
    assert [read.offset for read in read_records(path, offsets[2], offsets[4])] == offsets[2:4]


async def test_a_torn_file_is_told_at_every_byte(tmp_path: Path) -> None:
    path = await segment(tmp_path, [capture(1, b"one")])
    data = path.read_bytes()
    last = [offset for offset, _, _ in members(path)][-1]
    torn = tmp_path / "torn.warc.gz"
    for length in range(last + 1, len(data)):
        torn.write_bytes(data[:length])
        with pytest.raises(CorruptArchive) as caught:
            list(read_records(torn))
        assert (caught.value.path, caught.value.offset) == (str(torn), last)
        with pytest.raises(CorruptArchive):
            scan(torn, length)
    torn.write_bytes(data[:last])
    assert len(list(read_records(torn))) == 3
    assert scan(torn, last).records == 3
    with pytest.raises(CorruptArchive, match="shorter"):
        scan(torn, last + 1)


def deflates_to_the_same(data: bytes, whole: list[tuple[int, bytes, bytes]], at: int) -> bool:
    """Whether `at` lies in a member's deflate stream, and what was written there means the same: the bits that fill up
    its last byte, or the length of a code that no symbol uses. Another decompressor judges."""
    for offset, compressed, plain in whole:
        if offset + 10 <= at < offset + len(compressed) - 8:
            inflate = zlib.decompressobj(31)
            return inflate.decompress(data[offset : offset + len(compressed)]) == plain and inflate.eof
    return False


async def test_a_flipped_bit_is_told(tmp_path: Path) -> None:
    path = await segment(tmp_path, [capture(1, b"one" * 100)])
    data = bytearray(path.read_bytes())
    whole = list(members(path))
    meaningless: set[int] = set()
    for offset, _, _ in whole:
        meaningless |= {offset + at for at in (4, 5, 6, 7, 8, 9)}  # time, flags and system of the gzip header
    untold: set[int] = set()
    for at in range(len(data)):
        data[at] ^= 0x10
        path.write_bytes(data)
        try:
            list(read_records(path))
            if not deflates_to_the_same(bytes(data), whole, at):
                untold.add(at)
        except CorruptArchive:
            pass
        data[at] ^= 0x10
    assert untold <= meaningless


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (b"WARC/1.1\r\nContent-Length: 0\r\n\r\n\r\n\r\n", "no WARC-Type"),
        (b"WARC/1.1\r\nWARC-Type: x\r\nContent-Length: 0\r\n\r\n\r\n\r\n", "unknown WARC-Type 'x'"),
        (b"WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: x\r\n\r\n\r\n\r\n", "no number"),
        (b"WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 2\r\n\r\n\r\n\r\n", "a block of 2 bytes"),
        (b"WARC/1.1\r\nWARC-Type: resource\r\nContent-Length: 0\r\n\r\n\r\n\r\nx", "nothing else"),
        (b"WARC/1.1\r\nWARC-Type: resource\r\n", "no end of the record's header"),
        (b"WARC/0.9\r\nWARC-Type: resource\r\n\r\n\r\n\r\n", "not a WARC record"),
        (b"WARC/1.1\r\nno field\r\n\r\n\r\n\r\n", "not a named field"),
        (b"WARC/1.1\r\nA: \xff\r\n\r\n\r\n\r\n", "not UTF-8"),
        (
            b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <a:b>\r\nWARC-Date: 2026-13-01T00:00:00Z\r\n"
            b"Content-Length: 0\r\n\r\n\r\n\r\n",
            "WARC-Date",
        ),
        (
            b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Block-Digest: sha256:00\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
            "does not match its digest",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_offset(tmp_path: Path, plain: bytes, message: str) -> None:
    path = tmp_path / "x.warc.gz"
    before = gzip.compress(
        b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <a:b>\r\nWARC-Date: 2026-12-01T00:00:00Z\r\n"
        b"Content-Length: 0\r\n\r\n\r\n\r\n"
    )
    path.write_bytes(before + gzip.compress(plain))
    with pytest.raises(CorruptArchive, match=message) as caught:
        list(read_records(path))
    assert str(caught.value).startswith(f"{path} at offset {len(before)}: ")


def test_there_is_no_record_beyond_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(b"")
    with pytest.raises(CorruptArchive, match="has ended"):
        read_record(path, 0)
