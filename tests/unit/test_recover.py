"""`recover`: torn anywhere, no whole record is lost, nothing is thrown away, and a kill at any step can be repeated."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import DirectoryLock, cli, read_manifest
from storage.mending import mend, plan
from tests.support.crawldir import capture, crawl_directory, segments_of
from tests.support.rawwarc import errors, packed, record, request, response, warcinfo

RECORDS = [warcinfo(), request(2), response(3), response(4)]


def starts(pieces: list[bytes]) -> list[int]:
    """Where each piece ends, when they follow each other."""
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return ends


@pytest.mark.parametrize("suffix", [".warc.gz.open", ".warc.gz"])
def test_torn_at_every_byte(suffix: str, memory_path: Path) -> None:
    members = [packed(each) for each in RECORDS]
    whole, ends = b"".join(members), starts(members)
    path, final, torn = memory_path / f"x{suffix}", memory_path / "x.warc.gz", memory_path / "x.warc.gz.torn"
    for length in range(1, len(whole) + 1):
        path.write_bytes(whole[:length])
        assert cli.main(["recover", str(path)]) == 0
        keep = max(end for end in ends if end <= length)
        aside = torn.read_bytes() if torn.exists() else b""
        if keep:
            assert final.read_bytes() == whole[:keep]
            assert aside == whole[keep:length]
            assert errors(final) == []
            final.unlink()
        else:
            assert not final.exists()
            assert aside == whole[:length]
        torn.unlink(missing_ok=True)
        assert list(memory_path.iterdir()) == []


def test_a_plain_file_torn_at_every_byte(memory_path: Path) -> None:
    whole, ends = b"".join(RECORDS), starts(RECORDS)
    path, torn = memory_path / "x.warc", memory_path / "x.warc.torn"
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        assert cli.main(["recover", str(path)]) == 0
        # A record whose block is whole lacks nothing but its line ends: they are added.
        kept = max(end for end in ends if end <= length + 4)
        if kept == 0:
            assert torn.read_bytes() == whole[:length]
        else:
            assert path.read_bytes() == whole[:kept]
            assert errors(path) == []
            if torn.exists():
                assert whole[:length].endswith(torn.read_bytes())
        for each in memory_path.iterdir():
            each.unlink()


def test_whole_records_of_a_shared_member_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tool that compresses the whole file as one stream, torn in its last record."""
    whole = gzip.compress(b"".join(RECORDS), compresslevel=0, mtime=0)
    path = tmp_path / "x.warc.gz"
    path.write_bytes(whole[: len(whole) - 40])
    assert cli.main(["recover", str(path)]) == 0
    anew = len(b"".join(RECORDS[:3]))
    assert f": 3 whole records, 0 bytes as they are and {anew} that are compressed anew; " in capsys.readouterr().out
    assert gzip.decompress(path.read_bytes()) == b"".join(RECORDS[:3])
    assert path.with_name("x.warc.gz.torn").read_bytes() == whole[: len(whole) - 40]
    assert errors(path) == []


def test_records_within_a_torn_record_are_its_content(tmp_path: Path) -> None:
    inner = record("resource", 9, packed(*RECORDS) * 3, "WARC-Target-URI: http://a/", "Content-Type: application/warc")
    path = tmp_path / "x.warc.gz"
    path.write_bytes(packed(response(1)) + gzip.compress(inner, compresslevel=0)[:-100])
    assert cli.main(["recover", str(path)]) == 0
    assert path.read_bytes() == packed(response(1))
    plain = tmp_path / "x.warc"
    plain.write_bytes(response(1) + inner.replace(packed(*RECORDS), response(7))[:-100])
    assert cli.main(["recover", str(plain)]) == 0
    assert plain.read_bytes() == response(1)


