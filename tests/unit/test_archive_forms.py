"""Every form in which records are kept: packings, packages, directories, damage, and what is still being written."""

from __future__ import annotations

import gzip
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import Archive, ArchiveError, CorruptArchive, Record, StoredRecord, TornRecord
from tests.support.crawled import write_archive
from tests.support.packed import plain_records, trained_dictionary, with_zstd, write_wacz
from tests.support.warc import capture, members, response

RECORDS: list[Record] = [*capture(1, b"one"), *capture(2, bytes(range(256)) * 9000), *capture(3, b"three")]
PLAIN = plain_records(RECORDS)
URLS = [f"http://example.com/{number}" for number in (1, 2, 3)]

FORMS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: b"".join(PLAIN),
    "gzip": lambda: b"".join(gzip.compress(each) for each in PLAIN),
    "gzip-in-one": lambda: gzip.compress(b"".join(PLAIN)),
    "zstd": lambda: with_zstd(PLAIN),
    "zstd-dictionary": lambda: with_zstd(PLAIN, dictionary=trained_dictionary(PLAIN[:3])),
    "zstd-packed-dictionary": lambda: with_zstd(PLAIN, dictionary=trained_dictionary(PLAIN[:3]), packed=True),
    "bare-lf": lambda: b"".join(each.partition(b"\r\n\r\n")[0].replace(b"\r\n", b"\n") + b"\n\n"
                                + each.partition(b"\r\n\r\n")[2] for each in PLAIN),
    "more-line-ends": lambda: b"\r\n\r\n\r\n".join(PLAIN),
    "old-version": lambda: b"".join(each.replace(b"WARC/1.1", b"WARC/0.18", 1) for each in PLAIN),
}  # fmt: skip


def check(archive: Archive) -> None:
    assert [record.block for record in archive.records()] == [record.block for record in RECORDS]
    assert [found.url for found in archive.captures()] == URLS
    for number, url in enumerate(URLS, 1):
        found = archive.get(url)
        assert found is not None
        assert found.raw == RECORDS[3 * number - 2].block
        assert found.request is not None
        assert found.request.block == RECORDS[3 * number - 3].block
        assert found.metadata["outlink"] == f"{url}/a L a/@href"


@pytest.mark.parametrize("form", FORMS)
def test_every_packing_reads_the_same(form: str, tmp_path: Path) -> None:
    path = tmp_path / "records"  # the name tells nothing
    path.write_bytes(FORMS[form]())
    with Archive.open(path) as archive:
        check(archive)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_package_reads_the_same(compression: int, tmp_path: Path) -> None:
    first, second = tmp_path / "1.warc.gz", tmp_path / "2.warc"
    first.write_bytes(b"".join(gzip.compress(each) for each in PLAIN[:3]))
    second.write_bytes(b"".join(PLAIN[3:]))
    write_wacz(tmp_path / "x.wacz", [first, second], compression=compression)
    first.unlink()
    second.unlink()
    for place in (tmp_path / "x.wacz", tmp_path, [tmp_path / "x.wacz"]):
        with Archive.open(place) as archive:
            check(archive)
            assert [source.name for source in archive.sources] == ["1.warc.gz", "2.warc"]


def test_a_damaged_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wacz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CorruptArchive, match="not a readable package"):
        Archive.open(tmp_path / "x.wacz")
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(ArchiveError, match="there is no WARC, ARC or WACZ file in this directory"):
        Archive.open(tmp_path / "empty")
    with pytest.raises(ArchiveError, match="there is no such file"):
        Archive.open(tmp_path / "y.wacz")


def whole(path: Path) -> list[StoredRecord]:
    with Archive.open(path) as archive:
        return list(archive.records())


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_a_file_torn_anywhere_in_its_last_record(form: str, tmp_path: Path) -> None:
    """Strictly an error that says where; while it is being written, the end."""
    records = capture(1, b"one")
    pieces = plain_records(records)
    packed = {
        "plain": pieces,
        "gzip": [gzip.compress(each) for each in pieces],
        "zstd": [with_zstd([p]) for p in pieces],
    }
    data, start = b"".join(packed[form]), len(b"".join(packed[form][:-1]))
    sealed, growing = tmp_path / "a.warc.gz", tmp_path / "b.warc.gz.open"
    for length in range(start + 1, len(data)):
        growing.write_bytes(data[:length])
        found = whole(growing)
        sealed.write_bytes(data[:length])
        if form == "plain" and length >= len(data) - 2:  # one line end behind the block is enough to know it is whole
            assert len(found) == len(whole(sealed)) == 3
            continue
        assert [record.block for record in found] == [record.block for record in records[:2]]
        assert all(record.provisional for record in found)
        with pytest.raises(TornRecord) as caught:
            whole(sealed)
        assert (caught.value.path, caught.value.offset) == (str(sealed), start)
        with Archive.open(sealed, lenient=True) as archive:
            assert len(list(archive.records())) == 2
            assert [each.offset for each in archive.damage] == [start]


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_damage_in_the_middle_is_passed_over_on_request(form: str, tmp_path: Path) -> None:
    pieces = {
        "plain": PLAIN, "gzip": [gzip.compress(each) for each in PLAIN], "zstd": [with_zstd([each]) for each in PLAIN],
    }[form]  # fmt: skip
    offset = sum(map(len, pieces[:4]))
    at = 1 if form == "plain" else 40  # a plain file has no checksum
    damaged = pieces[4][:at] + b"\0\0\0\0" + pieces[4][at + 4 :]
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join([*pieces[:4], damaged, *pieces[5:]]))
    with pytest.raises(CorruptArchive) as caught:
        whole(path)
    assert caught.value.offset == offset
    with Archive.open(path, lenient=True) as archive:
        blocks = [record.block for record in archive.records()]
        assert blocks == [record.block for number, record in enumerate(RECORDS) if number != 4]
        assert [each.offset for each in archive.damage] == [offset]
        assert [found.url for found in archive.captures()] == [URLS[0], URLS[2]]


