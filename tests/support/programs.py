"""System programs and data that some tests need beside Python packages.

On a developer's machine a missing one skips the test and says so; under CI, where `.ci/run` installs all of them, it
is a failure: a test that silently never runs proves nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_ADMIN_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps servers; not on the PATH of an ordinary user."""


def find_program(name: str) -> str | None:
    """The path of a system program, or None."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(_ADMIN_DIRECTORIES))


def require_program(name: str) -> str:
    """The path of a system program; where it is missing the test skips, or fails under CI."""
    return find_program(name) or absent(f"the program {name!r} is not installed")


def find_python_docs() -> Path | None:
    """The HTML documentation that Debian's package python3-doc installs, or None."""
    places = sorted(Path("/usr/share/doc").glob("python3*/html/index.html"))
    # python3/ and python3-doc/ hold links to the versioned directory: all lead to one place.
    return places[0].parent.resolve() if places else None


def require_python_docs() -> Path:
    """The directory of python3-doc; where it is missing the test skips, or fails under CI."""
    return find_python_docs() or absent("Debian's package python3-doc is not installed")


def absent(reason: str) -> NoReturn:
    """Skips the running test for want of something; under CI (the variable CI is set) fails it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and under CI it must be", pytrace=False)
    pytest.skip(reason)
