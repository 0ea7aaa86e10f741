"""The directory of the segments, held while a crawl runs: whoever removes it takes the archive from under the crawl.

Its name tells nothing, for another may be made under it at once, and what is written to an open file goes on to vanish
without an error. But a directory that was removed has no links any more (POSIX, rmdir); whoever holds it sees that.
"""

from __future__ import annotations

import os
from pathlib import Path

from storage import SegmentBroken


class Home:
    """Told of by `check`; does nothing where a file system counts no links."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def hold(self) -> None:
        """Begins to watch. Raises OSError."""
        handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if os.fstat(handle).st_nlink:
            self._handle = handle
        else:
            os.close(handle)

    def check(self) -> None:
        """Raises SegmentBroken if the directory was removed."""
        if self._handle is not None and not os.fstat(self._handle).st_nlink:
            raise SegmentBroken("was removed while the crawl wrote to it", path=str(self._path))

    def let_go(self) -> None:
        """May be called in any state."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
