"""`verify` on crawl directories: damage at any byte, whatever is missing, added, out of order or contradicted."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import DigestAlgorithm, SealedSegment, cli, index_path, read_manifest, write_manifest
from storage.verify import Finding, Severity
from tests.support.crawldir import capture, crawl_directory, many_captures, segments_of
from tests.support.rawwarc import errors, findings, packed, record


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    """Two sealed segments with three captures each."""
    captures = [capture(number, b"<title>x</title>" * number, chunked=number % 2 == 0) for number in range(1, 7)]
    return crawl_directory(tmp_path / "crawl", [captures[:3], captures[3:]])


def told(found: list[Finding]) -> set[str]:
    return {each.rule.label for each in found}


@pytest.mark.parametrize("digest", DigestAlgorithm)
def test_nothing_is_said_of_a_sound_directory(digest: DigestAlgorithm, tmp_path: Path) -> None:
    crawl = crawl_directory(tmp_path, [[capture(1)], [capture(2, chunked=True)], []], digest=digest)
    assert [str(each) for each in findings(crawl)] == []


def test_damage_at_every_byte_of_a_sealed_segment_is_found(tmp_path: Path) -> None:
    crawl = crawl_directory(tmp_path, [[capture(1)]])
    (segment,) = segments_of(crawl)
    whole = segment.read_bytes()
    rng = random.Random(4)
    missed = []
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= rng.randrange(1, 256)
        segment.write_bytes(bytes(damaged))
        if not errors(crawl):
            missed.append(at)
    assert missed == []
    segment.write_bytes(whole)
    assert errors(crawl) == []


def test_random_damage_in_a_larger_archive_is_found(tmp_path: Path) -> None:
    captures = list(many_captures(60, 3000))
    crawl = crawl_directory(tmp_path, [captures[:30], captures[30:]])
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(25):
        segment = rng.choice(segments_of(crawl))
        whole = segment.read_bytes()
        at = rng.randrange(len(whole))
        segment.write_bytes(whole[:at] + bytes([whole[at] ^ rng.randrange(1, 256)]) + whole[at + 1 :])
        found = errors(crawl)
        assert any(each.file == str(segment) for each in found), at
        segment.write_bytes(whole)
    assert errors(crawl) == []


def test_a_lone_file_is_proven_as_far_as_its_checksums_reach(tmp_path: Path) -> None:
    """gzip's checksum covers all but the time, the flags and the system that its header names (RFC 1952)."""
    crawl = crawl_directory(tmp_path / "crawl", [[capture(1)]])
    lone = tmp_path / "x.warc.gz"
    whole = segments_of(crawl)[0].read_bytes()
    starts = {offset for offset in range(len(whole)) if whole[offset : offset + 3] == b"\x1f\x8b\x08"}
    uncovered = {start + at for start in starts for at in (3, 4, 5, 6, 7, 8, 9)}
    for at in range(len(whole)):
        lone.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert errors(lone) or at in uncovered, at


def test_a_file_torn_at_any_byte_is_found(tmp_path: Path) -> None:
    crawl = crawl_directory(tmp_path / "crawl", [[capture(1)]])
    whole = segments_of(crawl)[0].read_bytes()
    starts = {offset for offset in range(len(whole)) if whole[offset : offset + 3] == b"\x1f\x8b\x08"}
    lone = tmp_path / "x.warc.gz"
    for length in range(1, len(whole)):
        lone.write_bytes(whole[:length])
        assert bool(errors(lone)) == (length not in starts), length


