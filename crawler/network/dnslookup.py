"""Asking for a name's addresses with their time to live, which getaddrinfo(3) does not tell.

c-ares asks: it reads /etc/hosts, resolv.conf with its search domains, and the order of both in nsswitch.conf, and sorts
addresses by RFC 6724. What else nsswitch.conf may name (mDNS, the machine's own name, a directory of users and hosts)
it cannot ask: where there is such a thing, the system is asked for the names that c-ares does not find.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawler.network.dnscache import Address, Answer, CachingResolver

if TYPE_CHECKING:
    import aiodns

log = logging.getLogger(__name__)

SYSTEM_TTL = 60.0
"""For an answer of the system, which tells none."""
NSSWITCH = Path("/etc/nsswitch.conf")

_NOT_FOUND = frozenset({1, 4, 8})
"""c-ares: no data, not found, not a name."""
_SERVED = frozenset({"files", "dns"})


class DnsLookup:
    """A `Lookup`; made inside the running loop."""

    def __init__(self, *, system_too: bool, **options: Any) -> None:
        """`system_too`: ask the system for what is not found. `options` are those of aiodns.DNSResolver.

        Raises OSError if c-ares cannot be used here."""
        import aiodns  # here, for the quick start of crawls that ask for no names

        try:
            self._resolver: aiodns.DNSResolver = aiodns.DNSResolver(**options)
        except (aiodns.error.DNSError, RuntimeError) as error:
            raise OSError(f"c-ares cannot be used: {error}") from error
        self._failed = aiodns.error.DNSError
        self._system_too = system_too

    async def __call__(self, host: str, family: socket.AddressFamily) -> Answer:
        try:
            found = await self._resolver.getaddrinfo(host, family=family, type=socket.SOCK_STREAM)
        except self._failed as error:
            code, words = error.args[0], error.args[1] if len(error.args) > 1 else ""
            if code not in _NOT_FOUND:
                return Answer((), 0.0, (socket.EAI_AGAIN, f"Temporary failure in name resolution ({words})"))
            if self._system_too:
                return await ask_system(host, family)
            return Answer((), 0.0, (socket.EAI_NONAME, "Name or service not known"))
        nodes = [node for node in found.nodes if node.family in (socket.AF_INET, socket.AF_INET6)]
        addresses = [Address(node.addr[0].decode(), socket.AddressFamily(node.family)) for node in nodes]
        return Answer(list(dict.fromkeys(addresses)), min((float(node.ttl) for node in nodes), default=0.0))

    async def close(self) -> None:
        await self._resolver.close()


async def ask_system(host: str, family: socket.AddressFamily) -> Answer:
    """A `Lookup` by getaddrinfo(3), in a thread."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except (OSError, UnicodeError) as error:
        code = error.errno if isinstance(error, OSError) and error.errno is not None else socket.EAI_NONAME
        return Answer((), 0.0, (code, getattr(error, "strerror", None) or str(error)))
    addresses = [Address(_plain(place), kind) for kind, _, _, _, place in found]
    return Answer(list(dict.fromkeys(addresses)), SYSTEM_TTL)


def _plain(place: Sequence[Any]) -> str:
    """The address of a sockaddr, with the zone of a link-local one."""
    return f"{place[0]}%{place[3]}" if len(place) > 3 and place[3] and "%" not in place[0] else str(place[0])


def open_resolver() -> CachingResolver:
    """The resolver for names that lead nowhere by order. To be called in the running loop."""
    try:
        lookup = DnsLookup(system_too=has_other_sources(NSSWITCH))
    except (OSError, ImportError) as error:
        log.warning("names are asked of the system, which does not tell how long answers hold: %s", error)
        return CachingResolver(ask_system)
    return CachingResolver(lookup, lookup.close)


def has_other_sources(path: Path) -> bool:
    """Whether the system finds hosts in other places than /etc/hosts and DNS."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return True  # another operating system, with ways of its own
    line = re.search(r"^\s*hosts:([^#\n]*)", text, re.MULTILINE)
    return line is not None and not _SERVED.issuperset(re.sub(r"\[[^]]*\]", " ", line[1]).split())
