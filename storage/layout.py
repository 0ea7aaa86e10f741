"""Where an archive keeps its files: a crawl directory is a pywb collection and an unpacked WACZ at once.

DIR/archive/    segments, `.open` while being written
DIR/indexes/    derived from segments and ledger, rebuildable: SEGMENT.cdxj, manifest.jsonl
DIR/.lock       held by whoever writes
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from storage.files import sync_directory

ARCHIVE = "archive"
INDEXES = "indexes"


def archive_directory(directory: Path) -> Path:
    return directory / ARCHIVE


def indexes_directory(directory: Path) -> Path:
    return directory / INDEXES


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a derived file whole or not at all: aside, synced, then renamed into place. Blocking; raises OSError.

    What it replaces stays readable until then, and nothing is left behind when `pieces` raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False) as file:
        try:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # a temporary file starts out private
            os.fsync(file.fileno())
            os.rename(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
    sync_directory(path.parent)
