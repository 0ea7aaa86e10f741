"""The kinds of scope a seed can have."""

from __future__ import annotations

import enum


class ScopeKind(enum.StrEnum):
    """How far from its seed a crawl may follow links."""

    PAGE = "page"
    PREFIX = "prefix"
    HOST = "host"
    DOMAIN = "domain"
    ANY = "any"
