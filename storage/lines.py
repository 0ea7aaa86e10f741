"""Sorted CDXJ lines, held as one run of bytes (a mapped file or memory) and found by halving: nothing is loaded.

A line is `KEY TIMESTAMP {JSON}` and ends with LF; bytes order them. Among 10⁷ lines that takes some 25 looks.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field

from storage.errors import CorruptArchive


@dataclass(frozen=True, slots=True)
class Entry:
    """One capture as the index knows it."""

    key: str
    """The SURT of its URL."""
    timestamp: str
    """14 digits, UTC."""
    url: str
    mime: str
    """`warc/revisit` for a revisit, `unk` where the response does not say."""
    status: int | None
    digest: str | None
    filename: str
    offset: int
    length: int | None
    skip: int = 0
    line: str = field(default="", repr=False)
    """The whole line, without its LF."""

    @property
    def revisit(self) -> bool:
        return self.mime == "warc/revisit"


class Lines:
    """A sorted run of lines."""

    def __init__(self, data: bytes | mmap.mmap, label: str) -> None:
        self._data, self._label = data, label

    def __len__(self) -> int:
        """Bytes."""
        return len(self._data)

    def __bool__(self) -> bool:
        return True

    def since(self, key: bytes) -> Iterator[bytes]:
        """The lines from the first that is not less than `key`, each without its LF."""
        data = self._data
        at = self.find(key)
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            yield data[at:end]
            at = end + 1

    def at(self, offset: int) -> bytes:
        """The line that begins at an offset, without its LF."""
        end = self._data.find(b"\n", offset)
        return self._data[offset : len(self._data) if end < 0 else end]

    def placed(self) -> Iterator[tuple[int, bytes]]:
        """Every line with its offset."""
        data, at = self._data, 0
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            yield at, data[at:end]
            at = end + 1

    def find(self, key: bytes) -> int:
        """Offset of the first line that is not less than `key`; the length if there is none."""
        data = self._data
        low, high = 0, len(data)
        while low < high:
            start = data.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            if data[start:end] < key:
                low = end + 1
            else:
                high = start
        return low


def parse_line(line: bytes, label: str) -> Entry:
    """A line taken apart. Raises CorruptArchive for one that is none, naming the index."""
    try:
        whole = line.decode("utf-8")
        key, timestamp, text = whole.split(" ", 2)
        values = json.loads(text)
        status = values.get("status")
        length = values.get("length")
        return Entry(
            key, timestamp, values["url"], values.get("mime", "unk"),
            int(status) if status is not None and status.isdecimal() else None,
            values.get("digest"), values["filename"], int(values["offset"]),
            None if length is None else int(length), int(values.get("skip", 0)), whole,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptArchive(f"not an index line: {line[:80]!r} ({error})", path=label) from None
