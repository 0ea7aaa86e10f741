"""Filling the catalogue from the records, in order, and going on where it stopped: a crawl under way can be watched.

One thread writes. What it has read of a file is committed together with the rows that came of it; a file that has
become shorter is read anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ArchiveError
from storage.replay.catalogue import writing
from storage.replay.notes import Notes
from storage.sources import Source, sources_of
from storage.stored import read_source

BATCH = 500
"""Records a transaction."""
PAUSE = 2.0
"""Seconds between looks for what is new."""
_PROBLEMS = 3  # told at a time


@dataclass
class Progress:
    """How far the reading is; written by one thread, read by others."""

    read: int = 0
    total: int = 0
    """Bytes."""
    rounds: int = 0
    """How often all has been read to its end."""
    problem: str = ""
    """What could not be read, in a sentence."""


class Cataloguer:
    """Reads archives into a catalogue until told to stop."""

    def __init__(self, paths: Sequence[Path], catalogue: Path) -> None:
        self._paths, self._catalogue = paths, catalogue
        self._damage: dict[str, str] = {}
        self._stop = threading.Event()
        self._whole = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catalogue", daemon=True)
        self.progress = Progress()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends within a batch's time. Blocking."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wait_for_round(self, timeout: float = 60.0) -> bool:
        """Waits until all that is there now was read; False when that took too long. Blocking."""
        return self._whole.wait(timeout)

    def read_all(self) -> None:
        """One round over everything, in the caller's thread. Blocking. Problems are in `progress`."""
        with closing(writing(self._catalogue)) as database:
            self._round(database)

    def _run(self) -> None:
        with closing(writing(self._catalogue)) as database:
            while not self._stop.is_set():
                self._round(database)
                self._stop.wait(PAUSE)

    def _round(self, database: sqlite3.Connection) -> None:
        """Files that cannot be read are left for the next round; that, and damage passed over, is said."""
        problems: list[str] = []
        try:
            sources = sources_of(self._paths)
            known = dict(database.execute("SELECT name, read_to FROM source"))
            sizes = [source.current_size() for source in sources]
        except (ArchiveError, OSError, sqlite3.Error) as error:
            self.progress.problem = str(error)
            return
        self.progress.total = sum(sizes)
        for name in known.keys() - {source.name for source in sources}:
            Notes(database, name, 0)  # the file is gone, and with it what was noted of it
        before = 0
        for source, size in zip(sources, sizes, strict=True):
            self.progress.read = before
            try:
                if size != known.get(source.name, 0):
                    self._read(database, source, size, before)
            except (ArchiveError, OSError, sqlite3.Error) as error:
                problems.append(str(error))
                if database.in_transaction:
                    database.execute("ROLLBACK")
            before += size
        self.progress.problem = "; ".join([*problems, *self._damage.values()][:_PROBLEMS])
        self.progress.read = before
        self.progress.rounds += 1
        self._whole.set()

    def _read(self, database: sqlite3.Connection, source: Source, size: int, before: int) -> None:
        notes = Notes(database, source.name, size)
        pending = 0

        def tell(error: ArchiveError) -> None:
            self._damage.setdefault(source.name, str(error))

        for record in read_source(source, notes.read_to, on_damage=tell):
            if not pending:
                database.execute("BEGIN IMMEDIATE")
            try:
                notes.take(record)
            except ArchiveError as error:  # of one record, whose neighbours are sound
                tell(error)
            pending += 1
            if pending >= BATCH:
                notes.commit()
                pending = 0
                self.progress.read = before + notes.read_to
                if self._stop.is_set():
                    return
        if not pending:
            database.execute("BEGIN IMMEDIATE")
        notes.commit(None if source.provisional else size)
