"""ZipNum: a sorted index in compressed blocks with a small index over them, as pywb takes it beside a collection.

index.cdx.gz   gzip members of so many lines each
index.idx      KEY TIMESTAMP, part, offset, length and number of each block, tab-separated
index.loc      the part's name and its file
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from storage.layout import replace_file

BLOCK = 3000
"""Lines of a block, as the Internet Archive's indexes have."""

_PART = "index"


def write_zipnum(directory: Path, lines: Iterable[bytes], *, block: int = BLOCK) -> int:
    """Writes sorted lines, given without their LF; returns how many there were. Blocking; raises OSError."""
    table: list[bytes] = []
    counts: list[int] = []
    replace_file(directory / f"{_PART}.cdx.gz", _blocks(iter(lines), block, table, counts))
    replace_file(directory / f"{_PART}.idx", table)
    replace_file(directory / f"{_PART}.loc", [f"{_PART}\t{_PART}.cdx.gz\n".encode()])
    return sum(counts)


def _blocks(lines: Iterator[bytes], size: int, table: list[bytes], counts: list[int]) -> Iterator[bytes]:
    offset = 0
    while group := list(islice(lines, size)):
        packed = gzip.compress(b"".join(line + b"\n" for line in group), mtime=0)
        key = b" ".join(group[0].split(b" ", 2)[:2])
        table.append(b"%s\t%s\t%d\t%d\t%d\n" % (key, _PART.encode(), offset, len(packed), len(table) + 1))
        counts.append(len(group))
        offset += len(packed)
        yield packed
