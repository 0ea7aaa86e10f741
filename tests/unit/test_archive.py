"""Reading an archive by URL and time: crawl directories, files, what is still being written."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from storage import (
    Archive,
    ArchiveError,
    CorruptArchive,
    DigestAlgorithm,
    HttpPayload,
    Record,
    RecordType,
    SealedSegment,
    payload_digest,
    write_manifest,
)
from tests.support.crawled import write_archive
from tests.support.warc import NOW, capture, record_id, response

HTTP = "application/http;msgtype=response"


def at(record: Record, seconds: int, *, id_: int) -> Record:
    """The same record, later."""
    date = NOW + timedelta(seconds=seconds)
    return Record(
        record.type, record_id(id_), date, record.block, record.content_type, record.target_uri,
        record.fields, record.payload,
    )  # fmt: skip


async def test_a_capture_tells_what_was_kept(tmp_path: Path) -> None:
    await write_archive(tmp_path, [capture(1, b"<title>one</title>"), capture(2, b"two")])
    with Archive.open(tmp_path) as archive:
        found = archive.get("http://example.com/1")
        assert found is not None
        assert (found.url, found.timestamp, found.status) == ("http://example.com/1", NOW, 200)
        assert (found.mime, found.body, found.text) == ("text/html", b"<title>one</title>", "<title>one</title>")
        assert found.headers["content-TYPE"] == "text/html; charset=utf-8"
        assert found.raw == capture(1, b"<title>one</title>")[1].block
        assert found.request is not None
        assert found.request.block == capture(1, b"")[0].block
        assert found.metadata["via"] == "http://example.com/"
        assert found.digest is not None
        assert found.digest.startswith("sha256:")
        assert found.location.segment.endswith("-00000.warc.gz")
        assert archive.get("http://example.com/3") is None


async def test_the_records_come_in_the_order_written(tmp_path: Path) -> None:
    await write_archive(tmp_path, [capture(1, b"one"), capture(2, b"two")], last_open=True)
    with Archive.open(tmp_path) as archive:
        types = ["warcinfo", "request", "response", "metadata"] * 2
        records = list(archive.records())
        assert [record.type for record in records] == types
        assert [record.provisional for record in records] == [False] * 4 + [True] * 4
        assert [record.block for record in records][4:][1:] == [record.block for record in capture(2, b"two")]


async def test_the_newest_or_the_closest_in_time(tmp_path: Path) -> None:
    first = response(1, b"first")
    await write_archive(tmp_path, [[first], [at(response(0, b"later"), 60, id_=2)]])
    with Archive.open(tmp_path) as archive:
        bodies = [
            found.body if (found := archive.get("http://example.com/", time)) else None
            for time in (None, NOW, NOW + timedelta(seconds=29), NOW + timedelta(seconds=31), NOW + timedelta(days=9))
        ]
        assert bodies == [b"later", b"first", b"first", b"later", b"later"]


async def test_captures_by_prefix_status_type_and_time(tmp_path: Path) -> None:
    gone = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    await write_archive(
        tmp_path,
        [
            [response(1, b"a", "http://example.com/docs/"), response(2, b"b", "http://example.com/docs/b", gone)],
            [response(3, b"c", "http://example.com/docsier"), response(4, b"d", "http://www.sub.example.com/docs/")],
        ],
    )
    with Archive.open(tmp_path) as archive:
        everything = [found.url for found in archive.captures()]
        assert len(everything) == 4
        assert [c.body for c in archive.captures(prefix="http://example.com/docs/")] == [b"a", b"b"]
        assert [c.body for c in archive.captures(prefix="http://example.com/docs")] == [b"a", b"b", b"c"]
        assert [c.body for c in archive.captures(host="example.com")] == [b"a", b"b", b"c"]
        assert [c.body for c in archive.captures(domain="example.com", mime="text/*", status="2xx")] == [
            b"a",
            b"c",
            b"d",
        ]
        assert [c.body for c in archive.captures(status=404)] == [b"b"]
        assert [c.body for c in archive.captures(mime="text/plain")] == [b"b"]
        assert len(list(archive.captures(since=NOW))) == 4
        assert list(archive.captures(until=NOW - timedelta(seconds=1))) == []


PORTS = [
    "http://a.test/", "https://a.test/s", "http://a.test:8080/p", "http://a.test:443/odd", "http://b.a.test:8080/",
    "http://b.a.test/", "http://a.testing/", "http://[::1]/six", "http://[::1]:99/", "http://[::1:99]/",
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ({"host": "a.test"}, {0, 1, 2, 3}),
        ({"host": "A.test:8080"}, {2}),
        ({"host": "a.test:80"}, {0}),
        ({"host": "a.test:443"}, {1, 3}),
        ({"host": "a.test:81"}, set()),
        ({"host": "https://a.test:8080/p"}, {2}),
        ({"domain": "a.test"}, {0, 1, 2, 3, 4, 5}),
        ({"domain": "a.test:8080"}, {2, 4}),
        ({"host": "[::1]"}, {7, 8}),
        ({"host": "::1"}, {7, 8}),
        ({"host": "[::1]:99"}, {8}),
    ],
    ids=str,
)
async def test_a_host_on_any_port_or_on_one(tmp_path: Path, question: dict[str, str], numbers: set[int]) -> None:
    await write_archive(tmp_path, [[response(number, b"", url) for number, url in enumerate(PORTS)]])
    with Archive.open(tmp_path) as archive:
        assert {entry.url for entry in archive.entries(**question)} == {PORTS[number] for number in numbers}


@pytest.mark.parametrize("host", ["", "a.test:x", "a.test:123456", "/"])
async def test_what_is_no_host(tmp_path: Path, host: str) -> None:
    await write_archive(tmp_path, [[response(1, b"")]])
    with Archive.open(tmp_path) as archive, pytest.raises(ValueError, match=r"^not a host: "):
        archive.captures(host=host)


async def test_a_revisit_has_the_body_it_refers_to(tmp_path: Path) -> None:
    original = response(1, b"the body", "http://example.com/a")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Second: yes\r\n\r\n"
    fields = (
        ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
        ("WARC-Payload-Digest", "sha256:f8a5b2f7c3c5b0e9d9b6f7f1a4e6b0f0b7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5"),
        ("WARC-Refers-To", record_id(1)),
        ("WARC-Refers-To-Target-URI", "http://example.com/a"),
        ("WARC-Refers-To-Date", "2026-01-02T03:04:05.678901Z"),
    )
    again = Record(RecordType.REVISIT, record_id(2), NOW, head, HTTP, "http://example.com/b", fields)
    lost = Record(
        RecordType.REVISIT, record_id(3), NOW, head, HTTP, "http://example.com/c",
        (*fields[:2], ("WARC-Refers-To-Target-URI", "http://example.com/x"),
         ("WARC-Refers-To-Date", "2020-01-01T00:00:00Z")),
    )  # fmt: skip
    await write_archive(tmp_path, [[original], [again, lost]])
    with Archive.open(tmp_path) as archive:
        found = archive.get("http://example.com/b")
        assert found is not None
        assert (found.body, found.status, found.revisit) == (b"the body", 200, True)
        assert found.headers["X-Second"] == "yes"
        missing = archive.get("http://example.com/c")
        assert missing is not None
        assert missing.status == 200
        with pytest.raises(ArchiveError, match=r"a record that is not in the archive: http://example\.com/x"):
            _ = missing.body


def revisit(number: int, url: str, *fields: tuple[str, str], profile: str = "identical-payload-digest") -> Record:
    head = b"HTTP/1.1 304 Not Modified\r\n\r\n" if profile == "server-not-modified" else b""
    told = (("WARC-Profile", f"http://netpreserve.org/warc/1.1/revisit/{profile}"), *fields)
    return Record(RecordType.REVISIT, record_id(number), NOW, head, HTTP, url, told)


async def test_ways_in_which_a_revisit_refers(tmp_path: Path) -> None:
    a = "http://example.com/a"
    original = response(1, b"the body", a)
    assert isinstance(original.block, bytes)
    block = original.block
    digest = payload_digest(block, HttpPayload(block.index(b"the body"), False), DigestAlgorithm.SHA256)
    where = (("WARC-Refers-To-Target-URI", a), ("WARC-Refers-To-Date", "2026-01-02T03:04:05.678901Z"))
    revisits = {
        "date": revisit(2, "http://example.com/date", *where),
        "digest": revisit(3, "http://example.com/digest", ("WARC-Payload-Digest", digest)),
        "id": revisit(4, "http://example.com/id", ("WARC-Refers-To", record_id(1))),
        "304": revisit(5, "http://example.com/304", *where, profile="server-not-modified"),
        "chain": revisit(6, "http://example.com/chain", ("WARC-Refers-To", record_id(4))),
    }
    loops = [
        revisit(7, "http://example.com/self", ("WARC-Refers-To", record_id(7))),
        revisit(8, "http://example.com/one", ("WARC-Refers-To", record_id(9))),
        revisit(9, "http://example.com/two", ("WARC-Refers-To", record_id(8))),
        revisit(10, "http://example.com/nothing"),
    ]
    await write_archive(tmp_path, [[original], [*revisits.values()], loops])
    with Archive.open(tmp_path) as archive:
        for name in revisits:
            found = archive.get(f"http://example.com/{name}")
            assert found is not None
            assert (found.body, found.status, found.mime, found.revisit) == (b"the body", 200, "text/html", True), name
        for loop in loops:
            found = archive.get(str(loop.target_uri))
            assert found is not None
            with pytest.raises(ArchiveError, match="not in the archive") as caught:
                _ = found.body
            assert caught.value.offset == found.location.offset
        assert len(list(archive.captures(mime="text/html"))) == 6  # revisits count by what they refer to


async def test_a_segment_that_is_missing_is_told(tmp_path: Path) -> None:
    first, second = await write_archive(tmp_path, [[response(1, b"a")], [response(2, b"b", "http://example.com/b")]])
    rows = [sealed(number, path.name) for number, path in enumerate((first, second))]
    write_manifest(tmp_path, rows)
    first.unlink()
    with Archive.open(tmp_path) as archive, pytest.raises(CorruptArchive, match="the file is missing"):
        list(archive.records())
    with Archive.open(tmp_path, lenient=True) as archive:
        assert [record.block[-1:] for record in archive.records()][1:] == [b"b"]
        assert [found.body for found in archive.captures()] == [b"b"]
        assert [each.path for each in archive.damage] == [str(first)]


def sealed(number: int, name: str) -> SealedSegment:
    return SealedSegment(name, number, 2, 1, "00", None, None, None)


async def test_the_twins_say_the_same(tmp_path: Path) -> None:
    await write_archive(tmp_path, [capture(number, b"%d" % number) for number in range(3)])
    async with await Archive.aopen(tmp_path) as archive:
        found = await archive.aget("http://example.com/1")
        assert found is not None
        assert (await found.abody(), await found.atext()) == (b"1", "1")
        assert (await found.ametadata())["via"] == "http://example.com/"
        urls = [each.url async for each in archive.acaptures(status=200)]
        assert urls == [each.url for each in archive.captures(status=200)]
        ids = [record.id async for record in archive.arecords()]
        assert ids == [record.id for record in archive.records()]
