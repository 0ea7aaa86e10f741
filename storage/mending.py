"""Files that some tool's crash left torn or unsealed, brought to good order without losing a whole record.

What the crawler's own ledger knows better is not touched here: see storage/recovery.py. Without a ledger a file is
believed as far as its records are whole, read from its beginning: nothing is ever recognised by what a tail looks like.

Steps, each of which can be repeated after a kill; the file is whole or untouched in between:
    1. the tail that will go is copied to NAME.torn, aside, synced, renamed into place
    2. the file is cut and synced; or, where it has to be rewritten, written aside, synced, renamed into place
    3. NAME.open is renamed to NAME, never over another file, and the directory is synced
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from zlib_ng import zlib_ng

from storage.errors import ArchiveError, ArchiveLocked, CorruptArchive, TornRecord
from storage.files import sync_directory
from storage.frames import Compression, compression_of, frames
from storage.layout import ARCHIVE, replace_file
from storage.lock import DirectoryLock
from storage.members import GZIP
from storage.resync import next_record
from storage.verify.digests import BlockCheck
from storage.verify.header import read_header
from storage.verify.rules import Severity
from storage.verify.tape import Tape

OPEN = ".open"
TORN = ".torn"
SUFFIXES = (".warc", ".warc.gz", ".warc.zst")
LEDGER = "crawl.db"
_END = b"\r\n\r\n"
_PIECE = 1 << 20


class Plan(Struct, frozen=True):
    """What a file holds, and what is to be done about it."""

    path: Path
    size: int
    records: int
    """Whole ones."""
    keep: int
    """Bytes that stay as they are."""
    rewrite: int = 0
    """Decompressed bytes of whole records in the torn frame behind them, to be compressed anew."""
    complete: bytes = b""
    """Line ends that the last record lacks."""
    why: str = ""
    """What is wrong with the rest; empty if there is none."""

    @property
    def cut(self) -> int:
        """Bytes that go aside."""
        return self.size - self.keep if self.why else 0

    @property
    def final(self) -> Path:
        """The name it will have."""
        return self.path.with_name(self.path.name.removesuffix(OPEN))

    @property
    def needed(self) -> bool:
        return bool(self.why) or self.path != self.final


def plan(path: Path) -> Plan:
    """Reads a file and says what is to be done. Blocking.

    Raises ArchiveError where whole records follow damage, so that cutting would lose them, and for a file that neither
    holds a record nor is called a WARC file: it is somebody's, and nothing of it was torn; OSError."""
    with path.open("rb", buffering=0) as file:
        compression = compression_of(file.read(4))
        reader, torn = _Reader(compression), False
        try:
            reader.read(Tape(frames(file, str(path), compression), compression))
            why = reader.why
        except CorruptArchive as error:
            why, torn = error.message, isinstance(error, TornRecord)
        size = file.seek(0, os.SEEK_END)
        if why and not reader.records and not path.name.removesuffix(OPEN).endswith(SUFFIXES):
            raise ArchiveError("no WARC file, neither by its name nor by a record in it", path=str(path))
        at = reader.frame if compression is not Compression.NONE else reader.keep
        if why and not torn and not reader.within:
            following = next_record(file, compression, at + 1)
            if following is not None:
                message = (
                    f"damaged, and records follow at {following}; cutting here would lose them, so nothing is done"
                )
                raise ArchiveError(message, path=str(path), offset=at)
    rewrite = reader.rewrite if compression is not Compression.NONE and why else 0
    if rewrite and compression is not Compression.GZIP:
        raise ArchiveError("whole records share the torn frame; only gzip is written anew", path=str(path), offset=at)
    return Plan(path, size, reader.records, reader.keep, rewrite, reader.complete, why)


