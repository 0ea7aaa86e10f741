"""Finding captures by URL and time: the sorted lines of every file of an archive, merged as they are asked for.

A file's lines come from the index that was written beside it, as long as that is not older than the file, or else from
the file itself. Reading never writes into an archive.
"""

from __future__ import annotations

import heapq
import mmap
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from storage.cdxj import index_line, sorted_lines
from storage.errors import CorruptArchive, InvalidRecord
from storage.lines import Entry, Lines, parse_line
from storage.sources import Source
from storage.stored import read_source

RUN = 16 << 20
"""Characters of lines that are sorted in memory at a time."""


class Hit(NamedTuple):
    """A capture in the index and the file that holds it."""

    entry: Entry
    source: Source
    order: int
    """The file's place among the archive's."""


class Lookup:
    """All lines of an archive."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._lines: list[Lines | None] = [None] * len(sources)

    def between(self, low: bytes, prefix: bytes) -> Iterator[Hit]:
        """The captures whose lines begin with `prefix`, in order, from the first not less than `low`. Blocking.

        Raises CorruptArchive, OSError."""
        runs = [self._run(number, low, prefix) for number in range(len(self._sources))]
        for line, number in heapq.merge(*runs):
            source = self._sources[number]
            yield Hit(parse_line(line, source.label), source, number)

    def _run(self, number: int, low: bytes, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        lines = self._lines[number]
        if lines is None:
            lines = self._lines[number] = lines_of(self._sources[number])
        for line in lines.since(low):
            if not line.startswith(prefix):
                return
            yield line, number


def lines_of(source: Source) -> Lines:
    """The sorted lines of a file's captures. Blocking. Raises CorruptArchive, OSError."""
    return _kept_lines(source) or _made_lines(source)


def source_lines(source: Source) -> Iterator[str]:
    """The index lines of a file's captures, in the order of the file. Raises CorruptArchive, OSError."""
    for record in read_source(source):
        offset, length, skip = record.location.offset, record.location.length, record.location.skip
        try:
            line = index_line(record.header, record.beginning(), offset, length, source.name, skip)
        except InvalidRecord as error:
            raise CorruptArchive(error.message, path=source.label, offset=offset) from None
        if line is not None:
            yield line


def _kept_lines(source: Source) -> Lines | None:
    """Those beside the file, None if there are none or they are older than the file."""
    if source.index is None:
        return None
    try:
        if source.index.stat().st_mtime_ns < source.path.stat().st_mtime_ns:
            return None
        return _mapped(source.index)
    except FileNotFoundError:
        return None


def _mapped(path: Path) -> Lines:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return Lines(b"", str(path))
        return Lines(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), str(path))


def _made_lines(source: Source) -> Lines:
    with ExitStack() as stack, tempfile.TemporaryFile() as file:
        lines = sorted_lines(source_lines(source), RUN, Path(tempfile.gettempdir()), stack)
        file.writelines(line.encode("ascii") for line in lines)
        file.flush()
        if not file.tell():
            return Lines(b"", source.label)
        return Lines(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), source.label)
