"""The line logs against a disk that fails: never a hole, never half a line, and all is mended from the ledger."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.derivedlog import DerivedLog, urls_line
from crawler.model import Outcome, OutcomeKind


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
