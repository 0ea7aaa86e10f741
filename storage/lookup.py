"""Finding captures by URL and time: the sorted lines of every file of an archive, merged as they are asked for.

A file's lines come from the index beside it unless that is older than the file, else from the user's cache, else from
the file itself. Reading never writes into an archive. Mapped files cost addresses, not memory.
"""

from __future__ import annotations

import heapq
import mmap
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from storage.cdxj import index_line, sorted_lines
from storage.errors import CorruptArchive, InvalidRecord
from storage.indexcache import cached_index, cached_order, keep
from storage.layout import replace_file
from storage.lines import Entry, Lines, parse_line
from storage.order import ORDER, Order, Stamp, read_order, stamp_of, write_order
from storage.sources import Source
from storage.stored import OnDamage, StoredRecord, read_source

RUN = 16 << 20
"""Characters of lines that are sorted in memory at a time."""

_MAPPED = 512
"""Index files that are held open at a time, at most: below the usual limit of open files."""


_OFTEN, _MANY = 64, 16
"""Lookups after which an order is worth making (about a second for a million captures), and files that need one."""


class Hit(NamedTuple):
    """A capture in the index and the file that holds it."""

    entry: Entry
    source: Source
    number: int
    """The file's place among the archive's."""


class Lookup:
    """All lines of an archive."""

    def __init__(self, sources: Sequence[Source], on_damage: OnDamage | None = None) -> None:
        self._sources, self._on_damage = sources, on_damage
        self._held: OrderedDict[int, Lines] = OrderedDict()
        self._made: dict[int, Lines] = {}  # lines that are nowhere on disk are not let go
        self._order: Order | None = None
        self._asked = 0
        self._distrusted = False

    def between(self, low: bytes, prefix: bytes) -> Iterator[Hit]:
        """The captures whose lines begin with `prefix`, in order, from the first not less than `low`. Blocking.

        Raises CorruptArchive, OSError."""
        order = self._ordered()
        covered = 0 if order is None else order.count
        runs = [self._run(number, low, prefix) for number in range(covered, len(self._sources))]
        if order is not None:
            runs.insert(0, takewhile(lambda found: found[0].startswith(prefix), order.since(low)))
        for line, number in heapq.merge(*runs) if len(runs) > 1 else runs[0] if runs else ():
            source = self._sources[number]
            yield Hit(parse_line(line, source.label), source, number)

    def distrust(self, number: int) -> bool:
        """Takes a file's lines from the file itself from now on, since its index was found wrong; False if it is so
        already. Blocking. Raises CorruptArchive, OSError."""
        if number in self._made:
            return False
        self._made[number] = _made_lines(self._sources[number], self._on_damage)
        self._order, self._distrusted = None, True
        return True

    def _run(self, number: int, low: bytes, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        for line in self._lines(number).since(low):
            if not line.startswith(prefix):
                return
            yield line, number

    def _lines(self, number: int) -> Lines:
        lines = self._made.get(number) or self._held.get(number)
        if lines is not None:
            return lines
        source = self._sources[number]
        lines = kept_lines(source) if self._on_damage is None else None  # an index does not know what was damaged since
        if lines is None:
            lines = self._made[number] = _made_lines(source, self._on_damage)
            return lines
        self._held[number] = lines
        while len(self._held) > _MAPPED:
            self._held.popitem(last=False)
        return lines

    def _ordered(self) -> Order | None:
        """The order over the first so many files. One is made for an archive that is asked often and has many."""
        self._asked += 1
        if self._asked == 1:
            self._order = self._find_order()
        elif self._asked == _OFTEN and not self._distrusted:
            covered = 0 if self._order is None else self._order.count
            if len(self._sources) - covered >= _MANY and self._make_order(covered):
                self._order = self._find_order()
        return self._order

    def _find_order(self) -> Order | None:
        """Beside the indexes of a crawl directory or in the cache, if it is of the files as they are."""
        directory, stamps = self._stamps() if self._on_damage is None else (None, [])
        if directory is None:
            return None
        found = [read_order(path, stamps, self._lines) for path in (directory / ORDER, cached_order(directory))]
        return max((order for order in found if order is not None), key=lambda order: order.count, default=None)

    def _make_order(self, covered: int) -> bool:
        directory, stamps = self._stamps() if self._on_damage is None else (None, [])
        if directory is None or len(stamps) - covered < _MANY:
            return False
        path = cached_order(directory)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_order(path, [(stamp, self._lines(number)) for number, stamp in enumerate(stamps)])
        except OSError:  # no place for it: every file is asked by itself, as before
            return False
        return True

    def _stamps(self) -> tuple[Path | None, list[Stamp]]:
        """The first index files, as long as they are of one crawl directory and can be trusted."""
        stamps: list[Stamp] = []
        directory: Path | None = None
        for source in self._sources:
            if source.index is None or directory not in (None, source.index.parent) or not fresh(source):
                break
            directory = source.index.parent
            stamps.append(stamp_of(source.index))
        return directory, stamps


def lines_of(source: Source) -> Lines:
    """The sorted lines of a file's captures: kept ones, or else made now. Blocking. Raises CorruptArchive, OSError."""
    return kept_lines(source) or _made_lines(source)


def source_lines(source: Source, on_damage: OnDamage | None = None) -> Iterator[str]:
    """The index lines of a file's captures, in the order of the file. Raises CorruptArchive, OSError."""
    records = read_source(source, on_damage=on_damage)
    for record in records if on_damage is None else _or_nothing(records, on_damage):
        offset, length, skip = record.location.offset, record.location.length, record.location.skip
        try:
            line = index_line(record.header, record.beginning(), offset, length, source.name, skip)
        except InvalidRecord as error:
            problem = CorruptArchive(error.message, path=source.label, offset=offset)
            if on_damage is None:
                raise problem from None
            on_damage(problem)
            continue
        if line is not None:
            yield line


def _or_nothing(records: Iterator[StoredRecord], on_damage: OnDamage) -> Iterator[StoredRecord]:
    try:
        yield from records
    except CorruptArchive as error:  # the file is missing altogether
        on_damage(error)


def fresh(source: Source) -> bool:
    """True if the index beside a file is there and not older than the file. Raises OSError."""
    try:
        return source.index is not None and source.index.stat().st_mtime_ns >= source.path.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def kept_lines(source: Source) -> Lines | None:
    """The lines beside a file or in the cache. Blocking. Raises OSError."""
    if fresh(source):
        assert source.index is not None
        return mapped(source.index)
    path = cached_index(source)
    if path is not None:
        with suppress(OSError):  # not there, or in a cache that is somebody else's
            return mapped(path)
    return None


def mapped(path: Path) -> Lines:
    """The lines of an index file. Raises OSError."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return Lines(b"", str(path))
        return Lines(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), str(path))


def write_source_index(source: Source, path: Path) -> None:
    """Writes the index of a file of records of any kind, atomically. Blocking. Raises CorruptArchive, OSError."""
    with ExitStack() as stack:
        replace_file(path, (line.encode("ascii") for line in _sorted(source, None, stack)))


def _made_lines(source: Source, on_damage: OnDamage | None = None) -> Lines:
    """From the file itself; kept in the cache where that can be, unless damage may be passed over.

    Raises CorruptArchive, OSError."""
    path = cached_index(source) if on_damage is None else None
    if path is not None:
        with suppress(OSError), ExitStack() as stack:  # no room there: then for this process alone
            if keep(path, _sorted(source, None, stack)) is not None:
                return mapped(path)
    with ExitStack() as stack, tempfile.TemporaryFile() as file:
        file.writelines(line.encode("ascii") for line in _sorted(source, on_damage, stack))
        file.flush()
        if not file.tell():
            return Lines(b"", source.label)
        return Lines(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), source.label)


def _sorted(source: Source, on_damage: OnDamage | None, stack: ExitStack) -> Iterable[str]:
    return sorted_lines(source_lines(source, on_damage), RUN, Path(tempfile.gettempdir()), stack)
