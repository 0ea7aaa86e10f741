"""Command lines to paste: how to go on with a crawl, said with the very words it was begun with. Pure."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from crawler.seeds import STDIN

_ONCE = frozenset({"--fresh", "--recrawl", "--retry-failed"})
"""What was asked for once and is no part of going on."""


class Words(Struct, frozen=True):
    """A command line as it was given."""

    program: tuple[str, ...]
    """What the shell ran: `python -m crawler`."""
    arguments: tuple[str, ...]

    @classmethod
    def of_process(cls) -> Words:
        """This process's own words: `.venv/bin/python -m crawler …` as the user wrote it, or the installed script."""
        arguments = sys.argv[1:]
        before = sys.orig_argv[: len(sys.orig_argv) - len(arguments)]
        return cls(tuple(before) if "-m" in before else (sys.argv[0],), tuple(arguments))

    @property
    def verbose(self) -> bool:
        return "--verbose" in self.arguments

    def resume(self, directory: Path) -> str:
        """Goes on with the crawl in `directory`: the same line again.

        But `--fresh` would begin yet another crawl, and standard input cannot be read twice: then the directory is
        named, whose crawl.toml knows the seeds."""
        words = [word for word in self.arguments if word not in _ONCE]
        if "--fresh" in self.arguments or STDIN in words:
            words = [*_without_output(words), "--output", str(directory)]
        return self._line(word for word in words if word != STDIN)

    def again(self) -> str:
        """The very same line."""
        return self._line(self.arguments)

    def fresh(self) -> str:
        """Begins the crawl anew, in a directory beside the old one."""
        return self._line([*(word for word in self.arguments if word not in _ONCE), "--fresh"])

    def resume_old(self, directory: Path) -> str:
        """Goes on with the crawl in `directory`, which `--fresh` left as it is."""
        if STDIN in self.arguments:
            return self.by_directory(directory)
        return self._line(word for word in self.arguments if word not in _ONCE)

    def by_directory(self, directory: Path) -> str:
        """Goes on with the crawl in `directory`, whose crawl.toml knows seeds and options."""
        return self._line(["--output", str(directory)])

    def look(self, directory: Path) -> str:
        """Shows the archive in `directory`: the other program, started in the same way."""
        as_module = self.program[-2:] == ("-m", "crawler")
        # Of an installed script the interpreter knows where it is; any other need not have the package.
        python = self.program[:-1] if as_module else (sys.executable, "-m")
        return shlex.join([*python, "storage", "serve", str(directory)])

    def patch(self, directory: Path) -> str:
        """Fetches what the archive in `directory` lacks."""
        return self._line(["patch", str(directory)])

    def own_site(self) -> str:
        """An example for somebody who has seen the demonstration."""
        return self._line(["https://example.com/"])

    def _line(self, arguments: Iterable[str]) -> str:
        return shlex.join([*self.program, *arguments])


def _without_output(words: Sequence[str]) -> list[str]:
    """The arguments less every `--output DIR` and `--output=DIR`."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word != "--output" and not word.startswith("--output="):
            kept.append(word)
        skip = not skip and word == "--output"
    return kept
