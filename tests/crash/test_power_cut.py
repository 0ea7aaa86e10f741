"""The power is cut at any file operation of a crawl: what was told holds, though only what was synced is left.

Nothing is taken for granted but POSIX: of a file the content at its last sync, of a directory the names at its last
sync, and of those only what lies below names that are left (tests/support/powercut.py).
"""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import verify_chain, write_index
from tests.support.archive_check import assert_complete, read_log
from tests.support.crawldir import capture, crawl_directory, segments_of
from tests.support.faultfs import CommandLine, Ended
from tests.support.powercut import after_power_cut
from tests.support.site import SMALL_SEGMENT, Site, small_site

ROUNDS = 24
"""Operations tried, by default; ANNALS_ROUNDS beyond that tries all of them."""
AMONG = Path("crawls", "of", "a site")
"""Where the crawl is below the directory that the power cut leaves: directories that it has to make."""
FINISHED, KILLED = 0, -9

GZIP_START = b"\x1f\x8b\x08"

Rounds = Callable[[int], int]
Lines = list[dict[str, object]]


@dataclass(frozen=True)
class Bench:
    """A site, and the command line that crawls it, with the power cut after an operation."""

    site: Site
    crawler: CommandLine

    def run(self, below: Path, at: int = 0, synced: Path | None = None) -> Ended:
        argv = [
            f"{self.site.root}/", "--output", str(below / AMONG), "--delay", "0", "--per-host", "8", "--quiet",
            "--min-free-disk", "0", "--segment-size", str(SMALL_SEGMENT), "--no-sitemaps",
        ]  # fmt: skip
        below.mkdir(exist_ok=True)
        if synced is None:
            return self.crawler.run(argv)
        synced.mkdir()
        return self.crawler.run(argv, root=below, mode="KILL_AFTER", at=at, synced=synced, trace=True)

    def cut(self, before: Path, at: int, place: Path) -> tuple[Path, Lines, Ended]:
        """What is left of the directory `before` and what was told, once the power was cut after operation `at`."""
        place.mkdir()
        ended = self.run(before, at, place / "synced")
        told = read_log(before / AMONG)
        after_power_cut(place / "synced", place / "left")
        return place / "left", told, ended

    def holds(self, left: Path, told: Lines) -> None:
        """The same command line completes the crawl; what was told stays, and no torn index is taken for whole."""
        configuration = left / AMONG / "crawl.toml"
        assert not configuration.exists() or tomllib.loads(configuration.read_text()), "it is whole or not there"
        again = self.run(left)
        assert again.code == FINISHED, again.output
        directory = left / AMONG
        assert_complete(directory, self.site.root, self.site.answers)
        assert verify_chain(directory) == []
        assert read_log(directory)[: len(told)] == told
        for index in sorted((directory / "indexes").glob("*.cdxj")):
            written = index.read_bytes()
            assert written == write_index(directory, index.name.removesuffix(".cdxj")).read_bytes(), index


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Site(small_site()) as site, CommandLine(tmp_path_factory.mktemp("faultfs")) as crawler:
        yield Bench(site, crawler)


def chosen(count: int, rng: random.Random, rounds: Rounds, default: int = ROUNDS) -> list[int]:
    wanted = rounds(default)
    every = range(1, count + 1)
    return list(every) if wanted >= count or wanted > default else sorted(rng.sample(every, wanted))


def test_the_power_may_be_cut_after_any_operation(
    bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds
) -> None:
    left, told, whole = bench.cut(memory_path / "whole", 0, memory_path / "cut at the end")
    assert whole.code == FINISHED, whole.output
    assert len(told) > len(bench.site.answers)
    bench.holds(left, told)
    reported = 0
    for at in chosen(len(whole.operations), rng, rounds):
        left, told, ended = bench.cut(memory_path / f"{at}", at, memory_path / f"{at} cut")
        assert ended.code in (KILLED, FINISHED), ended
        reported += len(told)
        print(f"cut after {ended.operations[-1:]}: {len(told)} told")
        bench.holds(left, told)
    assert reported, "no cut came after a report"


def test_the_power_may_be_cut_again_while_it_recovers(
    bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds
) -> None:
    before = memory_path / "before"
    _, _, whole = bench.cut(memory_path / "whole", 0, memory_path / "whole cut")
    middle = next(
        n for n, step in enumerate(whole.operations, 1) if n > len(whole.operations) // 2 and " write /" in step
    )
    left, told, _ = bench.cut(before, middle, memory_path / "first cut")
    for at in chosen(60, rng, rounds, 12):
        again = memory_path / f"{at}"
        after_power_cut(memory_path / "first cut" / "synced", again)
        left, more, ended = bench.cut(again, at, memory_path / f"{at} cut")
        assert ended.code in (KILLED, FINISHED), ended
        bench.holds(left, max(told, more, key=len))


def test_the_power_may_be_cut_while_a_torn_file_is_mended(bench: Bench, memory_path: Path) -> None:
    """Whole records are there, and what was cut off is in the file beside it."""
    made = crawl_directory(memory_path / "made", [[capture(number) for number in range(4)]])
    (segment,) = segments_of(made)
    data = segment.read_bytes()
    whole = data.rindex(GZIP_START)
    torn = data[: whole + 20]

    def mended(below: Path, **faults: Any) -> Ended:
        return bench.crawler.run(["recover", str(below / "x.warc.gz.open")], program="storage", **faults)

    for at in itertools.count(1):
        below, place = memory_path / f"{at}", memory_path / f"{at} cut"
        for directory in (below, place, place / "synced"):
            directory.mkdir()
        (below / "x.warc.gz.open").write_bytes(torn)
        ended = mended(below, root=below, mode="KILL_AFTER", at=at, synced=place / "synced", trace=True)
        after_power_cut(place / "synced", place / "left")
        if (place / "left" / "x.warc.gz.open").exists():
            assert ended.code == KILLED, "what ended is durable"
            assert mended(place / "left").code == FINISHED
        found = {path.name: path.read_bytes() for path in (place / "left").glob("x*")}
        assert found == {"x.warc.gz": data[:whole], "x.warc.gz.torn": torn[whole:]}, ended.operations
        if ended.code == FINISHED:
            break
    assert at > 5
