"""What a page says, as a few numbers that are nearly the same for pages that are. Pure, cheap, the same in every run.

A *sketch* is the 64 smallest hashes of a page's pairs of words (bottom-k MinHash, Broder 1997): the part that two
sketches have in common estimates the part that the pages have in common. Numbers as days, years and the page's own
address have them are taken for the same number, so that the months of a calendar are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from itertools import pairwise
from zlib import crc32

Sketch = frozenset[int]
SIZE = 64
LONGEST = 64 << 10
"""Bytes of a page that are looked at."""

_WORD = re.compile(rb"[0-9]+(?:[.,][0-9]+)+|[0-9A-Za-z\x80-\xff_]+")
_SILENT = (b"script", b"style", b"template", b"noscript")
_YEAR = re.compile(rb"(?:19|20|21)[0-9][0-9]")
_IDENTIFIER = re.compile(rb"(?=.*[0-9])(?=.*[a-z])[0-9a-z_]{8,}")


def sketch(content: bytes, url: str) -> Sketch:
    """The sketch of a document of markup at `url`."""
    own = _own(url)
    words = _WORD.findall(b" ".join(_texts(content[:LONGEST])).lower())
    alike = {word: _alike(word, own) for word in set(words)}
    pairs = {(alike[one], alike[other]) for one, other in pairwise(words)}
    return frozenset(nsmallest(SIZE, {crc32(b" ".join(pair)) for pair in pairs}))


def likeness(one: Sketch, other: Sketch) -> float:
    """The estimated part of their word pairs that two pages have in common, 0 to 1; 1 for two pages without any."""
    both = nsmallest(SIZE, one | other)
    return sum(each in one and each in other for each in both) / len(both) if both else 1.0


def heading(title: str | None, requisites: Iterable[str], url: str) -> int:
    """One number for the title and what the page shows, which are the same on pages that are nearly the same.

    Of requisites the path counts, since what follows it tells sessions apart."""
    own = _own(url)
    words = [_alike(word, own) for word in _WORD.findall((title or "").encode().lower())]
    shown = sorted({requisite.partition("?")[0].partition(";")[0] for requisite in requisites})
    return crc32("\n".join(shown).encode(), crc32(b" ".join(words)))


def _texts(content: bytes) -> Iterator[bytes]:
    """What stands between tags, scripts and styles left out. One pass, whatever the markup."""
    first, *parts = content.split(b"<")
    yield first
    silent: bytes | None = None
    for part in parts:
        tag, _, text = part.partition(b">")
        name = tag[:9].lower()
        if silent is not None:
            if name.startswith(silent):
                silent = None
                yield text
            continue
        silent = next((b"/" + each for each in _SILENT if name.startswith(each)), None)
        if silent is None:
            yield text


def _own(url: str) -> frozenset[bytes]:
    """The words of the URL, and the numbers next to its numbers: what a page repeats of its own place in a row."""
    words = set(_WORD.findall(url.encode().lower()))
    numbers = [int(word) for word in words if word.isdigit() and len(word) < 10]
    return frozenset(words | {str(number + step).encode() for number in numbers for step in (-1, 1)})


def _alike(word: bytes, own: frozenset[bytes]) -> bytes:
    if word in own:
        return b"@"
    if word.isdigit():
        return b"0" if len(word) <= 2 or _YEAR.fullmatch(word) else word
    return b"*" if len(word) >= 8 and _IDENTIFIER.fullmatch(word) else word
