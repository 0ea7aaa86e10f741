"""Names that lead to fixed addresses; all others are asked of DNS."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping

from aiohttp.abc import AbstractResolver, ResolveResult

from crawler.network.dnslookup import open_resolver


class OverrideResolver(AbstractResolver):
    """Resolves the given names to fixed (IP address, port) pairs, whatever port the URL says.

    `OverrideResolver({"demo.test": ("127.0.0.1", 40123)})` serves a whole site under a stable name from a free port."""

    def __init__(
        self, overrides: Mapping[str, tuple[str, int]] | None = None, fallback: AbstractResolver | None = None
    ) -> None:
        """`fallback` resolves all other names; by default DNS with a cache."""
        self._overrides = {name.lower(): address for name, address in (overrides or {}).items()}
        self._fallback = fallback

    def own(self, host: str) -> tuple[str, int] | None:
        """The fixed address and port of a name that has one."""
        return self._overrides.get(host.lower().rstrip("."))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises OSError (socket.gaierror) if it has none."""
        override = self.own(host)
        if override is None:
            if self._fallback is None:
                self._fallback = open_resolver()  # needs the running loop, so not before
            return await self._fallback.resolve(host, port, family)
        address, fixed_port = override
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=fixed_port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        ]

    async def close(self) -> None:
        if self._fallback is not None:
            await self._fallback.close()


_FAMILIES = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}

Heard = Callable[[str, int, Iterable[str]], None]
"""Told host, port and addresses of each answer."""


class WatchedResolver(AbstractResolver):
    """Tells of each answer of another resolver before anybody uses it."""

    def __init__(self, resolver: AbstractResolver, heard: Heard) -> None:
        self._resolver, self._heard = resolver, heard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See the other resolver. Raises OSError, too, if no address is of the family."""
        answer = await self._resolver.resolve(host, port, family)
        if family is not socket.AF_UNSPEC:
            answer = [result for result in answer if result["family"] is family]
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, f"it has no {_FAMILIES.get(family, '')}address")
        self._heard(host, port, (result["host"] for result in answer))
        return answer

    async def close(self) -> None:
        await self._resolver.close()
