"""What a crawl is made of and can be given by whoever starts it: another fetcher, another frontier, a test's clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from crawler.clock import Clock
from crawler.fetcher import Fetcher
from crawler.frontier import Frontier, Needed, SegmentState
from crawler.model import Role
from crawler.scope import Scope
from storage import Files, Record, Written


class Sink(Protocol):
    """Where records go, durably and in order. `crawler.archiving.segments.Segments` writes a directory's WARC files."""

    @property
    def length(self) -> int:
        """Bytes of the open segment; 0 when none is open."""

    @property
    def room(self) -> int:
        """Bytes that the segment may still take."""

    @property
    def state(self) -> SegmentState | None:
        """The open segment's row as the next commit shall make it."""

    async def recover(self) -> None:
        """Before anything else: brings what an earlier session left to what the ledger says."""

    async def append(self, groups: Sequence[Sequence[Record]]) -> list[list[Written]]:
        """Appends and syncs; not part of the archive before the commit. Raises NoSpace, SegmentBroken."""

    def committed(self) -> None:
        """What was appended last is part of the archive now."""

    async def rollback(self, length: int) -> None:
        """Undoes an append whose commit, as the ledger says, did not happen."""

    async def rotate_if_full(self) -> None: ...

    async def seal(self) -> None: ...

    async def close(self) -> None: ...

    async def read_outlinks(self, segment: str, offset: int) -> dict[str, Role]:
        """The links that a committed metadata record lists."""


class Seams(Struct, frozen=True, kw_only=True):
    """None: the usual part, made from the configuration. What is given is not closed by the crawl, but the sink is. A
    frontier that is given keeps its own delays and slots: the configuration's are for the usual one."""

    clock: Clock
    fetcher: Fetcher | None = None
    frontier: Frontier | None = None
    scope: Scope | None = None
    sink: Sink | None = None
    files: Files | None = None
    missing: Sequence[Needed] | None = None
    """Requisites to be fetched, and nothing else: see crawler/audit."""
