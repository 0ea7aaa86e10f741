"""The line logs against a disk that fails: never a hole, never half a line, and all is mended from the ledger."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.archiving import derivedlog
from crawler.archiving.derivedlog import PAGES_HEADER, TAIL, DerivedLog, urls_line
from crawler.model import Outcome, OutcomeKind, Receipt
from tests.support.exchanges import NOON


def outcomes(first: int, last: int) -> list[Outcome]:
    return [Outcome(OutcomeKind.ARCHIVED, f"http://a.test/{seq}", seq=seq) for seq in range(first, last + 1)]


class FailingFile:
    """A raw file that is full after `room` bytes: it writes what fits, then refuses."""

    def __init__(self, inner: Any, room: int) -> None:
        self.inner, self.room = inner, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "full")
        written: int = self.inner.write(data[: self.room])
        self.room -= written
        return written


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DerivedLog]:
    made = DerivedLog(tmp_path / "logs" / "urls.jsonl", urls_line)
    yield made
    made.close()


def numbers(log: DerivedLog) -> list[int]:
    return [json.loads(line)["seq"] for line in log.path.read_text().splitlines()]


@pytest.mark.parametrize("room", [0, 1, 60, 400])
def test_a_write_that_fails_leaves_nothing_and_is_made_good(log: DerivedLog, room: int) -> None:
    log.write(outcomes(1, 2))
    file = log._file
    log._file = FailingFile(file, room)  # type: ignore[assignment]
    with pytest.raises(OSError, match="full"):
        log.write(outcomes(3, 9))
    log._file = file
    assert (numbers(log), log.last_seq, log.behind) == ([1, 2], 2, True)
    log.write(outcomes(10, 11))
    assert numbers(log) == [1, 2], "no line is written while earlier ones are missing"
    log.catch_up(outcomes(3, 11))
    assert (numbers(log), log.behind) == (list(range(1, 12)), False)
    log.write(outcomes(12, 12))
    assert numbers(log) == list(range(1, 13))


def test_a_short_write_is_continued(log: DerivedLog) -> None:
    class Short(FailingFile):
        def write(self, data: bytes) -> int:
            written: int = self.inner.write(data[:7])
            return written

    log._file = Short(log._file, 0)  # type: ignore[assignment]
    log.write(outcomes(1, 5))
    assert numbers(log) == [1, 2, 3, 4, 5]


def reopened(path: Path, *, header: str | None = None, last: int = 9) -> list[dict[str, Any]]:
    """What the log holds after a start on a ledger that ends with `last`."""
    log = DerivedLog(path, urls_line, header=header)
    log.catch_up(outcomes(log.last_seq + 1, last))
    log.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def sequence(lines: list[dict[str, Any]]) -> list[int]:
    return [line["seq"] for line in lines if "seq" in line]


@pytest.fixture
def whole(log: DerivedLog) -> bytes:
    """A log of four lines, the last of which a test tears."""
    log.write(outcomes(1, 4))
    return log.path.read_bytes()


def test_torn_at_every_byte_of_the_last_line(log: DerivedLog, whole: bytes) -> None:
    start = whole.rindex(b"\n", 0, -1) + 1
    for end in range(start, len(whole)):
        log.path.write_bytes(whole[:end])
        made = DerivedLog(log.path, urls_line)
        assert (made.last_seq, log.path.read_bytes()) == (3, whole[:start])
        made.close()
        assert sequence(reopened(log.path)) == list(range(1, 10))
    assert log.path.read_bytes().startswith(whole)


@pytest.mark.parametrize("zeros", [1, 4096, TAIL - 1, TAIL, TAIL + 1, 3 * TAIL])
@pytest.mark.parametrize("torn", [0, 1, 20])
@pytest.mark.parametrize("line_end", [b"", b"\n", b"\n\n"])
def test_zeros_at_the_end_as_after_a_power_cut(
    log: DerivedLog, whole: bytes, zeros: int, torn: int, line_end: bytes
) -> None:
    log.path.write_bytes(whole[: len(whole) - torn] + b"\0" * zeros + line_end)
    lines = reopened(log.path)
    assert sequence(lines) == list(range(1, 10))
    assert log.path.read_bytes().startswith(whole)


@pytest.mark.parametrize("start", [0, 1, 150, 400])
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_a_hole_between_whole_lines_as_after_a_power_cut(
    log: DerivedLog, whole: bytes, monkeypatch: pytest.MonkeyPatch, start: int, block: int
) -> None:
    monkeypatch.setattr(derivedlog, "BLOCK", block)
    assert start + 100 < len(whole)
    log.path.write_bytes(whole[:start] + bytes(100) + whole[start + 100 :])
    assert sequence(reopened(log.path)) == list(range(1, 10))
    assert log.path.read_bytes().startswith(whole)


@pytest.mark.parametrize(
    "rubbish", [b"{}garbage\n", b"[1, 2]\n", b'{"seq": "x"}\n', b'{"seq": -1}\n', b"\xff\xfe\n", b"\n"]
)
def test_a_last_line_that_is_none_is_cut(log: DerivedLog, whole: bytes, rubbish: bytes) -> None:
    log.path.write_bytes(whole + rubbish)
    assert sequence(reopened(log.path)) == list(range(1, 10))
    assert rubbish.strip() not in log.path.read_bytes() or not rubbish.strip()


def test_nothing_but_rubbish_is_a_new_log(log: DerivedLog) -> None:
    for content in (b"", b"\n", b"\0" * 10_000, b'{"seq": 1', b"x\ny\nz"):
        log.path.write_bytes(content)
        assert sequence(reopened(log.path)) == list(range(1, 10))


@pytest.mark.parametrize("length", [TAIL - 100, TAIL, TAIL + 1, 3 * TAIL])
def test_a_line_of_any_length_is_found(log: DerivedLog, length: int) -> None:
    long = Outcome(OutcomeKind.ARCHIVED, "http://a.test/" + "x" * length, seq=2)
    log.write([*outcomes(1, 1), long])
    made = DerivedLog(log.path, urls_line)
    assert made.last_seq == 2
    made.close()
    log.path.write_bytes(log.path.read_bytes()[:-1])
    assert sequence(reopened(log.path)) == list(range(1, 10))


def test_what_is_whole_is_left_as_it_is(log: DerivedLog, whole: bytes) -> None:
    assert sequence(reopened(log.path, last=4)) == [1, 2, 3, 4]
    assert log.path.read_bytes() == whole


def test_many_missing_lines_are_written(tmp_path: Path) -> None:
    assert sequence(reopened(tmp_path / "new" / "log.jsonl", last=2500)) == list(range(1, 2501))


class TestHeader:
    def test_it_stands_first_and_once(self, tmp_path: Path) -> None:
        path = tmp_path / "pages.jsonl"
        for last in (0, 2, 5):
            lines = reopened(path, header=PAGES_HEADER, last=last)
            assert lines[0] == {"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}
            assert sequence(lines) == list(range(1, last + 1))

    def test_torn_at_every_byte_it_is_written_again(self, tmp_path: Path) -> None:
        path = tmp_path / "pages.jsonl"
        for end in range(len(PAGES_HEADER) + 1):
            path.write_bytes(PAGES_HEADER.encode()[:end])
            lines = reopened(path, header=PAGES_HEADER, last=2)
            assert lines[0]["format"] == "json-pages-1.0"
            assert sequence(lines) == [1, 2]


class TestLines:
    def test_a_line_of_urls(self) -> None:
        receipt = Receipt(7, "s.warc.gz", 12, 34, "<urn:uuid:1>", "sha256:ab")
        outcome = Outcome(
            OutcomeKind.FAILED, "http://a.test/ü", 7, NOON, "it \n broke", status=503, bytes=5, ms=6, attempt=2,
            depth=3, via="http://a.test/", receipt=receipt,
        )  # fmt: skip
        line = urls_line(outcome)
        assert "\n" not in line
        assert "ü" in line
        assert json.loads(line) == {
            "seq": 7, "time": "2026-01-02T12:00:00.123456Z", "url": "http://a.test/ü", "outcome": "failed",
            "reason": "it \n broke", "status": 503, "bytes": 5, "ms": 6, "attempt": 2, "depth": 3,
            "via": "http://a.test/", "segment": "s.warc.gz", "offset": 12,
        }  # fmt: skip
        bare = json.loads(urls_line(Outcome(OutcomeKind.EXCLUDED, "http://a.test/", 1)))
        assert (bare["time"], bare["segment"], bare["offset"], bare["via"]) == (None, None, None, None)

    def test_a_lone_surrogate_does_not_stop_the_log(self, log: DerivedLog) -> None:
        log.write([Outcome(OutcomeKind.FAILED, "http://a.test/", 1, reason="bad \udcff name")])
        [line] = log.path.read_bytes().splitlines()
        assert json.loads(line)["reason"] == "bad \udcff name"
