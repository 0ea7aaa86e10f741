"""Logging in again when a host answers 401: one refresh at a time for each origin; whoever waited uses its result.

Terms. A *generation* counts the logins to an origin: a request that was made with an older one than is now in force is
simply made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from crawler.hooks import Login
from crawler.model import CrawlURL, Exchange
from crawler.urls import origin_text


@dataclass(slots=True, eq=False)
class _Origin:
    headers: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Logins:
    """What is presented to the origins that were logged in to. For this session only."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._origins: dict[str, _Origin] = {}
        self._tried: set[str] = set()
        """URLs that are asked for again after a login: a second 401 stands."""

    def held(self, url: str) -> tuple[Mapping[str, str], int]:
        """Headers for a request, and their generation."""
        origin = self._origins.get(origin_text(url))
        return ({}, 0) if origin is None else (origin.headers, origin.generation)

    async def again(self, url: CrawlURL, exchange: Exchange, generation: int) -> bool:
        """Whether the URL, which was asked for with this generation and answered 401, is worth another request. Raises
        what the hook raises."""
        if url.url in self._tried:
            self._tried.discard(url.url)
            return False
        origin = self._origins.setdefault(origin_text(url.url), _Origin())
        async with origin.lock:
            if origin.generation == generation:
                headers = await self._login(url, exchange)
                if headers is None:
                    return False
                origin.headers, origin.generation = dict(headers), generation + 1
        self._tried.add(url.url)
        return True

    def answered(self, url: str) -> None:
        """The URL got another answer than a 401."""
        self._tried.discard(url)
