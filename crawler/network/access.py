"""Which addresses a crawl may connect to: public ones, and where its own seeds live.

Without `--allow-private`, an address that is not public is refused for every request (pages, redirects, requisites,
robots.txt), with three exceptions, each for one host and port only:

- a seed that is such an address itself (`http://127.0.0.1:8000/`);
- a seed whose name led only to private addresses when it was first resolved. Those addresses are then pinned: the
  name's owner cannot point it elsewhere later. A metadata service or a link-local address is never pinned;
- a name that the crawl serves itself (the demonstration site).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from crawler.network.addresses import AddressKind, kind_of, plain
from crawler.urls import origin, seed_url

log = logging.getLogger(__name__)

_HOMES = frozenset({AddressKind.LOOPBACK, AddressKind.PRIVATE, AddressKind.SHARED})
"""Where a site with a name may live."""

Own = Callable[[str], tuple[str, int] | None]
"""The address and port at which the crawl itself serves a name, if it does."""


Access = Callable[[str, int], str | None]
"""Asked about an address and a port just before they are connected to: why not, or None when they may be."""


def public_only(address: str, port: int) -> str | None:
    """An Access to public addresses."""
    try:
        kind = kind_of(address)
    except ValueError:
        return f"{address!r} is no IP address"
    return None if kind is AddressKind.PUBLIC else f"{address} is {kind.value}"


def unchecked(address: str, port: int) -> str | None:
    """An Access to everything."""
    return None


class AccessPolicy:
    """The rules of one crawl; learns, for each seed's host and port, where it lived at first."""

    def __init__(self, seeds: Sequence[str], *, allow_private: bool = False, own: Own = lambda host: None) -> None:
        """`seeds` are URLs; those that are none give no exception."""
        self._every, self._own = allow_private, own
        self._homes: dict[tuple[str, int], frozenset[str] | None] = {}
        for place in _places(seeds):
            literal = _as_literal(place[0])
            self._homes[place] = None if literal is None else frozenset({literal})

    def access(self, host: str, port: int) -> Access:
        """What a request to this host (no brackets) and port may connect to."""
        if self._every:
            return unchecked
        return partial(self._refusal, host, port) if (host, port) in self._homes or self._own(host) else public_only

    def _refusal(self, host: str, port: int, address: str, address_port: int) -> str | None:
        refusal = public_only(address, address_port)
        if refusal is None or self._own(host) == (address, address_port):
            return None
        at_home = address_port == port and _as_literal(address) in (self._homes.get((host, port)) or ())
        return None if at_home else refusal

    def refuses_literal(self, host: str, port: int) -> str | None:
        """Why a URL's host must not even be named to a proxy, or None: what can be told without resolving."""
        name = host.rstrip(".")
        if self._every or (host, port) in self._homes:
            return None
        if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
            return f"{host} is a loopback name"
        literal = _as_literal(name)
        return None if literal is None else self.access(host, port)(literal, port)

    def resolved(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """A name was resolved; the first answer for a seed's own says where the seed lives."""
        if self._homes.get((host, port), frozenset()) is not None:
            return
        found = {plain(address) for address in addresses}
        at_home = all(kind_of(address) in _HOMES for address in found)
        self._homes[host, port] = frozenset(found) if at_home else frozenset()
        if at_home and found and not self._every:
            log.info("%s:%d, a seed's own, is at %s: allowed there alone", host, port, ", ".join(sorted(found)))


def _places(seeds: Sequence[str]) -> Iterable[tuple[str, int]]:
    for seed in seeds:
        try:
            found = origin(seed_url(seed))
        except ValueError:
            continue
        yield found.host.strip("[]"), found.port


def _as_literal(host: str) -> str | None:
    try:
        return plain(host)
    except ValueError:
        return None
