"""Where the payloads of other archives lie, by digest: a file made once from their indexes, then asked on disk.

Terms
    source     another archive's crawl directory (its indexes; a segment without one is read itself), or a CDXJ file
    payload    a response in an index with its digest; the earliest for each digest counts

Layout of the file (SQLite)
    payloads   key: the first 63 bits of the digest; the whole digest; URL; 14-digit date; file and offset, if known
    files      the segments that offsets lie in
    meta       `made_from`: paths, sizes and times of all that was read, and the algorithm

Invariants
    The file is whole or not there: it is made aside, synced and renamed. It is made anew when `made_from` differs.
    Memory is bounded, whatever the size of the indexes: lines are sorted in runs on disk, so rows come in key order.
    Nothing is ever written into another archive.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from storage.cdxj import RUN, index_lines, index_path, sorted_lines
from storage.digests import DigestAlgorithm
from storage.errors import ArchiveError, CorruptArchive
from storage.files import sync_directory
from storage.layout import archive_directory, indexes_directory
from storage.lines import parse_line

_TABLES = """
CREATE TABLE payloads (
    key INTEGER PRIMARY KEY, digest BLOB NOT NULL, url TEXT NOT NULL, date TEXT NOT NULL, file INTEGER, offset INTEGER);
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_GZIP = b"\x1f\x8b"
_LENGTHS = {DigestAlgorithm.SHA256: 32, DigestAlgorithm.SHA1: 20}
_CACHE_KIB = 4096


class KnownPayload(Struct, frozen=True):
    """A record of another archive, as its index tells of it."""

    url: str
    date: datetime
    """To the second."""
    path: Path | None
    """The file that holds it, where that is known."""
    offset: int | None


class _Input(Struct, frozen=True):
    """One file of lines, or a segment to make them from."""

    path: Path
    segment: bool
    archive: Path | None
    """Where the files that its lines name lie, if they do."""


class PayloadIndex:
    """The open file. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def close(self) -> None:
        self._db.close()

    def find(self, digests: Sequence[str]) -> dict[str, KnownPayload]:
        """The records with these digests, which are labelled as this archive writes them. Blocking.

        Raises sqlite3.Error."""
        wanted = {digest_bytes(digest)[1]: digest for digest in digests}
        keys = [_key(value.hex()) for value in wanted]
        rows = self._db.execute(
            "SELECT digest, url, date, f.path, offset FROM payloads p LEFT JOIN files f ON f.id = p.file"
            f" WHERE key IN ({', '.join('?' * len(keys))})",
            keys,
        )
        return {
            wanted[value]: KnownPayload(url, _moment(date), None if path is None else Path(path), offset)
            for value, url, date, path, offset in rows
            if value in wanted
        }


def open_payloads(
    path: Path, sources: Sequence[Path], algorithm: DigestAlgorithm, stopped: Callable[[], bool] = lambda: False
) -> PayloadIndex:
    """The payloads of these sources, kept in the file `path`, which is made where it is missing or out of date.

    `stopped` is asked now and then while it is made: True ends it by ArchiveError. Blocking.

    Raises ArchiveError naming the source that cannot be used and why (it is no archive, its digests are of another
    algorithm, a line of it is none); OSError."""
    inputs = [found for source in sources for found in _inputs(source)]
    made_from = _description(inputs, algorithm)
    if _made_from(path) != made_from:
        _make(path, inputs, algorithm, made_from, stopped)
    return PayloadIndex(path)


def digest_bytes(text: str) -> tuple[DigestAlgorithm | None, bytes]:
    """A digest in any of the forms that indexes have: `sha256:` and `sha1:` (`sha-256:`, …) in hex or base32, and sha1
    in base32 without a label. None for any other."""
    label, colon, value = text.rpartition(":")
    name = label.lower().replace("-", "")
    for algorithm, length in _LENGTHS.items():
        if name == algorithm or (not colon and algorithm is DigestAlgorithm.SHA1):
            for decode in (bytes.fromhex, _base32):
                try:
                    found = decode(value)
                except (ValueError, binascii.Error):
                    continue
                if len(found) == length:
                    return algorithm, found
    return None, b""


def _base32(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)


def _key(digest: str) -> int:
    """Of a digest in hex: in the same order."""
    return int(digest[:16], 16) >> 1


def _moment(date: str) -> datetime:
    """Raises ValueError unless it is 14 digits that name one."""
    if len(date) != 14 or not date.isdecimal():
        raise ValueError(f"{date[:40]!r} is no date of 14 digits")
    return datetime.fromisoformat(f"{date[:8]}T{date[8:]}").replace(tzinfo=UTC)


# -- what is read ----------------------------------------------------------------------------------------------


def _inputs(source: Path) -> list[_Input]:
    """Raises ArchiveError when the source is none."""
    if source.is_file():
        return [_Input(source, segment=False, archive=None)]
    archive, indexes = archive_directory(source), indexes_directory(source)
    segments = sorted(archive.glob("*.warc.gz"))
    lines = sorted(indexes.glob("*.cdxj"))
    if not segments and not lines:
        raise ArchiveError("holds no archive: neither archive/*.warc.gz nor indexes/*.cdxj", path=str(source))
    found = []
    for segment in segments:
        index = index_path(source, segment.name)
        if index in lines and index.stat().st_mtime_ns >= segment.stat().st_mtime_ns:
            lines.remove(index)
            found.append(_Input(index, segment=False, archive=archive))
        else:
            found.append(_Input(segment, segment=True, archive=archive))
    # An index of several segments, or one whose segment has gone elsewhere.
    stale = {f"{each.path.name}.cdxj" for each in found if each.segment}
    return found + [_Input(path, segment=False, archive=archive) for path in lines if path.name not in stale]


def _description(inputs: Sequence[_Input], algorithm: DigestAlgorithm) -> str:
    files = [(str(found.path.absolute()), (stat := found.path.stat()).st_size, stat.st_mtime_ns) for found in inputs]
    return json.dumps([algorithm, *files])


def _made_from(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'made_from'").fetchone()
    except sqlite3.Error:
        return None  # made anew
    return None if row is None else str(row[0])


# -- making it -------------------------------------------------------------------------------------------------


def _make(
    path: Path, inputs: Sequence[_Input], algorithm: DigestAlgorithm, made_from: str, stopped: Callable[[], bool]
) -> None:
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db, ExitStack() as stack:
            db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
            db.execute("BEGIN")
            files = _Files(db)
            rows = (row for each in inputs for row in _rows(each, algorithm, files, stopped))
            lines = sorted_lines(rows, RUN, path.parent, stack)
            db.executemany("INSERT INTO payloads VALUES (?, ?, ?, ?, ?, ?)", _firsts(lines))
            db.execute("INSERT INTO meta VALUES ('made_from', ?)", (made_from,))
            db.execute("COMMIT")
        _sync(draft)
        os.replace(draft, path)
        sync_directory(path.parent)
    except sqlite3.Error as error:
        raise ArchiveError(f"cannot be made: {error}", path=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


class _Files:
    """The segments by number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._numbers: dict[Path, int] = {}

    def number(self, path: Path) -> int:
        found = self._numbers.get(path)
        if found is None:
            found = self._numbers[path] = len(self._numbers) + 1
            self._db.execute("INSERT INTO files VALUES (?, ?)", (found, str(path)))
        return found


