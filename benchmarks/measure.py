"""Running a child process on one core and reading what it cost from the kernel."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Usage:
    """What one child process cost."""

    exit_code: int
    cpu_seconds: float
    """User and system time of the process, its threads and the children it waited for (getrusage(2))."""
    wall_seconds: float
    peak_bytes: int
    """Largest resident set (VmHWM of proc(5)) seen; 0 where it was not sampled."""


def cores() -> tuple[int, int]:
    """The core for the program that is measured and the one for all else; the same one where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def pinned(core: int) -> tuple[str, ...]:
    """The words that keep a command on one core."""
    return "taskset", "--cpu-list", str(core)


def run(
    command: Sequence[str], log: Path, *, core: int, environment: Mapping[str, str] | None = None, sample: bool = False
) -> Usage:
    """Runs a command to its end, its output in `log`. `sample` also watches its memory, which costs it a little.

    getrusage's own maximum is not used for memory: a child inherits its parent's across exec."""
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pinned(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
        try:
            peak, status, usage = _wait(process.pid, sample=sample)
        except BaseException:
            process.kill()
            process.wait()
            raise
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Usage(process.returncode, usage.ru_utime + usage.ru_stime, wall, peak)


def _wait(pid: int, *, sample: bool) -> tuple[int, int, resource.struct_rusage]:
    if not sample:
        return 0, *os.wait4(pid, 0)[1:]
    peak = 0
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            return peak, status, usage
        peak = max(peak, _peak(pid))  # VmHWM only rises: the last sample tells nearly all
        time.sleep(SAMPLE_SECONDS)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0  # it has ended and awaits its wait


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [[*header], ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
