"""Every single file operation of a crawl, SQLite's own included, fails or is the process's last; nothing is lost.

The operations are counted below Python and SQLite (faultfs.c), so that no seam of the program's can hide one. All of
them are tried with ANNALS_ROUNDS set; otherwise as many as fit into a minute, chosen by the run's seed.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import verify_chain
from tests.support.archive_check import assert_complete, read_log
from tests.support.faultfs import CommandLine, Ended
from tests.support.site import SMALL_SEGMENT, Site, small_site

ROUNDS = 12
"""Operations tried of each mode, by default."""
HUNG = -14
KILLED = -9
FINISHED, STOPPED, FAILED = 0, 3, 1

Rounds = Callable[[int], int]


@dataclass(frozen=True)
class Bench:
    """A site, and the command line that crawls it."""

    site: Site
    crawler: CommandLine
    directory: Path
    operations: Sequence[str]
    """What one undisturbed crawl does to its files, in order."""

    def argv(self, directory: Path, *options: str) -> list[str]:
        return [
            f"{self.site.root}/", "--output", str(directory), "--delay", "0", "--per-host", "8", "--quiet",
            "--min-free-disk", "0", "--disk-wait", "0", "--segment-size", str(SMALL_SEGMENT), "--no-sitemaps",
            *options,
        ]  # fmt: skip

    def disturbed(self, directory: Path, mode: str, at: int, *options: str, lasting: Path | None = None) -> Ended:
        return self.crawler.run(self.argv(directory, *options), root=directory, mode=mode, at=at, lasting=lasting)

    def chosen(self, rng: random.Random, rounds: Rounds) -> list[int]:
        """Numbers of operations; of a row of alike ones the first, the last and one between stand for all."""
        wanted = rounds(ROUNDS)
        if wanted > ROUNDS:
            return list(range(1, len(self.operations) + 3))
        numbers: list[int] = []
        named = [(number, line.split(" ", 1)[1]) for number, line in enumerate(self.operations, 1)]
        for _, row in itertools.groupby(named, key=lambda pair: pair[1]):
            alike = [number for number, _ in row]
            numbers += {alike[0], rng.choice(alike), alike[-1]}
        return sorted(rng.sample(numbers, wanted))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("faults")
    with Site(small_site()) as site, CommandLine(directory) as crawler:
        plain = Bench(site, crawler, directory, ())
        counted = crawler.run(plain.argv(directory / "plain"), root=directory / "plain", mode="COUNT", trace=True)
        assert counted.code == FINISHED, counted.output
        assert_complete(directory / "plain", site.root, site.answers)
        operations = [line.split(" ", 1)[1] for line in counted.operations]
        for needed in ("write /archive", "fdatasync /crawl.db-wal", "rename /archive", "unlink", "ftruncate", "fsync"):
            assert any(line.split(" ", 1)[1].startswith(needed) for line in counted.operations), needed
        assert len(operations) > 200
        yield Bench(site, crawler, directory, counted.operations)


def told(directory: Path) -> dict[object, dict[str, object]]:
    return {line["url"]: line for line in read_log(directory)}


def resume(bench: Bench, directory: Path, before: dict[object, dict[str, object]]) -> None:
    """The same command line without faults completes the crawl; what was told before is as it was told."""
    again = bench.crawler.run(bench.argv(directory))
    assert again.code == FINISHED, again.output
    assert_complete(directory, bench.site.root, bench.site.answers)
    assert verify_chain(directory) == []
    after = told(directory)
    assert {url: after.get(url) for url in before} == before


@pytest.mark.parametrize("mode", ["KILL_BEFORE", "KILL_AFTER"])
def test_killed_at_any_operation(
    bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds, mode: str
) -> None:
    for at in bench.chosen(rng, rounds):
        directory = memory_path / f"{mode}-{at}"
        ended = bench.disturbed(directory, mode, at)
        assert ended.code in (KILLED, FINISHED), f"{mode} {at}: {ended}"
        resume(bench, directory, told(directory))


def test_killed_while_it_recovers(bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds) -> None:
    """Killed twice: at work, and at any operation of the start that puts things in order."""
    for at in bench.chosen(rng, rounds)[: rounds(6)]:
        directory = memory_path / str(at)
        bench.disturbed(directory, "KILL_AFTER", at)
        before = told(directory)
        for second in range(1, 40, 7):
            bench.disturbed(directory, "KILL_BEFORE", second)
        resume(bench, directory, before)


def test_an_io_error_at_any_operation(bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds) -> None:
    for at in bench.chosen(rng, rounds):
        directory = memory_path / str(at)
        ended = bench.disturbed(directory, "EIO", at)
        context = f"EIO at {at}: {bench.operations[min(at, len(bench.operations)) - 1]}: {ended}"
        assert ended.code in (FINISHED, FAILED, STOPPED), context
        assert "Traceback" not in ended.output, context
        assert "internal error" not in ended.output, context
        if ended.code != FINISHED:
            assert ended.output.startswith("crawler: "), context
        resume(bench, directory, told(directory))


def test_no_room_at_any_one_operation(bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds) -> None:
    for at in bench.chosen(rng, rounds):
        directory = memory_path / str(at)
        ended = bench.disturbed(directory, "ENOSPC", at)
        context = f"ENOSPC at {at}: {bench.operations[min(at, len(bench.operations)) - 1]}: {ended}"
        assert ended.code in (FINISHED, FAILED, STOPPED), context
        assert "Traceback" not in ended.output, context
        assert "internal error" not in ended.output, context
        resume(bench, directory, told(directory))


def test_a_disk_that_is_full_from_any_operation_on(
    bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds
) -> None:
    flag = memory_path / "full"
    flag.touch()
    for at in bench.chosen(rng, rounds):
        directory = memory_path / str(at)
        ended = bench.disturbed(directory, "FULL", at, lasting=flag)
        context = f"FULL from {at}: {bench.operations[min(at, len(bench.operations)) - 1]}: {ended}"
        assert ended.code in (FINISHED, STOPPED), context
        assert "Traceback" not in ended.output, context
        if ended.code == STOPPED:
            assert ended.output.startswith("crawler: ") or not ended.output, context
        resume(bench, directory, told(directory))


def test_room_comes_back_and_the_crawl_goes_on(
    bench: Bench, memory_path: Path, rng: random.Random, rounds: Rounds
) -> None:
    begun = next(number for number, line in enumerate(bench.operations, 1) if " write /archive" in line)
    for at in rng.sample(range(begun, len(bench.operations) - 20), min(rounds(3), 30)):
        flag = memory_path / "full"
        flag.touch()
        directory = memory_path / str(at)
        timer = threading.Timer(0.8, flag.unlink)
        timer.start()
        began = time.monotonic()
        ended = bench.disturbed(directory, "FULL", at, "--disk-wait", "30s", lasting=flag)
        timer.join()
        assert ended.code == FINISHED, f"FULL from {at}: {ended}"
        assert_complete(directory, bench.site.root, bench.site.answers)
        assert time.monotonic() - began < 20
