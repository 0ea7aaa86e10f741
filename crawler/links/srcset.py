"""The srcset attribute: HTML Standard, section 4.8.4.2.2, "parse a srcset attribute".

The standard's way, not a split at commas: addresses of image services hold commas themselves. A candidate whose
descriptors are in error is no candidate; a browser would never load it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_BETWEEN = re.compile(r"[ \t\n\f\r,]*")
_URL = re.compile(r"[^ \t\n\f\r]+")
_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*+(?:\)|\Z))*+,?")
_DESCRIPTOR = re.compile(r"(?:[^ \t\n\f\r(]|\([^)]*+(?:\)|\Z))++")
_INTEGER = re.compile(r"[0-9]+")
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def srcset_urls(value: str) -> Iterator[str]:
    """The addresses of all image candidates, in order."""
    position = 0
    while True:
        position = _end(_BETWEEN.match(value, position), position)
        url = _URL.match(value, position)
        if url is None:
            return
        position = url.end()
        if url[0].endswith(","):
            yield url[0].rstrip(",")
            continue
        descriptors = _DESCRIPTORS.match(value, position)
        start, position = position, _end(descriptors, position)
        written = value[start:position].removesuffix(",")
        if _are_valid(match[0] for match in _DESCRIPTOR.finditer(written)):
            yield url[0]


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise


def _are_valid(descriptors: Iterable[str]) -> bool:
    """Step "descriptor parser": at most one of w, x and h each, x never beside the others, h never without w."""
    seen = ""
    for descriptor in descriptors:
        number, unit = descriptor[:-1], descriptor[-1]
        if unit in "wh":
            valid = _INTEGER.fullmatch(number) is not None and number.strip("0") != ""
        else:
            valid = unit == "x" and _FLOAT.fullmatch(number) is not None and float(number) >= 0
        if not valid or unit in seen or (seen and "x" in (unit, seen)):
            return False
        seen += unit
    return seen != "h"
