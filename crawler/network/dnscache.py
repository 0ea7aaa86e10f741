"""Answers to questions for names, kept as long as the name's owner allows.

The decision which address may be connected to is none of its business: that falls on each address just before it is
connected to (crawler/wire/connector.py), however old the answer is.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

LEAST_TTL, MOST_TTL = 5.0, 86_400.0
"""A shorter one would ask for each connection anew, a longer one keep what somebody set by mistake."""
NEGATIVE_TTL = 5.0
"""How long a name counts as having no address. Short, so that a host that is asked again is looked for again."""
MAX_NAMES = 10_000


class Address(Struct, frozen=True):
    """One address of a name."""

    text: str
    family: socket.AddressFamily


class Answer(Struct, frozen=True):
    """A name's addresses in the order of preference; none means that it has none."""

    addresses: Sequence[Address]
    ttl: float
    """Seconds, as its owner says."""
    error: tuple[int, str] | None = None
    """Why there is none: code and words of getaddrinfo(3)."""


Lookup = Callable[[str, socket.AddressFamily], Awaitable[Answer]]
"""Asks for a name's addresses. Raises nothing but CancelledError."""


class CachingResolver(AbstractResolver):
    """Asks `lookup`, once for all who want to know the same at the same time."""

    def __init__(
        self,
        lookup: Lookup,
        end: Callable[[], Awaitable[None]] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        limit: int = MAX_NAMES,
    ) -> None:
        """`end` is awaited when the resolver is closed."""
        self._lookup, self._end, self._clock, self._limit = lookup, end, clock, limit
        self._kept: dict[tuple[str, int], tuple[float, Answer]] = {}
        """Until when each answer holds, and the answer."""
        self._asked: dict[tuple[str, int], asyncio.Task[Answer]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises socket.gaierror if it has none."""
        key = host.lower(), int(family)
        kept = self._kept.get(key)
        answer = kept[1] if kept is not None and kept[0] > self._clock() else await self._ask(key, family)
        if not answer.addresses:
            code, words = answer.error or (socket.EAI_NONAME, "Name or service not known")
            raise socket.gaierror(code, words)
        return [
            ResolveResult(
                hostname=host, host=address.text, port=port, family=address.family, proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in answer.addresses
        ]  # fmt: skip

    async def _ask(self, key: tuple[str, int], family: socket.AddressFamily) -> Answer:
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.get_running_loop().create_task(self._learn(key, family))
        # Who gives up waiting must not take the answer from the others.
        return await asyncio.shield(task)

    async def _learn(self, key: tuple[str, int], family: socket.AddressFamily) -> Answer:
        try:
            answer = await self._lookup(key[0], family)
        finally:
            del self._asked[key]
        ttl = min(max(answer.ttl, LEAST_TTL), MOST_TTL) if answer.addresses else NEGATIVE_TTL
        self._kept.pop(key, None)
        self._kept[key] = self._clock() + ttl, answer
        while len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]
        return answer

    async def close(self) -> None:
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._end is not None:
            await self._end()
