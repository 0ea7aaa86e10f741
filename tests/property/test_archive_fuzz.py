"""Whatever bytes a file holds, reading it gives records or an ArchiveError, and leniently never an error at all."""

from __future__ import annotations

import contextlib
import gzip
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from storage import Archive, ArchiveError
from tests.property.test_storage_roundtrip import records
from tests.support.packed import plain_records, with_zstd
from tests.support.warc import capture, response

PIECES = plain_records(
    [*capture(1, b"one"), response(9, gzip.compress(b"x"), head="HTTP/1.1 200\r\nContent-Encoding: gzip\r\n\r\n")]
)
ARC = (
    b"filedesc://x.arc 0.0.0.0 20140216050221 text/plain 20\n1 0 X\nURL IP-address\n\n"
    b"http://example.com/ 1.2.3.4 20140216050221 text/html 20\nHTTP/1.1 200 OK\r\n\r\nx\n"
)
FILES = [
    b"".join(PIECES),
    b"".join(gzip.compress(each) for each in PIECES),
    gzip.compress(b"".join(PIECES)),
    with_zstd(PIECES),
    ARC,
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "double"]))
        if kind == "flip":
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 300))]
        else:
            del data[at : at + draw(st.integers(1, 300))]
            if not data:
                return b""
    return bytes(data)


def look_at_everything(archive: Archive) -> None:
    for record in archive.records():
        assert len(record.block) == record.size
    for found in archive.captures():
        _ = (found.status, found.headers, found.mime, found.body, found.text, found.request, found.metadata)


@settings(max_examples=300)
@given(damaged() | st.binary(max_size=200))
def test_damaged_files_give_records_or_an_archive_error(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x"
        path.write_bytes(data)
        with contextlib.suppress(ArchiveError), Archive.open(path) as archive:
            look_at_everything(archive)
        try:
            archive = Archive.open(path, lenient=True)
        except ArchiveError:  # what is no archive at all
            return
        list(archive.records())
        list(archive.captures())
        assert all(each.offset is not None for each in archive.damage)


@settings(max_examples=60)
@given(st.lists(records(), max_size=5), st.sampled_from(["plain", "gzip", "gzip-in-one", "zstd"]))
def test_every_record_type_reads_back_from_every_packing(written: list, form: str) -> None:  # type: ignore[type-arg]
    pieces = plain_records(written)
    data = {
        "plain": lambda: b"".join(pieces),
        "gzip": lambda: b"".join(map(gzip.compress, pieces)),
        "gzip-in-one": lambda: gzip.compress(b"".join(pieces)) if pieces else b"",
        "zstd": lambda: with_zstd(pieces),
    }[form]()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x"
        path.write_bytes(data)
        with Archive.open(path) as archive:
            found = [(each.type, each.id, each.url, each.date, each.block) for each in archive.records()]
    assert found == [(each.type, each.id, each.target_uri, each.date, each.block) for each in written]
