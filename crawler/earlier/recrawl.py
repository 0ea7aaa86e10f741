"""Later rounds: a URL is asked for only if it has changed, and what a 304 says of it is taken from the round before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from crawler.earlier.conditions import conditions_for, confirms
from crawler.earlier.kept import read_kept
from crawler.earlier.revisit import Original, Previous, Profile, Revisit
from crawler.frontier import Knowledge
from crawler.model import CrawlURL, Exchange, Extraction, Kind, Role
from storage import ArchiveError

log = logging.getLogger(__name__)

ReadOutlinks = Callable[[str, int], Awaitable[dict[str, Role]]]


class Earlier(Struct, frozen=True):
    """A capture of the URL that a 304 would speak of."""

    previous: Previous
    original: Original
    conditions: tuple[tuple[str, str], ...]
    """What was asked with."""


class Recrawl:
    """What an archive knows of the URLs of a later round."""

    def __init__(self, directory: Path, knowledge: Knowledge, read_outlinks: ReadOutlinks) -> None:
        self._directory, self._knowledge, self._read_outlinks = directory, knowledge, read_outlinks

    async def conditional(self, url: CrawlURL) -> tuple[CrawlURL, Earlier | None]:
        """The URL as it is to be asked for, and the capture that a 304 would speak of.

        Only the first request of a round has conditions: where one fails, or its answer cannot be used, the next asks
        for the document itself. So has a fetch beyond the outcome, for which the cookies have changed."""
        if url.round == 1 or url.attempt > 1 or url.again or url.kind is Kind.ROBOTS:
            return url, None
        previous = await self._knowledge.previous(url)
        if previous is None or previous.status != 200:
            return url, None
        try:
            kept = await asyncio.to_thread(read_kept, self._directory, url.url, previous)
        except (ArchiveError, OSError) as error:
            log.warning(
                "%s: asked for without conditions, since its earlier capture cannot be read: %s", url.url, error
            )
            return url, None
        conditions = () if kept is None else conditions_for(kept.headers)
        if kept is None or not conditions:
            return url, None
        return replace(url, conditions=conditions), Earlier(previous, kept.original, conditions)

    async def unchanged(
        self, url: CrawlURL, exchange: Exchange, earlier: Earlier
    ) -> tuple[Exchange, Extraction, Revisit] | None:
        """What a 304 to such a request stands for: the exchange, with the media type of the document, the links and
        the title of the earlier capture. None where it cannot be taken for that, and the document must be asked for."""
        if not confirms(earlier.conditions, exchange.headers):
            return None
        previous = earlier.previous
        try:
            links = await self._read_outlinks(previous.segment, previous.metadata_offset)
        except (ArchiveError, OSError) as error:
            log.warning("%s: asked for again, since its earlier last links cannot be read: %s", url.url, error)
            return None
        exchange = replace(exchange, media_type=previous.media_type)
        return exchange, Extraction(links, previous.title), Revisit(Profile.NOT_MODIFIED, earlier.original)