def _rows(each: _Input, algorithm: DigestAlgorithm, files: _Files, stopped: Callable[[], bool]) -> Iterator[str]:
    """A line for each payload, in the order of digest and date: `DIGEST DATE FILE OFFSET URL`."""
    label = str(each.path)
    for number, line in enumerate(_lines(each), 1):
        if number % 1000 == 0 and stopped():
            raise ArchiveError("was not read to its end", path=label)
        text = line.strip()
        if not text or text.startswith(b"!"):
            continue  # a heading of some indexes
        try:
            entry = parse_line(text, label)
            _moment(entry.timestamp)
        except (CorruptArchive, ValueError) as error:
            said = error.message if isinstance(error, CorruptArchive) else str(error)
            raise ArchiveError(said, path=f"{label}:{number}") from None
        if entry.digest is None or entry.revisit or not entry.url.startswith(("http://", "https://")):
            continue
        found, value = digest_bytes(entry.digest)
        if found is not algorithm:
            theirs = f"of {found}" if found else f"like {entry.digest[:40]!r}"
            raise ArchiveError(f"has digests {theirs}, and this archive those of {algorithm}", path=f"{label}:{number}")
        file = "-" if each.archive is None else str(files.number(each.archive.absolute() / entry.filename))
        yield f"{value.hex()} {entry.timestamp} {file} {entry.offset} {json.dumps(entry.url)}\n"


def _lines(each: _Input) -> Iterator[bytes]:
    if each.segment:
        yield from (line.encode() for line in index_lines(each.path))
        return
    with each.path.open("rb") as file:
        packed = file.read(2) == _GZIP
    try:
        with gzip.open(each.path, "rb") if packed else each.path.open("rb") as stream:
            yield from stream
    except (EOFError, gzip.BadGzipFile) as error:
        raise ArchiveError(f"is damaged: {error}", path=str(each.path)) from error


def _firsts(lines: Iterable[str]) -> Iterator[tuple[int, bytes, str, str, int | None, int | None]]:
    """The first line of each key."""
    last = -1
    for line in lines:
        digest, date, file, offset, url = line.split(" ", 4)
        key = _key(digest)
        if key != last:
            last = key
            known = None if file == "-" else int(file)
            yield key, bytes.fromhex(digest), json.loads(url), date, known, None if known is None else int(offset)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
