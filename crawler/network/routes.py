"""How a request gets to its host: directly or through a proxy, to which addresses, with which certificate shown."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from yarl import URL

from crawler.config import CrawlConfig
from crawler.identity.credentials import basic, seed_origins
from crawler.network.access import AccessPolicy, unchecked
from crawler.network.proxies import parse_proxy
from crawler.network.session import family_of
from crawler.network.tls import showing_certificate
from crawler.wire import AddressBarred, Transcript

log = logging.getLogger(__name__)
_URL = re.compile(r"[!-~]+")  # RFC 3986 section 2; a line break would even make a request of its own


class Routes:
    """The ways of one crawl. `seeds` are the URLs whose own host and port may be private."""

    def __init__(self, config: CrawlConfig, seeds: Sequence[str], own: Callable[[str], tuple[str, int] | None]) -> None:
        """Raises UsageError for a client certificate that cannot be used."""
        self.policy = AccessPolicy(seeds, allow_private=config.allow_private, own=own)
        self.proxy = None if config.proxy is None else parse_proxy(config.proxy)
        self._certificate = showing_certificate(config)
        self._shown_to = frozenset(seed_origins(config.seeds))
        self._family = family_of(config)

    def tell(self) -> None:
        """Says once what a proxy takes away."""
        if self.proxy is not None:
            log.warning("asking through %s: whether a name leads to a public address is not checked", self.proxy.url)

    def prepare(self, url: str, transcript: Transcript) -> tuple[URL, dict[str, Any]]:
        """The URL for aiohttp and its request's options; tells the transcript what may be connected to.

        Raises ValueError for what no request can be made for, AddressBarred."""
        target = request_url(url)
        host, port = target.raw_host or "", target.port or 0
        options: dict[str, Any] = {}
        if self._certificate is not None and str(target.origin()) in self._shown_to:
            options["ssl"] = self._certificate
        if self.proxy is None:
            self._check_family(host)
            transcript.access = self.policy.access(host, port)
            return target, options
        refusal = self.policy.refuses_literal(host, port)
        if refusal is not None:
            transcript.barred.append(refusal)
            raise AddressBarred("not a public address")
        transcript.access = unchecked
        if self.proxy.scheme == "http":
            options["proxy"] = URL(self.proxy.url)
            if self.proxy.username:
                # In plain HTTP the proxy reads the request itself; of one over TLS only the CONNECT is for the proxy.
                login = {"Proxy-Authorization": basic(f"{self.proxy.username}:{self.proxy.password}")}
                options["headers" if target.scheme == "http" else "proxy_headers"] = login
        return target, options

    def _check_family(self, host: str) -> None:
        if self._family is not socket.AF_UNSPEC and (":" in host or host[-1:].isdigit()):
            wanted = 4 if self._family is socket.AF_INET else 6
            if ip_address(host.partition("%")[0]).version != wanted:
                raise ValueError(f"only IPv{wanted} addresses are connected to")


def request_url(url: str) -> URL:
    """The URL for aiohttp, as it stands. Raises ValueError for what must not stand in a request line."""
    if not _URL.fullmatch(url):
        raise ValueError("a URL on the wire has only visible ASCII characters")
    parsed = URL(url, encoded=True)
    if url.endswith("?") and not parsed.raw_query_string:
        # yarl drops a `?` with nothing after it; as a part of the path it stays on the wire.
        return parsed.with_path(f"{parsed.raw_path}?", encoded=True)
    return parsed
