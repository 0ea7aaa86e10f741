"""The programs that are compared, and how each is told to fetch a whole site."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find_program

HERE = Path(__file__).resolve().parent
PEERS_PYTHON = HERE / ".venv" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Contender:
    """One program under measurement."""

    name: str
    command: Callable[[str, Path], Sequence[str]]
    """The command that fetches everything from a start URL on, keeping what it keeps in a directory."""
    good_exits: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Absent:
    """A program that cannot be measured here, and why."""

    name: str
    reason: str


def annals() -> Contender:
    """The crawler with everything on: ledger, archive, robots.txt, log."""
    return Contender("annals", annals_command)


def annals_command(url: str, directory: Path, *more: str) -> Sequence[str]:
    return (
        *(sys.executable, "-m", "crawler", url, "--output", str(directory / "crawl"), "--quiet"),
        *("--delay", "0", "--per-host", "16", "--min-free-disk", "1M", *more),
    )


def wget() -> Contender | Absent:
    """wget, which also writes the plain files beside its WARC; it exits with 8 after any 404."""
    program = find_program("wget")
    if program is None:
        return Absent("wget --warc-file", "the program wget is not installed")

    def command(url: str, directory: Path) -> Sequence[str]:
        return (
            *(program, "--quiet", "--recursive", "--level=inf", url),
            *("--warc-file", str(directory / "wget"), "--directory-prefix", str(directory / "files")),
        )

    return Contender("wget --warc-file", command, (0, 8))


def scrapy(python: Path) -> Contender | Absent:
    """Scrapy, which archives nothing."""
    if not python.exists():
        return Absent("Scrapy", f"no Python at {python}; benchmarks/README.md says how to install it")
    return Contender("Scrapy (no archive)", lambda url, _: (str(python), str(HERE / "scrapy_peer.py"), url))