async def test_an_index_that_is_wrong_is_read_around(tmp_path: Path) -> None:
    (path,) = await write_archive(tmp_path, [RECORDS])
    index = tmp_path / "indexes" / f"{path.name}.cdxj"
    right = index.read_bytes()
    offsets = [offset for offset, _, _ in members(path)]
    wrong = right.replace(b'"offset": "%d"' % offsets[2], b'"offset": "%d"' % offsets[8])
    assert wrong != right
    for text in (wrong, wrong.replace(b'"%d"' % offsets[8], b'"7"')):
        index.write_bytes(text)
        with Archive.open(tmp_path) as archive:
            found = archive.get(URLS[0])
            assert found is not None
            assert found.body == b"one"
    index.write_bytes(b"")
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))  # now the index is older than its segment
    with Archive.open(tmp_path) as archive:
        assert [each.url for each in archive.captures()] == URLS
    index.unlink()
    with Archive.open(tmp_path) as archive:
        assert [each.url for each in archive.captures()] == URLS
    assert not index.exists()


async def test_one_order_over_many_segments(tmp_path: Path) -> None:
    segments = [[response(10 * n + m, b"%d" % n, f"http://example.com/{m}") for m in range(3)] for n in range(5)]
    await write_archive(tmp_path, segments)
    with Archive.open(tmp_path) as archive:
        expected = [entry.line for entry in archive.entries()]
    from storage import cli

    assert cli.main(["index", str(tmp_path)]) == 0
    assert (tmp_path / "indexes" / "order.bin").is_file()
    with Archive.open(tmp_path) as archive:
        assert [entry.line for entry in archive.entries()] == expected
        assert [found.url for found in archive.captures(url="http://example.com/1")] == ["http://example.com/1"] * 5
        assert archive.get("http://example.com/3") is None
        assert archive._lookup._order is not None
    (first, *_) = sorted((tmp_path / "indexes").glob("*.cdxj"))
    first.write_bytes(first.read_bytes())  # another time of change: the order is no longer to be trusted
    with Archive.open(tmp_path) as archive:
        assert [entry.line for entry in archive.entries()] == expected
        assert archive._lookup._order is None


async def test_an_archive_that_is_asked_often_gets_an_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = "http://example.com/"
    await write_archive(tmp_path / "crawl", [[response(n, b"%d" % n, url)] for n in range(1, 21)])
    before = sorted((tmp_path / "crawl").rglob("*"))
    with Archive.open(tmp_path / "crawl") as archive:
        for _ in range(70):
            assert len(list(archive.entries(url=url))) == 20
        assert archive._lookup._order is not None
        assert archive._lookup._order.count == 20
    assert sorted((tmp_path / "crawl").rglob("*")) == before  # reading writes nothing into an archive
    with Archive.open(tmp_path / "crawl") as archive:
        assert len(list(archive.captures())) == 20
        assert archive._lookup._order is not None


def test_the_index_of_a_foreign_file_is_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    path = tmp_path / "x.warc"
    noise = os.urandom(5 << 20)
    path.write_bytes(b"".join(plain_records([response(1, noise), *RECORDS])))
    times = set()
    for _ in range(2):
        with Archive.open(path) as archive:
            assert [found.url for found in archive.captures()] == ["http://example.com/", *URLS]
        (kept,) = cache.rglob("*.cdxj")
        times.add(kept.stat().st_mtime_ns)
    assert len(times) == 1
    path.write_bytes(b"".join(plain_records([response(1, noise), *RECORDS[:3]])))
    with Archive.open(path) as archive:
        assert [found.url for found in archive.captures()] == ["http://example.com/", URLS[0]]
    assert len(list(cache.rglob("*.cdxj"))) == 1
    assert not kept.exists()
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    with Archive.open(path) as archive:
        assert len(list(archive.captures())) == 2


def test_a_full_cache_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("storage.indexcache.replace_file", full)
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(plain_records([response(1, os.urandom(5 << 20)), *RECORDS])))
    with Archive.open(path) as archive:
        assert len(list(archive.captures())) == 4


async def test_a_cache_that_cannot_be_looked_into_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As another user's home is, after `su` without its dash: but no permission is denied to root.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("x" * 300)))
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(plain_records([response(1, os.urandom(5 << 20)), *RECORDS])))
    with Archive.open(path) as archive:
        assert len(list(archive.captures())) == 4
    url = "http://example.com/"
    await write_archive(tmp_path / "crawl", [[response(n, b"%d" % n, url)] for n in range(1, 21)])
    with Archive.open(tmp_path / "crawl") as archive:
        for _ in range(70):
            assert len(list(archive.entries(url=url))) == 20
