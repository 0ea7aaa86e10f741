"""Long text in pieces: within one search or substitution no other thread gets its turn."""

from __future__ import annotations

from collections.abc import Iterator

_STEP = 256 << 10
"""Characters."""


def pieces(text: str, mark: str) -> Iterator[str]:
    """The text, cut before occurrences of the mark."""
    begin, length = 0, len(text)
    while begin < length:
        end = length if length - begin <= _STEP else text.rfind(mark, begin + 1, begin + _STEP)
        if end < 0:
            end = text.find(mark, begin + _STEP)
        end = length if end < 0 else end
        yield text[begin:end]
        begin = end
