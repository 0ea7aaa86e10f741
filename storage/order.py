"""One order over the sorted lines of many index files, so that a lookup halves once instead of once a file.

    DIR/indexes/order.bin:  MAGIC, length of the list (8 bytes), the list as JSON, then 8 bytes a line, little-endian

The list names each index file with its size and time of change; each number is the file's place in it times 2⁴⁰ plus
the line's offset. The numbers stand in the order of their lines. A file that changed since makes the order worthless,
one that is new is asked by itself. 10⁷ captures take 80 MB on disk and next to nothing in memory.
"""

from __future__ import annotations

import heapq
import json
import mmap
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from storage.layout import replace_file
from storage.lines import Lines

ORDER = "order.bin"
MAGIC = b"ANNALS\x00\x01"
SHIFT = 40
_MASK = (1 << SHIFT) - 1
_GROUP = 1 << 16

Stamp = tuple[str, int, int]
"""An index file's name, size and time of change in nanoseconds."""


def stamp_of(path: Path) -> Stamp:
    """Raises OSError."""
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns


def write_order(path: Path, indexes: Sequence[tuple[Stamp, Lines]]) -> None:
    """Writes the order of these index files, atomically. Blocking, bounded memory; raises OSError."""
    replace_file(path, _pieces(indexes))


def _pieces(indexes: Sequence[tuple[Stamp, Lines]]) -> Iterator[bytes]:
    head = json.dumps([stamp for stamp, _ in indexes]).encode()
    head += b" " * (-len(head) % 8)
    yield MAGIC + len(head).to_bytes(8, "little") + head
    group = array("Q")
    for _, place in heapq.merge(*[_placed(number, lines) for number, (_, lines) in enumerate(indexes)]):
        group.append(place)
        if len(group) >= _GROUP:
            yield _little(group)
            del group[:]
    yield _little(group)


def _placed(number: int, lines: Lines) -> Iterator[tuple[bytes, int]]:
    base = number << SHIFT
    for offset, line in lines.placed():
        yield line, base + offset


def _little(group: array[int]) -> bytes:
    if sys.byteorder == "big":
        group = array("Q", group)
        group.byteswap()
    return group.tobytes()


class Order:
    """The order of the first so many index files of an archive."""

    def __init__(self, places: memoryview, count: int, lines: Callable[[int], Lines]) -> None:
        self.count = count
        """How many index files it covers."""
        self._places, self._lines = places, lines

    def since(self, key: bytes) -> Iterator[tuple[bytes, int]]:
        """The lines from the first that is not less than `key`, with the number of their file."""
        places = self._places
        for at in range(bisect_left(places, key, key=self._line), len(places)):
            place = places[at]
            yield self._lines(place >> SHIFT).at(place & _MASK), place >> SHIFT

    def _line(self, place: int) -> bytes:
        return self._lines(place >> SHIFT).at(place & _MASK)


def read_order(path: Path, stamps: Sequence[Stamp], lines: Callable[[int], Lines]) -> Order | None:
    """The order of the first of these index files; None if there is none, or it tells of other files.

    `lines` gives the lines of a file by its number. Blocking."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            size = int.from_bytes(file.read(8), "little")
            listed = [tuple(stamp) for stamp in json.loads(file.read(size))]
            start = len(MAGIC) + 8 + size
            if listed != list(stamps[: len(listed)]) or (file.seek(0, 2) - start) % 8 or file.tell() == start:
                return None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # derived, and in a cache that may be somebody else's: then each file is asked
        return None
    return Order(memoryview(mapped)[start:].cast("Q"), len(listed), lines)
