"""Indexes of files that keep none beside them: in the user's cache, never in the archive.

    $XDG_CACHE_HOME/annals/indexes/HASH/SIZE-MTIME.cdxj     HASH of the file's real path and its name in a package

A file that has changed has another name there, and what was kept for it before is removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from storage.layout import replace_file
from storage.sources import Source

WORTH_KEEPING = 4 << 20
"""Bytes from which on a file's index is kept: a smaller one is read through in no time."""


def user_cache() -> Path:
    """Where all that is derived is kept for this user, whether it is there or not; where nothing can be for one without
    a home, as some containers have them."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.devnull if base.startswith("~") else base) / "annals"


def cache_directory() -> Path:
    """Where indexes are kept."""
    return user_cache() / "indexes"


def cached_index(source: Source) -> Path | None:
    """Where the index of a file is kept or would be; None for one that is not worth it or still grows.

    Raises OSError."""
    status = source.path.stat()
    if source.provisional or (source.size or status.st_size) < WORTH_KEEPING:
        return None
    name = f"{os.path.realpath(source.path)}\0{source.name}"
    place = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return cache_directory() / place / f"{status.st_size}-{status.st_mtime_ns}.cdxj"


def cached_order(directory: Path) -> Path:
    """Where an order over the indexes in a directory is kept or would be."""
    place = hashlib.sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:32]
    return cache_directory() / place / "order.bin"


def keep(path: Path, lines: Iterable[str]) -> Path | None:
    """Keeps an index, and nothing older beside it; None where it cannot be kept. Raises what `lines` raises."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:  # read-only, no home: the index is made for this process alone
        return None
    if not os.access(path.parent, os.W_OK):
        return None
    replace_file(path, (line.encode("ascii") for line in lines))
    for other in path.parent.iterdir():
        if other.suffix == ".cdxj" and other != path:
            with suppress(OSError):
                other.unlink()
    return path
