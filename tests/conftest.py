"""Fixtures that every test may use: a fresh crawl directory, seeded randomness, bounded loops."""

from __future__ import annotations

import gc
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

SEED = int(os.environ.get("ANNALS_SEED") or random.SystemRandom().randrange(1 << 32))

# Under CI the same examples every time; elsewhere Hypothesis explores, and prints what fails.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_report_header() -> str:
    return f"seed: {SEED} (ANNALS_SEED={SEED} repeats this run)"


def pytest_collection_finish() -> None:
    """What was imported and collected lives to the end: no later search for garbage, and the tests that cancel make
    hundreds, need look through the hundreds of thousands of its objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A random source that depends on the run's seed and the test alone, not on which tests ran before."""
    name = request.node.nodeid
    print(f"random source of {name}: repeat with ANNALS_SEED={SEED}")
    return random.Random(f"{SEED}:{name}")


@pytest.fixture
def rounds() -> Callable[[int], int]:
    """How often a long loop turns: the given number, or what ANNALS_ROUNDS asks for."""
    asked = os.environ.get("ANNALS_ROUNDS")
    return lambda default: int(asked) if asked else default


MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes: more than any test needs, and than the least that a crawl leaves free by default."""
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def memory_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An empty directory in memory, or on disk where there is no room for it.

    For loops over hundreds of runs that wait for the disk most of their time, and whose faults, kills and cuts are the
    test's own: nobody cuts the power of this machine, so what a real sync does is not seen by them either way. What a
    test that failed left there is in its `tmp_path`."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="annals-", dir=MEMORY) as directory:
        yield Path(directory)
        if request.node.stash.get(FAILED, False):
            shutil.copytree(directory, tmp_path / "memory")


@pytest.fixture
def crawl_dir(tmp_path: Path) -> Path:
    """Where a crawl may put its archive; the crawl creates it."""
    return tmp_path / "crawl"