@pytest.mark.parametrize("tail", [bytes(5000), b"\x1f\x8b\x08 no gzip", b"rubbish"])
def test_what_a_crash_leaves_at_the_end_goes_aside(tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz.open"
    path.write_bytes(packed(*RECORDS) + tail)
    assert cli.main(["recover", str(path)]) == 0
    assert (tmp_path / "x.warc.gz").read_bytes() == packed(*RECORDS)
    assert (tmp_path / "x.warc.gz.torn").read_bytes() == tail


def test_damage_before_whole_records_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = [packed(each) for each in RECORDS]
    damaged = bytearray(b"".join(members))
    damaged[len(members[0]) + 30] ^= 0xFF
    path = tmp_path / "x.warc.gz.open"
    path.write_bytes(bytes(damaged))
    assert cli.main(["recover", str(path)]) == 1
    assert "cutting here would lose them" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["x.warc.gz.open"]
    assert path.read_bytes() == bytes(damaged)


def test_a_whole_file_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(packed(*RECORDS))
    assert cli.main(["recover", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: whole, 4 records; nothing to do\n"
    assert [each.name for each in tmp_path.iterdir()] == ["x.warc.gz"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("seeds.txt", b"https://example.com/\n"),
        ("crawl.db", b"SQLite format 3\0" + bytes(84)),
        ("web.wacz", b"PK\x03\x04" + bytes(96)),
        ("old.arc.gz", gzip.compress(b"filedesc://old.arc 0.0.0.0 20010101000000 text/plain 73\n")),
        ("torn.gz", gzip.compress(bytes(100))[:-3]),
    ],
)
def test_what_is_no_warc_file_is_left_alone(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert cli.main(["recover", str(path)]) == 1
    assert capsys.readouterr().err == f"storage: {path}: no WARC file, neither by its name nor by a record in it\n"
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_dry_run_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.warc.gz.open"
    path.write_bytes(packed(*RECORDS)[:-3])
    assert cli.main(["recover", "--dry-run", str(path)]) == 0
    assert "would be sealed as x.warc.gz" in capsys.readouterr().out
    assert path.read_bytes() == packed(*RECORDS)[:-3]
    assert len(list(tmp_path.iterdir())) == 1


def test_no_file_is_ever_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.warc.gz.open").write_bytes(packed(*RECORDS))
    (tmp_path / "x.warc.gz").write_bytes(b"precious")
    assert cli.main(["recover", str(tmp_path / "x.warc.gz.open")]) == 1
    assert "both this and" in capsys.readouterr().err
    assert (tmp_path / "x.warc.gz").read_bytes() == b"precious"
    other = tmp_path / "y.warc.gz"
    other.write_bytes(packed(*RECORDS)[:-3])
    (tmp_path / "y.warc.gz.torn").write_bytes(b"precious too")
    assert cli.main(["recover", str(other)]) == 0
    assert (tmp_path / "y.warc.gz.torn").read_bytes() == b"precious too"
    assert (tmp_path / "y.warc.gz.torn-2").exists()


class TestDirectory:
    @pytest.fixture
    def crawl(self, tmp_path: Path) -> Path:
        return crawl_directory(tmp_path, [[capture(1)], [capture(2), capture(3)]], leave_open=True)

    def test_it_is_sealed_indexed_and_listed(self, crawl: Path) -> None:
        segment = segments_of(crawl)[1]
        segment.write_bytes(segment.read_bytes()[:-7])
        assert cli.main(["recover", str(crawl)]) == 0
        assert [row.number for row in read_manifest(crawl)] == [0, 1]
        found = {each.rule.label for each in errors(crawl)}
        # What stood in the torn tail is gone from the archive, and those that name it say so.
        assert found <= {"log", "pages"}
        assert cli.main(["recover", str(crawl)]) == 0

    def test_a_live_ledger_is_refused(self, crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (crawl / "crawl.db").touch()
        for path in (crawl, segments_of(crawl)[1]):
            assert cli.main(["recover", str(path)]) == 1
            assert "to resume it" in capsys.readouterr().err
        assert segments_of(crawl)[1].suffix == ".open"

    def test_whoever_writes_is_not_disturbed(self, crawl: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with DirectoryLock(crawl):
            assert cli.main(["recover", str(crawl)]) == 1
        assert "is being written to by process" in capsys.readouterr().err


class Killed(BaseException):
    pass


def _killing(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """From now on the n-th of the operations that change files is not made any more; says how many were."""
    count = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count >= at:
                raise Killed
            return real(*arguments, **named)

        return call

    for name in ("rename", "fsync"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    monkeypatch.setattr("storage.mending._cut", counted(__import__("storage.mending", fromlist=["_cut"])._cut))
    return lambda: count


@pytest.mark.parametrize("shared", [False, True])
def test_a_kill_at_any_step_can_be_repeated(shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gzip.compress(b"".join(RECORDS), compresslevel=0) if shared else packed(*RECORDS)
    torn = whole[:-40]
    for at in range(1, 20):
        place = tmp_path / str(at)
        place.mkdir()
        path = place / "x.warc.gz.open"
        path.write_bytes(torn)
        with monkeypatch.context() as patched:
            _killing(patched, at)
            try:
                mend(plan(path))
                finished = True
            except Killed:
                finished = False
        left = path if path.exists() else place / "x.warc.gz"
        assert cli.main(["recover", str(left)]) == 0
        plain = gzip.decompress((place / "x.warc.gz").read_bytes())
        assert plain == b"".join(RECORDS[:3])
        tails = [each.read_bytes() for each in place.glob("*.torn*") if not each.name.endswith(".tmp")]
        assert tails
        assert all(torn.endswith(tail) for tail in tails)
        shutil.rmtree(place)
        if finished:
            return
    pytest.fail("it never came to its end")
