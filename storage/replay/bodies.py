"""Decoded bodies to be sent in parts: kept aside while they are asked for again, as media players do."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from storage.replay.holdings import Held

IN_MEMORY = 4 << 20
"""Bytes of a body that are kept in memory; larger ones go to a temporary file."""
LONGEST = 256 << 20
"""Bytes after which a body is cut that is over four times its record: a few kilobytes can unpack to a full disk."""
KEPT = 8
"""Bodies that are kept at a time."""


@dataclass(eq=False)
class Body:
    """A decoded body, whole."""

    size: int
    _file: IO[bytes]
    _lock: threading.Lock

    def read(self, start: int, length: int) -> bytes:
        """Bytes from an offset on. Blocking; for any thread."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(length)


class Bodies:
    """The bodies that were asked for last."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[int, Body] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, held: Held) -> Body:
        """The body of a capture. Blocking. Raises ArchiveError, OSError."""
        number = held.entry.id
        with self._lock:
            if number in self._bodies:
                self._bodies.move_to_end(number)
                return self._bodies[number]
        file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (closed with the last user of the body)
        size = 0
        most = max(LONGEST, 4 * held.capture.payload_record.size)
        for piece in held.capture.chunks():
            file.write(piece)
            size += len(piece)
            if size >= most:
                break
        body = Body(size, file, threading.Lock())
        weakref.finalize(body, file.close)
        with self._lock:
            self._bodies[number] = body
            if len(self._bodies) > KEPT:
                self._bodies.popitem(last=False)
        return body
