"""The configuration of a crawl: one frozen value, the same for the library, the command line and crawl.toml."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30


class ScopeKind(enum.StrEnum):
    """How far from its seed a crawl may follow links."""

    PAGE = "page"
    PREFIX = "prefix"
    HOST = "host"
    DOMAIN = "domain"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlConfig:
    """Every option of a crawl. Sizes are bytes, times seconds, None means no limit."""

    seeds: Sequence[str] = ()
    output: str | Path = "crawls/crawl"

    # what to fetch
    scope: ScopeKind = ScopeKind.HOST
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_depth: int | None = None
    robots: bool = True

    # how much
    max_pages: int | None = None
    max_bytes: int | None = None
    max_time: float | None = None
    max_body: int = GIB
    min_free_disk: int = GIB
    disk_wait: float | None = None

    # how fast
    concurrency: int = 64
    per_host: int = 2
    delay: float | None = None
    """Seconds between two requests to a host; None is `auto`."""
    timeout: float = 30.0
    """Longest silence: to connect, and between two reads."""
    max_fetch_time: float = 1200.0
    retries: int = 3
    """Attempts beyond the first."""

    # who asks
    user_agent: str | None = None
    contact: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    # the archive
    segment_size: int = GIB
    prefix: str = "annals"
    digest: str = "sha256"
    compression_level: int = 6

    # the run
    grace: float = 10.0
    retry_failed: bool = False
    demo: bool = False
