"""The command line under tests/crash/faultfs.c: any one of its file operations fails, or is its last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.programs import require_program

_HERE = Path(__file__).parent.parent / "crash"


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    """The exit code; minus the signal's number if one ended it."""
    output: str
    """What it wrote to standard output and standard error."""
    operations: tuple[str, ...] = ()
    """What it did to the files, in order, when that was asked for."""


class CommandLine:
    """`python -m crawler` or `python -m storage` in a process of its own for each run, at a fork's price.

    Use as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._library = directory / "faultfs.so"
        gcc = require_program("gcc")
        subprocess.run(
            [gcc, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", str(self._library),
             str(_HERE / "faultfs.c"), "-ldl", "-pthread"],
            check=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_HERE.parent.parent,
            env={**os.environ, "LD_PRELOAD": str(self._library)},
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)

    def run(
        self,
        argv: Sequence[str],
        *,
        program: str = "crawler",
        root: Path | None = None,
        mode: str | None = None,
        at: int = 0,
        lasting: Path | None = None,
        synced: Path | None = None,
        trace: bool = False,
        seconds: int = 40,
    ) -> Ended:
        """One run; `mode`, `at`, `lasting` and `synced` are those of faultfs.c, for the files below `root`."""
        output, operations = self._directory / "output", self._directory / "operations"
        order = {
            "program": program, "argv": list(argv),
            "root": None if root is None else str(root.resolve()), "mode": mode, "at": at,
            "lasting": None if lasting is None else str(lasting),
            "synced": None if synced is None else str(synced), "output": str(output), "seconds": seconds,
            "trace": str(operations) if trace else None,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        steps = tuple(operations.read_text().splitlines()) if trace else ()
        return Ended(code, output.read_text(), steps)