def _edit(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def _swap(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _with(number: int, **change: object) -> Callable[[list[str]], list[str]]:
    def changed(lines: list[str]) -> list[str]:
        lines[number] = json.dumps({**json.loads(lines[number]), **change}) + "\n"
        return lines

    return changed


def _manifest(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda crawl: _edit(crawl / "indexes" / "manifest.jsonl", change)


def _log(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda crawl: _edit(crawl / "logs" / "urls.jsonl", change)


def _pages(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda crawl: _edit(crawl / "pages" / "pages.jsonl", change)


def _index(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda crawl: _edit(index_path(crawl, segments_of(crawl)[0].name), change)


def _remove_segment(crawl: Path) -> None:
    segments_of(crawl)[0].unlink()


def _remove_index(crawl: Path) -> None:
    index_path(crawl, segments_of(crawl)[0].name).unlink()


def _add_segment(crawl: Path) -> None:
    shutil.copy(segments_of(crawl)[0], crawl / "archive" / "u-20260102030405678-00009.warc.gz")


def _row_not_utf8(crawl: Path) -> None:
    (crawl / "indexes" / "manifest.jsonl").write_bytes(b"\xff\n")


def _leave_out_last_row(crawl: Path) -> None:
    write_manifest(crawl, read_manifest(crawl)[:1])


def _shift_index(lines: list[str]) -> list[str]:
    return [line.replace('"offset": "', '"offset": "1') for line in lines]


CHANGES: list[tuple[str, Callable[[Path], None], set[str]]] = [
    ("segment missing", _remove_segment, {"manifest", "log", "pages"}),
    ("segment added", _add_segment, {"unlisted", "record-id-repeated", "index-missing"}),
    ("row left out", _leave_out_last_row, {"unlisted"}),
    ("rows swapped", _manifest(lambda lines: lines[::-1]), {"manifest"}),
    ("row damaged", _manifest(lambda lines: ["{}\n", *lines[1:]]), {"manifest-unreadable"}),
    ("row not UTF-8", _row_not_utf8, {"manifest-unreadable"}),
    ("index missing", _remove_index, {"index-missing"}),
    ("index short", _index(lambda lines: lines[1:]), {"index"}),
    ("index twice", _index(lambda lines: [lines[0], *lines]), {"index"}),
    ("index elsewhere", _index(_shift_index), {"index"}),
    ("index out of order", _index(_swap), {"index-order"}),
    ("index rubbish", _index(lambda lines: [*lines, "zzz\n"]), {"index"}),
    ("log short", _log(lambda lines: lines[1:]), {"log-sequence"}),
    ("log swapped", _log(_swap), {"log-sequence"}),
    ("log twice", _log(lambda lines: [lines[0], *lines]), {"log-sequence"}),
    ("log torn", _log(lambda lines: [*lines[:-1], lines[-1][:-5]]), {"log"}),
    ("log rubbish", _log(lambda lines: [*lines[:-1], "[]\n"]), {"log"}),
    ("log names no record", _log(_with(1, offset=7)), {"log"}),
    ("log names another record", _log(_with(1, offset=0)), {"log"}),
    ("log names no segment", _log(_with(1, segment="x.warc.gz")), {"log"}),
    ("log without a place", _log(_with(1, offset="7")), {"log"}),
    ("log with another URL", _log(_with(1, url="http://example.com/other")), {"log"}),
    ("page of no record", _pages(_with(1, id="00000000-0000-0000-0000-00000000ffff")), {"pages"}),
    ("page without URL", _pages(_with(1, url=None)), {"pages"}),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_what_does_not_agree_is_found(crawl: Path, change: Callable[[Path], None], expected: set[str]) -> None:
    change(crawl)
    graver = [each for each in findings(crawl) if each.severity is not Severity.NOTE]
    assert told(graver) == expected, [str(each) for each in graver]


def test_the_index_finding_names_the_capture(crawl: Path) -> None:
    _index(lambda lines: lines[1:])(crawl)
    (found,) = errors(crawl)
    assert found.record_id == "<urn:uuid:00000000-0000-0000-0000-00000000000b>"
    assert segments_of(crawl)[0].name in found.message


def test_a_reference_that_leads_nowhere_is_an_error_in_our_own_directory(tmp_path: Path) -> None:
    captures = [capture(1), capture(2)]
    del captures[1][0]
    crawl = crawl_directory(tmp_path, [captures])
    assert told(errors(crawl)) == {"concurrent-missing"}


class TestUnsealed:
    """A segment that is being written, or that a crash left."""

    @pytest.fixture
    def crawl(self, tmp_path: Path) -> Path:
        return crawl_directory(tmp_path, [[capture(1)], [capture(2), capture(3)]], leave_open=True)

    def test_it_is_provisional(self, crawl: Path) -> None:
        assert told(findings(crawl)) == {"provisional"}
        assert errors(crawl) == []

    def test_a_torn_tail_is_no_error_at_any_byte(self, crawl: Path) -> None:
        segment = segments_of(crawl)[1]
        whole = segment.read_bytes()
        for length in range(0, len(whole), 7):
            segment.write_bytes(whole[:length])
            assert errors(crawl) == [], length
        segment.write_bytes(whole + bytes(5000))  # what a crash may leave of a block that was not written
        assert errors(crawl) == []

    def test_damage_before_whole_records_is_an_error(self, crawl: Path) -> None:
        segment = segments_of(crawl)[1]
        whole = segment.read_bytes()
        segment.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        assert told(errors(crawl)) == {"frame-damaged", "warcinfo-missing"}

    def test_what_the_ledger_committed_must_be_whole(self, crawl: Path) -> None:
        segment = segments_of(crawl)[1]
        whole = segment.read_bytes()
        with contextlib.closing(sqlite3.connect(crawl / "crawl.db")) as db:
            write_segments(db, read_manifest(crawl))
            db.execute(
                "INSERT INTO segments VALUES (1, ?, 'open', ?, 1, NULL, NULL, NULL, NULL)",
                (segment.name.removesuffix(".open"), len(whole)),
            )
            db.commit()
        assert errors(crawl) == []
        segment.write_bytes(whole + b"a torn batch")
        assert errors(crawl) == []
        segment.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert told(errors(crawl)) == {"frame-damaged"}
        segment.write_bytes(whole[:-1])
        assert told(errors(crawl)) == {"ledger", "file-torn"}

    def test_the_log_may_lag(self, crawl: Path) -> None:
        log = crawl / "logs" / "urls.jsonl"
        log.write_bytes(log.read_bytes()[:-9])
        assert errors(crawl) == []


def write_segments(db: sqlite3.Connection, rows: list[SealedSegment]) -> None:
    """The ledger's table of segments, as a crawl keeps it."""
    db.execute(
        "CREATE TABLE segments (number INTEGER PRIMARY KEY, name TEXT, state TEXT, length INTEGER, records INTEGER,"
        " sha256 TEXT, first_seq INTEGER, last_seq INTEGER, previous_sha256 TEXT)"
    )
    for row in rows:
        values = (row.number, row.name, row.bytes, row.records, row.sha256, row.first_seq, row.last_seq)
        db.execute("INSERT INTO segments VALUES (?,?,'sealed',?,?,?,?,?,?)", (*values, row.previous_sha256))


def test_the_ledger_and_the_files(crawl: Path) -> None:
    db = sqlite3.connect(crawl / "crawl.db")
    write_segments(db, read_manifest(crawl))
    db.commit()
    assert errors(crawl) == []
    db.execute("UPDATE segments SET records = 99 WHERE number = 1")
    db.commit()
    assert told(errors(crawl)) == {"ledger"}
    db.execute("DELETE FROM segments WHERE number = 1")
    db.commit()
    db.close()
    assert told(errors(crawl)) == {"ledger"}
    (crawl / "crawl.db").write_bytes(b"no database" * 100)
    assert told(errors(crawl)) == {"ledger"}


@pytest.mark.parametrize("killed", [False, True])
def test_it_leaves_no_trace_beside_a_ledger(killed: bool, crawl: Path, tmp_path: Path) -> None:
    """On a medium that cannot be written to, SQLite's own files beside the database could not even be made."""
    db = sqlite3.connect(crawl / "crawl.db")
    db.execute("PRAGMA journal_mode = WAL")
    write_segments(db, read_manifest(crawl))
    db.commit()
    copy = tmp_path / "copy"
    if not killed:
        db.close()
    shutil.copytree(crawl, copy, ignore=shutil.ignore_patterns("*-shm"))
    db.close()
    assert (copy / "crawl.db-wal").exists() == killed
    before = {path: path.stat().st_mtime_ns for path in (copy, *copy.rglob("*"))}
    assert errors(copy) == []
    assert {path: path.stat().st_mtime_ns for path in (copy, *copy.rglob("*"))} == before


def test_a_directory_of_files_and_its_index(tmp_path: Path) -> None:
    """A pywb collection: archive/ and indexes/index.cdxj."""
    crawl = crawl_directory(tmp_path / "crawl", [[capture(1), capture(2)]])
    (segment,) = segments_of(crawl)
    collection = tmp_path / "collection"
    (collection / "archive").mkdir(parents=True)
    (collection / "indexes").mkdir()
    shutil.copy(segment, collection / "archive")
    index = collection / "indexes" / "index.cdxj"
    shutil.copy(index_path(crawl, segment.name), index)
    assert findings(collection) == []
    _edit(index, _shift_index)
    assert told(errors(collection)) == {"index"}


class TestCommand:
    def test_sound(self, crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["verify", str(crawl)]) == 0
        assert capsys.readouterr().out == "20 records in 2 files: sound.\n"

    def test_not_sound(self, crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
        _remove_segment(crawl)
        assert cli.main(["verify", str(crawl)]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("error: ")
        assert lines[0].endswith(": manifest: the file is missing")
        assert "not sound; " in lines[-1]

    def test_warnings_count_when_strict(self, crawl: Path) -> None:
        _remove_index(crawl)
        assert cli.main(["verify", "-q", str(crawl)]) == 0
        assert cli.main(["verify", "-q", "--strict", str(crawl)]) == 1

    def test_notes_are_shown_on_request(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "x.warc.gz"
        path.write_bytes(packed(record("resource", 1, b"x", "WARC-Target-URI: http://a/")))
        assert cli.main(["verify", str(path)]) == 0
        assert capsys.readouterr().out == "1 record in 1 file: sound; 1 note (--notes shows them).\n"
        assert cli.main(["verify", "--notes", str(path)]) == 0
        assert "content-type-missing: " in capsys.readouterr().out

    def test_json(self, crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
        segment = segments_of(crawl)[0]
        segment.write_bytes(segment.read_bytes()[:-1])
        assert cli.main(["verify", "--json", str(crawl)]) == 1
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert lines[0]["rule"] == "manifest"
        assert type(lines[1].pop("offset")) is int
        assert lines[1].pop("message") == "the file ends within a record"
        expected = {"severity": "error", "rule": "file-torn", "clause": "4, annex D", "file": str(segment)}
        assert lines[1] == {**expected, "record": None}
        assert lines[-1]["summary"]["errors"] == len(lines) - 1

    def test_control_characters_of_an_archive_never_reach_the_terminal(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "x.warc"
        path.write_bytes(record("resource", 1, b"", "WARC-Target-URI: http://a/\x1b[2J"))
        assert cli.main(["verify", str(path)]) == 1
        out = capsys.readouterr().out
        assert "\x1b" not in out

    @pytest.mark.parametrize("name", ["missing", "empty"])
    def test_what_is_no_archive(self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "empty").mkdir()
        code = cli.main(["verify", str(tmp_path / name)])
        assert (code, capsys.readouterr().err.count("\n")) == (2 if name == "missing" else 1, 1)
