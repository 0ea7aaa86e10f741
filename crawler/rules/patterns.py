"""Which URLs are of one kind: made by the same program from other numbers, identifiers and values. Pure."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"[0-9]+")
_IDENTIFIER = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[0-9A-Za-z_()-]{16,}")
_NAMES = re.compile(r"(?:^|[&;])([^=&;]*)")


def pattern_of(url: str) -> str:
    """The same text for all URLs of a kind: the host, the different segments of its path and the names in its query.

    Numbers count as one number, long identifiers as one identifier; order and repetition of segments count for
    nothing, since links that go astray combine the same few in every way: `/a/b/a/` is like `/b/a/`."""
    path, _, query = url.partition("?")
    host, *segments = path.split("/")[2:]
    parts = {_shape(segment) for segment in segments if segment}
    names = set(_NAMES.findall(query)) if query else ()
    return "/".join((host, *sorted(parts))) + ("?" + "&".join(sorted(map(_shape, names))) if names else "")


def _shape(segment: str) -> str:
    if ";" in segment:
        segment = segment.partition(";")[0]  # RFC 3986 section 3.3: parameters of a segment, such as jsessionid
    if len(segment) >= 16 and _IDENTIFIER.fullmatch(segment):
        return "*"
    return _DIGITS.sub("0", segment)


def has_parameters(url: str) -> bool:
    """True for a URL with a query, or with parameters in its path."""
    return "?" in url or ";" in url
