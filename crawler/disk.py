"""Room on the disk: pauses the crawl while there is too little, and says so."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

from crawler.clock import Clock
from crawler.errors import DiskFailed, OutOfDisk
from crawler.units import show_bytes

log = logging.getLogger(__name__)
FIRST_LOOK, LONGEST_LOOK = 1.0, 15.0
"""Seconds between two looks at the disk while paused: the first, and the longest."""
LOOK_EVERY = 0.1
"""Seconds for which room that was seen is believed to last before a new fetch; a flush always looks."""
WRITE_RESERVE = 1 << 20
"""After a write failed for want of room, at least this much must be free, whatever `--min-free-disk` says."""


def free_bytes(directory: Path) -> int:
    """Bytes that an ordinary user may still write there."""
    stat = os.statvfs(directory)
    return stat.f_bavail * stat.f_frsize


def is_full(error: BaseException | None) -> bool:
    """True if an operation failed for want of room, or of a quota: what may pass when somebody makes room."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def may_pass(error: BaseException | None) -> bool:
    """True if a file cannot be begun now and may be later: there is no room, or as many are open as may be."""
    return is_full(error) or (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE))


class DiskGuard:
    """Lets the archiver write while there is room; otherwise waits, at most `wait` seconds (None: for ever)."""

    def __init__(
        self,
        directory: Path,
        minimum: int,
        wait: float | None,
        clock: Clock,
        *,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._directory, self._minimum, self._wait, self._clock, self._free = directory, minimum, wait, clock, free
        self._refused: str | None = None
        """Why the last write failed, until another is worth a try."""
        self._failing = False
        self._since: float | None = None
        """When the shortage that lasts began: a write that is tried in vain now and then does not end it."""
        self._look = FIRST_LOOK
        self._believed_until = 0.0
        self._giving_up = asyncio.Event()
        self.pause: str | None = None
        """The sentence that says why the crawl is paused, or None."""
        self.on_change: Callable[[], None] = lambda: None

    def refused(self, error: BaseException | None = None) -> None:
        """A write just failed for want of room, or, as the error tells, of file descriptors: do not try again before
        something was freed."""
        descriptors = isinstance(error, OSError) and not is_full(error)
        self._refused = "too many files are open" if descriptors else "the disk refused a write for want of room"
        self._failing = True
        self._believed_until = 0.0

    def accepted(self) -> None:
        """A write found room: whatever shortage there was is over."""
        if self._failing:
            self._failing = False
            self._over()

    def give_up(self) -> None:
        """The crawl is being stopped: a wait for room ends at once, in OutOfDisk."""
        self._giving_up.set()

    async def room(self, *, flush: bool = False) -> None:
        """Returns when there is room. Raises OutOfDisk when the wait for it is over, DiskFailed when nobody can tell.

        A `flush` of what was received already goes on in spite of `--min-free-disk` once the crawl is being stopped:
        only a refused write holds it up then."""
        if not flush and self._believed_until - LOOK_EVERY <= self._clock.time() < self._believed_until:
            return
        while (sentence := self._shortage()) is not None:
            if flush and self._giving_up.is_set() and not self._refused:
                return
            self._say(sentence)
            if self._since is None:
                self._since = self._clock.time()
            waited = self._clock.time() - self._since
            if self._giving_up.is_set():
                raise OutOfDisk(f"{sentence}; stopped while waiting for room")
            if self._wait is not None and waited >= self._wait:
                raise OutOfDisk(f"{sentence}; waited {waited:.0f} s for room")
            pause = self._look if self._wait is None else min(self._look, self._wait - waited)
            await self._sleep(pause)
            self._look = min(self._look * 2, LONGEST_LOOK)
            self._refused = None  # after a wait a write is worth a try, if the figures allow it
        if not self._failing:
            self._over()
            self._believed_until = self._clock.time() + LOOK_EVERY

    def _over(self) -> None:
        self._since, self._look = None, FIRST_LOOK
        self._say(None)

    def short(self) -> bool:
        """True if there is too little room now. Raises DiskFailed."""
        return self._shortage() is not None

    def _shortage(self) -> str | None:
        try:
            free = self._free(self._directory)
        except OSError as error:
            raise DiskFailed(f"{self._directory}: {error.strerror or error}") from error
        needed = max(self._minimum, WRITE_RESERVE if self._refused else 0)
        if free < needed:
            return f"{self._directory}: only {show_bytes(free)} free, {show_bytes(needed)} wanted"
        if self._refused:
            return f"{self._directory}: {self._refused}"
        return None

    async def _sleep(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._giving_up.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _say(self, sentence: str | None) -> None:
        if (sentence is None) != (self.pause is None):
            if sentence is None:
                log.warning("%s: room again, going on", self._directory)
            else:
                log.warning("%s; paused until there is room", sentence)
            self.pause = sentence
            self.on_change()
        elif sentence is not None:
            self.pause = sentence
