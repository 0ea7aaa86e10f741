"""The catalogue: what an archive holds, in a database of its own, for a reader who browses.

    capture   a row a capture: key (SURT), time, URL, status, media type, kind, size, digest, title, and its place
    words     full text: URL, title and text of pages (FTS5; holds the index only, the text stays in the archive)
    link      hash of a target's key -> the capture that links there
    wanted    requisites that some page asks for and no record answers
    failure   what was tried and had no answer, with the reason
    source    how far each file of records was read

Derived from the records alone and rebuilt by deleting it; never the truth about anything. A row is found by its key and
time, and lists go on behind the last row shown: a page of a list costs the same at its start and at a million rows.
"""

from __future__ import annotations

import enum
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.indexcache import user_cache
from storage.layout import archive_directory, indexes_directory

NAME = "catalogue.sqlite"
WAIT = 30.0
"""Seconds a reader waits for the writer."""


class Kind(enum.IntEnum):
    """What a capture is to a reader."""

    PAGE = 0
    IMAGE = 1
    STYLE = 2
    SCRIPT = 3
    MEDIA = 4
    FONT = 5
    DOCUMENT = 6
    OTHER = 7


_SCHEMA = """
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, read_to INTEGER NOT NULL DEFAULT 0);
CREATE TABLE capture (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, time INTEGER NOT NULL, url TEXT NOT NULL,
    status INTEGER, class INTEGER NOT NULL, mime TEXT NOT NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL,
    digest TEXT, record TEXT NOT NULL,
    title TEXT, source INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER, skip INTEGER NOT NULL,
    UNIQUE (source, offset, skip));
CREATE INDEX by_key ON capture (key, time, id);
CREATE INDEX by_kind ON capture (kind, key, time, id);
CREATE INDEX by_class ON capture (class, key, time, id);
CREATE INDEX by_digest ON capture (digest) WHERE record != 'revisit';
CREATE TABLE link (target INTEGER NOT NULL, capture INTEGER NOT NULL, PRIMARY KEY (target, capture)) WITHOUT ROWID;
CREATE TABLE wanted (
    key TEXT PRIMARY KEY, url TEXT NOT NULL, context TEXT NOT NULL, capture INTEGER NOT NULL, pages INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failure (key TEXT NOT NULL, time INTEGER NOT NULL, url TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (key, time)) WITHOUT ROWID;
CREATE TABLE tally (kind INTEGER NOT NULL, class INTEGER NOT NULL, captures INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (kind, class)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (url, title, body, content='', tokenize='unicode61 remove_diacritics 2');
"""
"""`class` is the status without its last two digits, 0 where there is none."""

VERSION = zlib.crc32(_SCHEMA.encode()) & 0x7FFFFFFF
"""A catalogue of another make is made anew."""


def catalogue_path(path: Path) -> Path:
    """Where the catalogue of an archive is kept: among a crawl directory's indexes, else in the user's cache."""
    if archive_directory(path).is_dir() and os.access(path, os.W_OK):
        return indexes_directory(path) / NAME
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return user_cache() / f"{name}.sqlite"


@contextmanager
def prepared(path: Path) -> Iterator[Path]:
    """An archive's catalogue while the block runs: the one that is kept, or where none can be (a read-only archive, and
    no cache that may be written to) a temporary one. Blocking. Raises OSError, sqlite3.Error."""
    with ExitStack() as stack:
        place = catalogue_path(path)
        try:
            _prepare(place)
        except (OSError, sqlite3.Error):
            place = Path(stack.enter_context(TemporaryDirectory(prefix="annals-"))) / NAME
            _prepare(place)
        yield place


def _prepare(path: Path) -> None:
    """Creates the catalogue, anew where it is damaged or of another version. Raises OSError, sqlite3.Error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if _version(path) == VERSION and os.access(path, os.W_OK):
            return
    except sqlite3.DatabaseError:
        pass  # derived: what cannot be read is made again
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    finally:
        database.close()


def writing(path: Path) -> sqlite3.Connection:
    """The one connection that writes. A power cut may cost the catalogue, which is derived."""
    database = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -65536")
    return database


def reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; may go from thread to thread."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT, check_same_thread=False)
    database.row_factory = sqlite3.Row
    return database


def hashed(key: str) -> int:
    """A signed 64-bit hash of a key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def kind_of(mime: str) -> Kind:
    """By media type."""
    if mime in ("text/html", "application/xhtml+xml"):
        return Kind.PAGE
    if mime in _KINDS:
        return _KINDS[mime]
    return _FAMILIES.get(mime.partition("/")[0], Kind.DOCUMENT if mime.endswith(("+xml", "+json")) else Kind.OTHER)


_FAMILIES = {
    "image": Kind.IMAGE,
    "audio": Kind.MEDIA,
    "video": Kind.MEDIA,
    "font": Kind.FONT,
    "text": Kind.DOCUMENT,
}
_KINDS = {
    "text/css": Kind.STYLE,
    **dict.fromkeys(
        ("text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript"), Kind.SCRIPT
    ),
    **dict.fromkeys(
        ("application/font-woff", "application/font-woff2", "application/vnd.ms-fontobject", "application/x-font-ttf"),
        Kind.FONT,
    ),
    **dict.fromkeys(
        ("application/pdf", "application/json", "application/xml", "application/msword", "application/rtf"),
        Kind.DOCUMENT,
    ),
    **dict.fromkeys(("application/vnd.apple.mpegurl", "application/dash+xml", "application/ogg"), Kind.MEDIA),
}


def _version(path: Path) -> int:
    if not path.exists():
        return 0
    database = sqlite3.connect(path)
    try:
        return int(database.execute("PRAGMA user_version").fetchone()[0])
    finally:
        database.close()