class _Reader:
    """Reads records up to the first that is not whole."""

    def __init__(self, compression: Compression) -> None:
        self._compressed = compression is not Compression.NONE
        self.records = 0
        self.keep = 0
        self._sure = True  # False once a record of this frame may be garbage: its checksum has not been seen
        self.frame = 0
        self.rewrite = 0
        self.complete = b""
        self.why = ""
        self.within = False
        """True if the file ended within a record whose header is whole: what follows that header is its block."""

    def read(self, tape: Tape) -> None:
        """Raises CorruptArchive at a damaged or torn frame."""
        unsealed = 0  # whole records of this frame that only its checksum can vouch for
        while tape.more():
            if tape.at_frame_start:
                self.frame, self.rewrite, self._sure, unsealed = tape.offset, 0, True, 0
            passed = self._record(tape)
            if passed is None:
                return
            if not self._compressed:
                self.records, self.keep = self.records + 1, tape.offset
                continue
            unsealed += 1
            if self._sure:
                self.records, self.rewrite, unsealed = self.records + unsealed, self.rewrite + passed, 0
            if not tape.in_frame():
                self.records += unsealed
                self.keep, self.rewrite = self.frame + (tape.frame_length or 0), 0
                self.frame = self.keep

    def _record(self, tape: Tape) -> int | None:
        """Takes one record; its decompressed bytes, or None if it is not whole."""
        found = tape.take_header() if tape.peek(5) == b"WARC/" else None
        header = None if found is None else read_header(found[0])
        if found is None or header is None or header.length is None:
            self.why = "no record begins here" if header is None else "a record that does not tell its length"
            return None
        left, check = header.length, BlockCheck(header)
        while left:
            piece = tape.take(left)
            check.feed(piece)
            if not piece and not (self._compressed and tape.more()):
                self.why, self.within = f"a record of {header.length} bytes lacks {left}", True
                return None
            left -= len(piece)
        block_end = tape.offset
        ends = tape.take_line_ends()
        if len(ends) < len(_END) and not tape.in_frame() and not self._compressed:
            self.records, self.keep, self.complete = self.records + 1, block_end, _END
            self.why, self.within = "the last record lacks its line ends", True
            return None
        if ends != _END or any(rule.severity is Severity.ERROR for rule, _ in check.problems()):
            self._sure = False
        return sum(map(len, found)) + header.length + len(ends)


def mend(todo: Plan) -> Path | None:
    """Carries a plan out, durably; returns where the cut-away tail was put. Blocking. Raises ArchiveError, OSError."""
    path, final = todo.path, todo.final
    if final != path and final.exists():
        raise ArchiveError(f"both this and {path.name} exist; one of them must be moved away first", path=str(final))
    aside = None
    if todo.why:
        if not todo.records:
            aside = _free(final.with_name(final.name + TORN))
            os.rename(path, aside)
            sync_directory(path.parent)
            return aside
        aside = _set_aside(todo)
        if todo.rewrite or todo.complete:
            replace_file(path, _rewritten(todo))
        else:
            _cut(path, todo.keep)
    if final != path:
        os.rename(path, final)
        sync_directory(path.parent)
    return aside


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Holds the lock of the crawl directory that a file lies in, or else of the file itself.

    Raises ArchiveLocked if somebody writes to it, ArchiveError where a ledger says more than the files; OSError."""
    directory = path if path.is_dir() else path.parent.parent if path.parent.name == ARCHIVE else None
    if directory is not None and (directory / LEDGER).exists():
        raise ArchiveError(
            "this crawl has its ledger, crawl.db, which knows what belongs to it: give the crawl's own command line"
            " again to resume it, and it puts its files in order itself", path=str(directory),
        )  # fmt: skip
    if directory is not None:
        with DirectoryLock(directory):
            yield
        return
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveLocked("another process holds it", path=str(path)) from None
        yield


def _set_aside(todo: Plan) -> Path:
    """Copies the tail to NAME.torn; what an interrupted run left there is the same and serves."""
    wanted = todo.final.with_name(todo.final.name + TORN)
    if wanted.exists() and wanted.stat().st_size == todo.cut and _same(todo, wanted):
        return wanted
    wanted = _free(wanted)
    replace_file(wanted, _pieces(todo.path, todo.keep, todo.size))
    return wanted


def _same(todo: Plan, other: Path) -> bool:
    tail, there = _pieces(todo.path, todo.keep, todo.size), _pieces(other, 0, todo.cut)
    return all(one == two for one, two in zip(tail, there, strict=True))


def _cut(path: Path, length: int) -> None:
    with path.open("r+b", buffering=0) as file:
        file.truncate(length)
        os.fsync(file.fileno())


def _rewritten(todo: Plan) -> Iterator[bytes]:
    """The file with its last record completed, or the whole records of its torn frame in a frame of their own."""
    yield from _pieces(todo.path, 0, todo.keep)
    yield todo.complete
    if not todo.rewrite:
        return
    with todo.path.open("rb", buffering=0) as file:
        compressor = zlib_ng.compressobj(6, zlib_ng.DEFLATED, GZIP)
        left = todo.rewrite
        for piece in next(frames(file, str(todo.path), Compression.GZIP, todo.keep)).pieces():
            yield compressor.compress(piece[:left])
            left -= min(left, len(piece))
            if not left:
                break
        yield compressor.flush()


def _pieces(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while start < stop and (data := file.read(min(_PIECE, stop - start))):
            start += len(data)
            yield data


def _free(path: Path) -> Path:
    """The path, or the first numbered one beside it that is not taken."""
    count, free = 1, path
    while free.exists():
        count += 1
        free = path.with_name(f"{path.name}-{count}")
    return free
