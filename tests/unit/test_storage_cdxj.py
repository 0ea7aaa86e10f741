"""The index of a segment, beside what cdxj-indexer makes of the same file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from storage import (
    CorruptArchive,
    DiskFiles,
    Record,
    RecordType,
    SegmentWriter,
    archive_directory,
    index_lines,
    index_path,
    indexes_directory,
    read_record,
    write_index,
)
from tests.support.warc import NOW, WARCINFO, MemoryLedger, capture, record_id, response, with_archive

REVISIT = (
    ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
    ("WARC-Refers-To-Target-URI", "http://example.com/1"),
    ("WARC-Refers-To-Date", "2026-01-02T03:04:05.678901Z"),
    ("WARC-Payload-Digest", "sha256:" + "0" * 64),
)
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n"


def some_groups() -> list[list[Record]]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    http = "application/http;msgtype=response"
    return [
        capture(1, b"one", "http://www.example.com/b?z=1&a=2"),
        capture(2, b"two", "http://example.com/a"),
        capture(3, b"three", "https://other.test:8443/é?q=ü"),
        [response(901, b"", "http://a.test/", "HTTP/1.1 404 Not Found\r\ncontent-type: TEXT/HTML ; x=y\r\n\r\n")],
        [response(902, b"5\r\nhello\r\n0\r\n\r\n", head=CHUNKED)],
        [Record(RecordType.REVISIT, record_id(903), NOW, head, http, "http://example.com/a", REVISIT)],
        [Record(RecordType.RESOURCE, record_id(904), NOW, b"x", "image/png", "http://example.com/r")],
        [response(905, b"x" * 50_000, f"http://example.com/{'long' * 300}")],
    ]


async def sealed(directory: Path, groups: list[list[Record]]) -> str:
    writer = await SegmentWriter.create(
        with_archive(directory), prefix="test", number=0, now=NOW, files=DiskFiles(), warcinfo=WARCINFO
    )
    await writer.append(groups)
    await writer.seal(MemoryLedger.empty(), first_seq=None, last_seq=None, previous_sha256=None)
    return writer.name


async def test_cdxj_indexer_writes_the_same(tmp_path: Path) -> None:
    program = shutil.which("cdxj-indexer", path=str(Path(sys.executable).parent)) or shutil.which("cdxj-indexer")
    if program is None:
        pytest.skip("cdxj-indexer is not installed")
    name = await sealed(tmp_path, some_groups())
    path = write_index(tmp_path, name)
    assert path == index_path(tmp_path, name) == indexes_directory(tmp_path) / f"{name}.cdxj"
    theirs = subprocess.run(
        [program, "--sort", str(archive_directory(tmp_path) / name)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONWARNINGS": "ignore"},
    )
    assert path.read_text("ascii") == theirs.stdout


async def test_lines_find_their_records(tmp_path: Path) -> None:
    name = await sealed(tmp_path, some_groups())
    lines = write_index(tmp_path, name).read_text("ascii").splitlines()
    assert lines == sorted(lines)
    mimes = []
    for line in lines:
        _, timestamp, values = line.split(" ", 2)
        entry = json.loads(values)
        assert timestamp == "20260102030405"
        read = read_record(archive_directory(tmp_path) / entry["filename"], int(entry["offset"]))
        assert (read.record.target_uri, str(read.length)) == (entry["url"], entry["length"])
        assert read.payload_digest == entry["digest"]
        mimes.append((entry["mime"], entry.get("status")))
    assert sorted(mimes, key=str) == [
        *(("TEXT/HTML", "404"), ("a/b", "200"), ("image/png", None)),
        *(("text/html", "200"),) * 4,
        ("warc/revisit", "200"),
    ]


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type:\r\n\r\n"])
async def test_what_names_no_type_is_unk(tmp_path: Path, head: str) -> None:
    name = await sealed(tmp_path, [[response(1, head=head)]])
    (line,) = index_lines(archive_directory(tmp_path) / name)
    entry = json.loads(line.split(" ", 2)[2])
    assert (entry["mime"], entry["status"]) == ("unk", "200")


async def test_a_response_without_a_status_has_none(tmp_path: Path) -> None:
    name = await sealed(tmp_path, [[response(1, head="HTTP/1.1 odd\r\nContent-Type: a/b\r\n\r\n")]])
    (line,) = index_lines(archive_directory(tmp_path) / name)
    entry = json.loads(line.split(" ", 2)[2])
    assert (entry["mime"], "status" in entry) == ("a/b", False)


async def test_a_head_longer_than_usual(tmp_path: Path) -> None:
    head = f"HTTP/1.1 200 OK\r\nX: {'y' * 100_000}\r\nContent-Type: a/b\r\n\r\n"
    name = await sealed(tmp_path, [[response(1, head=head)]])
    (line,) = index_lines(archive_directory(tmp_path) / name)
    assert '"mime": "a/b"' in line


async def test_sorting_on_disk_gives_the_same(tmp_path: Path) -> None:
    groups = [capture(number, b"x", f"http://example.com/{number * 7919 % 200}") for number in range(1, 200)]
    name = await sealed(tmp_path, groups)
    whole = write_index(tmp_path, name).read_bytes()
    assert len(whole.splitlines()) == 199
    assert write_index(tmp_path, name, run=2000).read_bytes() == whole
    assert [path.name for path in indexes_directory(tmp_path).iterdir()] == [f"{name}.cdxj"]


async def test_a_damaged_segment_has_no_short_index(tmp_path: Path) -> None:
    name = await sealed(tmp_path, some_groups())
    write_index(tmp_path, name)
    before = index_path(tmp_path, name).read_bytes()
    path = archive_directory(tmp_path) / name
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(CorruptArchive, match="within a record"):
        write_index(tmp_path, name)
    assert index_path(tmp_path, name).read_bytes() == before
    assert len(list(indexes_directory(tmp_path).iterdir())) == 1


async def test_records_of_the_crawl_itself_have_no_line(tmp_path: Path) -> None:
    request, _, metadata = capture(1, b"x")
    other = msgspec.structs.replace(metadata, id=record_id(77), content_type="text/plain")
    name = await sealed(tmp_path, [[request, metadata, other]])
    (line,) = index_lines(archive_directory(tmp_path) / name)
    assert '"mime": "text/plain"' in line
