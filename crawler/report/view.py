"""What every way of showing a running crawl has in common."""

from __future__ import annotations

from typing import Protocol

from crawler.model import Outcome
from crawler.progress import Progress


class View(Protocol):
    """Shows a running crawl. All methods are called from the event loop's thread, and none may wait.

    May raise OSError when what it writes to has gone away: the crawl then goes on unseen."""

    interval: float
    """Seconds between two updates."""

    def start(self) -> None: ...

    def update(self, progress: Progress) -> None: ...

    def outcome(self, outcome: Outcome) -> None:
        """A URL is finished; called for each of them, with --verbose only."""

    def stop(self) -> None: ...


class Silent:
    """Shows nothing: --quiet."""

    interval = 3600.0

    def start(self) -> None:
        pass

    def update(self, progress: Progress) -> None:
        pass

    def outcome(self, outcome: Outcome) -> None:
        pass

    def stop(self) -> None:
        pass
