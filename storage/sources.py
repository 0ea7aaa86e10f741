"""Where records lie: every file of records that an archive consists of, in the order in which it was written.

a crawl directory    archive/: the segments by the manifest, then those it does not name, then what is `.open`
a WARC or ARC file   itself; told by its first bytes, not by its name
a WACZ package       its members archive/*: stored ones are read in place, deflated ones are unpacked aside
any other directory  every such file in it and below, by name
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from storage.cdxj import index_path
from storage.errors import ArchiveError, CorruptArchive
from storage.layout import archive_directory
from storage.manifest import read_manifest

OPEN_SUFFIX = ".open"
_SUFFIXES = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")
_PACKAGES = (".wacz",)
_COPY = 1 << 20
_ZIP_MAGIC = b"PK\x03\x04"
_LOCAL_HEADER = 30
"""Bytes of a zip member's local header before its name (APPNOTE section 4.3.7)."""


class Source(Struct, frozen=True):
    """One file of records."""

    path: Path
    """The file on disk."""
    name: str
    """How indexes name it."""
    start: int = 0
    """Where it begins in the file on disk, when it is a member of a package."""
    size: int | None = None
    """Its bytes then; None for a file of its own, which may grow."""
    provisional: bool = False
    """True while it is being written: it may end within a record."""
    index: Path | None = None
    """Where its index is kept beside it, whether there is one or not; None where none is kept."""
    unpacked: Region | None = None
    """A deflated member of a package, unpacked."""

    @property
    def label(self) -> str:
        """How errors name it."""
        return str(self.path) if self.size is None and self.unpacked is None else f"{self.path}:{self.name}"

    def open(self) -> Region:
        """The file, unbuffered, for one reader; offset 0 is where its records begin.

        Raises CorruptArchive for a file that the manifest names and that is missing, OSError."""
        if self.unpacked is not None:
            return self.unpacked.again()
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            try:
                handle = os.open(self.path.with_name(self.name), os.O_RDONLY | os.O_CLOEXEC)  # it was sealed meanwhile
            except FileNotFoundError:
                raise CorruptArchive("the file is missing", path=self.label) from None
        return Region(handle, self.start, self.size)

    def current_size(self) -> int:
        """Bytes now. Raises OSError."""
        with self.open() as file:
            return file.size


class Region:
    """A part of a file, read by position, so that readers that share the handle do not disturb each other."""

    def __init__(self, handle: int, start: int, size: int | None) -> None:
        self._handle, self._start, self._size, self._at = handle, start, size, 0

    @property
    def size(self) -> int:
        """Bytes in it now."""
        return os.fstat(self._handle).st_size if self._size is None else self._size

    def read(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end. Raises OSError."""
        if self._size is not None:
            size = max(0, min(size, self._size - self._at))
        data = os.pread(self._handle, size, self._start + self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = offset + (self.size if base is None else base)
        return self._at

    def again(self) -> Region:
        """The same for another reader."""
        return Region(os.dup(self._handle), self._start, self._size)

    def close(self) -> None:
        """Gives the handle back; may be called twice."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def __enter__(self) -> Region:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def sources_of(paths: Sequence[Path]) -> list[Source]:
    """All files of records in these places. Blocking. Raises ArchiveError for what holds none, CorruptArchive for a
    damaged package or manifest, OSError."""
    found: list[Source] = []
    for path in paths:
        here = _sources_at(path)
        if not here and path.is_dir() and not archive_directory(path).is_dir():
            raise ArchiveError("there is no WARC, ARC or WACZ file in this directory", path=str(path))
        found += here
    return found


def _sources_at(path: Path) -> list[Source]:
    if not path.exists():
        raise ArchiveError("there is no such file or directory", path=str(path))
    if not path.is_dir():
        return _file(path)
    if archive_directory(path).is_dir():
        return _crawl_directory(path)
    found: list[Source] = []
    for inner in sorted(path.iterdir()):
        if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."):
            found += _sources_at(inner)
        elif inner.is_file() and inner.name.removesuffix(OPEN_SUFFIX).endswith(_SUFFIXES + _PACKAGES):
            found += _file(inner)
    return found


def _crawl_directory(directory: Path) -> list[Source]:
    archive = archive_directory(directory)
    listed = [archive / row.name for row in read_manifest(directory)]
    known = set(listed)
    there = sorted(path for path in archive.iterdir() if path.is_file())
    sealed = [path for path in there if path.name.endswith(_SUFFIXES) and path not in known]
    growing = [path for path in there if path.name.endswith(OPEN_SUFFIX)]
    packages = [path for path in there if path.name.endswith(_PACKAGES)]
    sources = [_plain(path, directory) for path in (*listed, *sealed, *growing)]
    return sources + [source for path in packages for source in _file(path)]


def _file(path: Path) -> list[Source]:
    with path.open("rb") as file:
        if file.read(4) == _ZIP_MAGIC:
            return list(_members(path))
    return [_plain(path)]


def _plain(path: Path, directory: Path | None = None) -> Source:
    """`directory` is the crawl directory that it belongs to, if it is one's."""
    name, provisional = path.name.removesuffix(OPEN_SUFFIX), path.name.endswith(OPEN_SUFFIX)
    index = None if directory is None or provisional else index_path(directory, name)
    return Source(path, name, provisional=provisional, index=index)


def _members(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as package, path.open("rb") as file:
            for member in package.infolist():
                folder, _, name = member.filename.rpartition("/")
                if folder != "archive" or not name.endswith(_SUFFIXES):
                    continue
                if member.compress_type == zipfile.ZIP_STORED:
                    yield Source(path, name, _data_offset(file, member), member.file_size)
                else:
                    yield Source(path, name, size=member.file_size, unpacked=_unpacked(package, member))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:  # encrypted: RuntimeError
        raise CorruptArchive(f"not a readable package: {error}", path=str(path)) from None


def _data_offset(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """The local header's own name and extra field may differ in length from those of the directory."""
    if member.header_offset < 0:
        raise zipfile.BadZipFile(f"a member at offset {member.header_offset}")
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER)
    if header[:4] != _ZIP_MAGIC:
        raise zipfile.BadZipFile(f"no member at offset {member.header_offset}")
    return (
        member.header_offset
        + _LOCAL_HEADER
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )


def _unpacked(package: zipfile.ZipFile, member: zipfile.ZipInfo) -> Region:
    with tempfile.TemporaryFile() as aside, package.open(member) as packed:
        while data := packed.read(_COPY):
            aside.write(data)
        aside.flush()
        return Region(os.dup(aside.fileno()), 0, None)
