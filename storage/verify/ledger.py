"""A crawl's ledger read without a trace: `verify` never writes, and archives lie on media that cannot be written to.

crawl.db alone           no crawl runs and none was killed: nothing changes it, so SQLite need make no file beside it
with -wal and -shm       a crawl runs or was killed: both are there, and reading makes neither
with -wal alone          a copy of a killed crawl: SQLite would make the -shm, so it is given copies elsewhere
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

LEDGER = "crawl.db"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger for questions. Raises sqlite3.Error where it is damaged, and OSError where it may not be read."""
    if not os.access(path, os.R_OK):  # asked, not tried: closing the file would drop locks that this process has on it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    log, shared = (path.with_name(f"{path.name}-{kind}") for kind in ("wal", "shm"))
    with ExitStack() as stack:
        if log.exists() and not shared.exists():
            elsewhere = Path(stack.enter_context(TemporaryDirectory(prefix="annals-")))
            for file in (path, log):
                shutil.copyfile(file, elsewhere / file.name)
            path = elsewhere / path.name
        still = "" if log.exists() else "&immutable=1"
        yield stack.enter_context(closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{still}", uri=True)))
