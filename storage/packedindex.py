"""The index of a package: sorted CDXJ lines in gzip members, and the first line of each member with its place.

    index.cdx.gz    1024 lines a member
    index.idx       !meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}
                    KEY TIMESTAMP {"offset": 0, "length": 7, "digest": "sha256:…"}, a line a member

As cdxj-indexer writes it, and pywb and wabac.js read it (ZipNum): the small file is searched first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from zlib_ng import zlib_ng

from storage.members import GZIP

LINES = 1024
DATA = "index.cdx.gz"


class PackedIndex:
    """Give `members` to the writer of the data, then `index` to the writer of what finds them."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        """`lines` are sorted and end with LF."""
        self._lines = lines
        self._index = [f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': DATA})}\n".encode()]
        self._offset = 0
        self.captures = 0
        self.newest = ""
        """The last 14-digit timestamp, once all lines were taken."""

    def members(self) -> Iterator[bytes]:
        """The gzip members."""
        block: list[bytes] = []
        for line in self._lines:
            block.append(line)
            self.captures += 1
            self.newest = max(self.newest, line.split(b" ", 2)[1].decode("ascii", "replace"))
            if len(block) == LINES:
                yield self._member(block)
                block = []
        if block:
            yield self._member(block)

    def index(self) -> Iterator[bytes]:
        """The lines of index.idx."""
        yield from self._index

    def _member(self, block: list[bytes]) -> bytes:
        data: bytes = zlib_ng.compress(b"".join(block), 6, GZIP)
        place = {"offset": self._offset, "length": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        key, timestamp, _ = block[0].split(b" ", 2)
        self._index.append(key + b" " + timestamp + b" " + json.dumps(place).encode() + b"\n")
        self._offset += len(data)
        return data
