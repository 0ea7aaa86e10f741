"""Fixtures of the tests that crawl."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def crawl_dir(memory_path: Path) -> Path:
    """Where a crawl may put its archive; the crawl creates it. In memory: what disks do to a crawl is shown in
    tests/crash."""
    return memory_path / "crawl"
