"""What part of the sorted keys a URL stands for: itself, all below it, its host, its domain. No I/O."""

from __future__ import annotations

import enum

from storage.surt import surt

_BEYOND = "\x7f"


class MatchType(enum.StrEnum):
    """As CDX servers name them."""

    EXACT = "exact"
    PREFIX = "prefix"
    HOST = "host"
    DOMAIN = "domain"


def key_range(url: str, match: MatchType) -> tuple[str, str]:
    """The first key, and the one before which it ends. `*` at either end of the URL says host or prefix as well."""
    if url.startswith("*."):
        url, match = url[2:], MatchType.DOMAIN
    elif url.endswith("*"):
        url, match = url[:-1], MatchType.PREFIX
    key = surt(url)
    if match is MatchType.EXACT:
        return key, f"{key} "  # nothing but the key itself sorts before the space behind it
    if match is MatchType.PREFIX:
        low = f"{key}/" if url.endswith("/") and not key.endswith("/") else key
        return low, low + _BEYOND
    host = key.partition(")")[0]
    return f"{host})", f"{host}*" if match is MatchType.HOST else f"{host}-"
