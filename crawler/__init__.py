"""Annals: what to fetch, when, and fetching it. As a library: see docs/library.md.

The names below are imported when they are first asked for: the command line answers wrong usage without an engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crawler.background import BackgroundCrawl, run
    from crawler.config import CrawlConfig, ScopeKind
    from crawler.crawl import Crawl
    from crawler.hooks import Hooks
    from crawler.model import Outcome, OutcomeKind, Receipt
    from crawler.progress import Summary

_HOMES = {
    "BackgroundCrawl": "crawler.background",
    "Hooks": "crawler.hooks",
    "run": "crawler.background",
    "Crawl": "crawler.crawl",
    "CrawlConfig": "crawler.config",
    "Outcome": "crawler.model",
    "OutcomeKind": "crawler.model",
    "Receipt": "crawler.model",
    "ScopeKind": "crawler.config",
    "Summary": "crawler.progress",
}

__all__ = [
    "BackgroundCrawl",
    "Crawl",
    "CrawlConfig",
    "Hooks",
    "Outcome",
    "OutcomeKind",
    "Receipt",
    "ScopeKind",
    "Summary",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
