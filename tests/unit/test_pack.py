"""`pack`: a WACZ that others accept and `verify` proves; the same bytes each time; whole or not there at all."""

from __future__ import annotations

import gzip
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import cli, index_path
from storage.packedindex import PackedIndex
from tests.support.crawldir import capture, crawl_directory, many_captures, segments_of
from tests.support.packed import zstd
from tests.support.programs import require_program
from tests.support.rawwarc import errors, findings, packed, response

BODY = "<html><head><title> The  Title </title><style>a{}</style></head><body><h1>Grüße</h1><script>x()</script>"


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    captures = [capture(number, BODY.encode() + b"<p>page %d" % number, chunked=number == 2) for number in range(1, 5)]
    return crawl_directory(tmp_path / "seeds", [captures[:2], captures[2:]])


def pack(crawl: Path, *options: str) -> Path:
    target = crawl.parent / "x.wacz"
    assert cli.main(["pack", str(crawl), "-o", str(target), *options]) == 0
    return target


def lines(package: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in package.read(name).splitlines()]


def test_what_it_holds(crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = pack(crawl, "--title", "Our seeds", "--description", "all of it")
    size = target.stat().st_size
    assert capsys.readouterr().out == f"{target}: 2 segments, 4 captures, 4 pages, {size:,} bytes\n"
    with zipfile.ZipFile(target) as package:
        names = [segment.name for segment in segments_of(crawl)]
        assert package.namelist() == [
            *(f"archive/{name}" for name in names),
            *("indexes/index.cdx.gz", "indexes/index.idx", "pages/pages.jsonl", "pages/extraPages.jsonl"),
            *("logs/urls.jsonl", "datapackage.json", "datapackage-digest.json"),
        ]
        for segment in segments_of(crawl):
            info = package.getinfo(f"archive/{segment.name}")
            assert info.compress_type == zipfile.ZIP_STORED
            assert package.read(info) == segment.read_bytes()
        merged = sorted(b"".join(index_path(crawl, name).read_bytes() for name in names).splitlines(keepends=True))
        assert gzip.decompress(package.read("indexes/index.cdx.gz")) == b"".join(merged)
        header, seed = lines(package, "pages/pages.jsonl")
        assert header == {"format": "json-pages-1.0", "id": "pages", "title": "Seed pages", "hasText": True}
        assert seed == {
            "id": "00000000-0000-0000-0000-00000000000b",
            "url": "http://example.com/1",
            "ts": "2026-01-02T03:04:05Z",
            "title": "x",
            "text": "Grüße page 1",
            "seed": True,
        }
        extra = lines(package, "pages/extraPages.jsonl")
        assert [page["url"] for page in extra[1:]] == [f"http://example.com/{number}" for number in (2, 3, 4)]
        assert extra[1]["text"] == "Grüße page 2"
        about = json.loads(package.read("datapackage.json"))
        assert (about["title"], about["description"], about["wacz_version"]) == ("Our seeds", "all of it", "1.1.1")
        assert (about["created"], about["mainPageUrl"]) == ("2026-01-02T03:04:05Z", "http://example.com/1")
        assert {resource["path"] for resource in about["resources"]} == set(package.namelist()[:-2])


def test_it_is_proven_by_verify(crawl: Path) -> None:
    assert [str(each) for each in findings(pack(crawl))] == []


def test_it_is_accepted_by_wacz_validate(crawl: Path) -> None:
    program = require_program("wacz")
    done = subprocess.run([program, "validate", "-f", str(pack(crawl))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Validation succeeded, the passed WACZ is valid")


def test_the_same_archive_gives_the_same_bytes(crawl: Path) -> None:
    first = pack(crawl).read_bytes()
    assert pack(crawl, "--replace").read_bytes() == first


def test_what_is_not_sealed_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crawl = crawl_directory(tmp_path / "c", [[capture(1)], [capture(2)]], leave_open=True)
    target = pack(crawl)
    assert "1 segment not sealed yet and left out" in capsys.readouterr().out
    with zipfile.ZipFile(target) as package:
        assert "pages/extraPages.jsonl" not in package.namelist()
        assert len(lines(package, "pages/pages.jsonl")) == 2
    assert errors(target) == []


def test_any_file_of_records(tmp_path: Path) -> None:
    """Pages are then what was answered with 200 and HTML."""
    html = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>T</title>words"
    (tmp_path / "old.warc.gz").write_bytes(packed(response(1, html), response(2)))
    target = pack(tmp_path / "old.warc.gz")
    assert errors(target) == []
    with zipfile.ZipFile(target) as package:
        _, page = lines(package, "pages/pages.jsonl")
        assert (page["url"], page["title"], page["text"]) == ("http://example.com/", "T", "words")


def test_without_text_and_logs(crawl: Path) -> None:
    with zipfile.ZipFile(pack(crawl, "--no-text", "--no-logs")) as package:
        assert not [name for name in package.namelist() if name.startswith("logs/")]
        header, page = lines(package, "pages/pages.jsonl")
        assert header["hasText"] is False
        assert "text" not in page


@pytest.mark.parametrize("share", [1.0, 1.02, 0.5])
def test_beyond_two_gigabytes_the_form_is_zip64(share: float, crawl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has an extra field before its bytes if and only if it has one in the central directory, also just below
    the limit (made small here): wabac.js looks for the bytes by the latter."""
    size = segments_of(crawl)[0].stat().st_size
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", int(size * share))
    target = pack(crawl)
    monkeypatch.undo()
    assert errors(target) == []
    data = target.read_bytes()
    extras = 0
    with zipfile.ZipFile(target) as package:
        for info in package.infolist():
            local = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
            assert not local or info.extra, info.filename
            extras += bool(local)
    assert bool(extras) == (share < 1)


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = cli.main(["pack", *arguments])
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return code, told


def test_what_is_refused(crawl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.wacz"
    assert _refused([str(crawl), "-o", str(tmp_path / "x.zip")], capsys)[0] == 2
    assert _refused([str(tmp_path / "none"), "-o", str(target)], capsys)[0] == 2
    assert _refused([str(crawl), "-o", str(tmp_path / "none" / "x.wacz")], capsys)[0] == 2
    target.write_bytes(b"precious")
    code, told = _refused([str(crawl), "-o", str(target)], capsys)
    assert (code, "there is such a file already" in told) == (1, True)
    assert target.read_bytes() == b"precious"
    target.unlink()
    (tmp_path / "y.warc.zst").write_bytes(zstd.compress(response(1)))
    assert "no Zstandard" in _refused([str(tmp_path / "y.warc.zst"), "-o", str(target)], capsys)[1]
    unsealed = crawl_directory(tmp_path / "u", [[capture(1)]], leave_open=True)
    assert "no sealed segment" in _refused([str(unsealed), "-o", str(target)], capsys)[1]
    segment = segments_of(crawl)[1]
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "not what the manifest says" in _refused([str(crawl), "-o", str(target)], capsys)[1]
    assert [each.name for each in tmp_path.iterdir() if "wacz" in each.name] == []


def test_the_index_in_many_members() -> None:
    made = [f"com,example)/{number:06} 2026010203{number % 3600:04} {{}}\n".encode() for number in range(5000)]
    index = PackedIndex(made)
    data = b"".join(index.members())
    places = [line.split(b" ", 2) for line in index.index()]
    assert places[0] == [b"!meta", b"0", b'{"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n']
    assert (index.captures, len(places) - 1) == (5000, 5)
    found = []
    for key, timestamp, text in places[1:]:
        place = json.loads(text)
        block = gzip.decompress(data[place["offset"] : place["offset"] + place["length"]]).splitlines(keepends=True)
        assert block[0].startswith(key + b" " + timestamp + b" ")
        found += block
    assert found == made


def _rewrite(path: Path, change: Callable[[str, bytes], bytes | None], compression: int = zipfile.ZIP_STORED) -> None:
    """The package again, each file changed, or left out where None is given."""
    with zipfile.ZipFile(path) as package:
        files = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w", compression) as package:
        for name, data in files.items():
            changed = change(name, data)
            if changed is not None:
                package.writestr(name, changed)


PACKAGES: list[tuple[str, Callable[[str, bytes], bytes | None], set[str]]] = [
    ("no data package", lambda name, data: None if name == "datapackage.json" else data, {"package"}),
    ("no pages", lambda name, data: None if name == "pages/pages.jsonl" else data, {"package", "package-list"}),
    ("a file changed", lambda name, data: data + b"\n" if name == "pages/pages.jsonl" else data, {"package-digest"}),
    ("the list changed", lambda name, data: data + b"\n" if name == "datapackage.json" else data, {"package-digest"}),
    ("a log left out", lambda name, data: None if name == "logs/urls.jsonl" else data, {"package-list"}),
    ("no JSON", lambda name, data: b"{" if name == "datapackage.json" else data, {"package"}),
    ("no list", lambda name, data: b"{}" if name == "datapackage.json" else data, {"package", "package-digest"}),
    ("no index", lambda name, data: None if name.startswith("indexes/") else data, {"package", "package-list"}),
    ("the index is rubbish", lambda name, data: gzip.compress(b"x\n") if name.endswith("cdx.gz") else data,
     {"package-digest", "index"}),
    ("the index is torn", lambda name, data: data[:-9] if name.endswith("cdx.gz") else data,
     {"package-digest", "index"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in PACKAGES], ids=[case[0] for case in PACKAGES])
def test_what_is_wrong_with_a_package_is_found(
    crawl: Path, change: Callable[[str, bytes], bytes | None], expected: set[str]
) -> None:
    target = pack(crawl)
    _rewrite(target, change)
    assert {each.rule.label for each in errors(target)} == expected


def test_compressed_once_more(crawl: Path) -> None:
    target = pack(crawl)
    _rewrite(target, lambda name, data: data, zipfile.ZIP_DEFLATED)
    assert {each.rule.label for each in findings(target)} == {"package-stored"}


def test_a_torn_or_damaged_package(crawl: Path) -> None:
    target = pack(crawl)
    whole = target.read_bytes()
    target.write_bytes(whole[:-30])
    assert {each.rule.label for each in errors(target)} == {"package"}
    with zipfile.ZipFile(pack(crawl, "--replace")) as package:
        at = package.getinfo(f"archive/{segments_of(crawl)[0].name}").header_offset + 200
    target.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert "package" in {each.rule.label for each in errors(target)}


def test_a_large_archive_in_little_memory(tmp_path: Path) -> None:
    captures = list(many_captures(1100, 500))
    target = pack(crawl_directory(tmp_path / "c", [captures[:600], captures[600:]]))
    assert findings(target) == []
    with zipfile.ZipFile(target) as package:
        assert len(package.read("indexes/index.idx").splitlines()) == 3
