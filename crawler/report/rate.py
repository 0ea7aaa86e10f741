"""How fast it goes now: the difference between samples a few seconds apart."""

from __future__ import annotations

from collections import deque

from crawler.progress import Progress

WINDOW = 15.0
"""Seconds: long enough to be steady, short enough to be of now."""


class Rate:
    """URLs and bytes a second over the last seconds, from the progress it is shown."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._samples: deque[tuple[float, int, int]] = deque()

    def update(self, progress: Progress) -> tuple[float, float]:
        """Takes a sample; returns (URLs a second, bytes a second), zeros while there is nothing to compare."""
        self._samples.append((progress.elapsed, progress.done, progress.bytes))
        while len(self._samples) > 2 and self._samples[1][0] <= progress.elapsed - self._window:
            self._samples.popleft()
        since, done, received = self._samples[0]
        seconds = progress.elapsed - since
        if seconds <= 0:
            return 0.0, 0.0
        return (progress.done - done) / seconds, (progress.bytes - received) / seconds
