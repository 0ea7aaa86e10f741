"""Fixtures that every test may use: a fresh crawl directory, seeded randomness, bounded loops."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
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


@pytest.fixture
def crawl_dir(tmp_path: Path) -> Path:
    """Where a crawl may put its archive; the crawl creates it."""
    return tmp_path / "crawl"
