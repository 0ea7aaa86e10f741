"""One byte range of a request (RFC 9110 section 14.1.2). No I/O."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end of the part asked for, an empty one where it lies beyond the body; None for the whole.

    Several ranges at once, or what is none, are answered with the whole, as section 14.2 allows."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found[0].endswith("=-"):
        return None
    if not found[1]:
        length = int(found[2])
        return (max(0, size - length), size) if length else (size, size)
    start = int(found[1])
    stop = min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    return start, max(start, stop) if start < size else start
