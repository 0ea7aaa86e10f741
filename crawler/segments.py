"""The archive's segments as the ledger knows them: born lazily, extended, rotated, sealed, recovered on start.

A session opens its own segment with its own warcinfo when it has something to write; what an earlier session left open
is cut back to its committed length and sealed before anything else happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from crawler.clock import Clock, utc
from crawler.config import CrawlConfig
from crawler.frontier import Frontier, SegmentState
from storage import (
    DigestAlgorithm,
    Files,
    ManifestRow,
    Record,
    SegmentWriter,
    Written,
    append_manifest,
    recover,
    write_index,
)

log = logging.getLogger(__name__)
