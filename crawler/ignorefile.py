"""DIR/ignores while a crawl runs: read again when it has changed, so that what proves useless is left out at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from crawler.clock import Clock
from crawler.rules.ignores import Ignores, parse_ignores
from crawler.scope import Scope

log = logging.getLogger(__name__)
FILE_NAME = "ignores"
INTERVAL = 1.0
"""Seconds between two looks at the file's time."""

_Stamp = tuple[int, int, int]


class IgnoreFile:
    """Hands `scope` what the file says, together with the sets that were asked for otherwise."""

    def __init__(self, directory: Path, sets: Sequence[str], scope: Scope, clock: Clock) -> None:
        self._path, self._sets, self._scope, self._clock = directory / FILE_NAME, tuple(sets), scope, clock
        self._stamp: _Stamp | None = None
        self._next_look = 0.0
        self.in_force = Ignores(self._sets)
        scope.ignore(self.in_force)
        self.refresh()

    def refresh(self) -> None:
        """Reads the file again if it has changed; called for each URL, it looks once a second. Raises nothing: what
        cannot be read is told in the log, and what was in force stays in force."""
        now = self._clock.time()
        if now < self._next_look:
            return
        self._next_look = now + INTERVAL
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            text = "" if stamp is None else self._path.read_text(encoding="utf-8-sig")
        except OSError as error:
            log.error("%s: cannot be read: %s", self._path, error.strerror)
        except UnicodeDecodeError:
            log.error("%s: is not UTF-8 text; the patterns read before stay in force", self._path)
        else:
            self._take(text)

    def add(self, pattern: str) -> None:
        """Writes one more pattern into the file: it holds at once. Raises ValueError for what is none, OSError."""
        ignores, complaints = parse_ignores(pattern, "")
        if complaints or "\n" in pattern or len(ignores.patterns) != 1:
            raise ValueError(complaints[0].removeprefix(":1: ") if complaints else f"{pattern!r} is not one pattern")
        text = self._path.read_text(encoding="utf-8-sig") if self._path.exists() else ""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{pattern}\n")
        self._next_look = 0.0
        self.refresh()

    def _look(self) -> _Stamp | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _take(self, text: str) -> None:
        ignores, complaints = parse_ignores(text, str(self._path))
        for complaint in complaints:
            log.error("%s; the other patterns are in force", complaint)
        log.info("%s: %d patterns, sets: %s", self._path, len(ignores.patterns), ", ".join(ignores.sets) or "none")
        self.in_force = ignores.with_sets(self._sets)
        self._scope.ignore(self.in_force)
