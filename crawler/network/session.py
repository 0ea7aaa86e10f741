"""The aiohttp session that a configuration means. Everything that aiohttp would do by itself is switched off."""

from __future__ import annotations

import inspect
import socket
import ssl
from ipaddress import ip_address
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict

from crawler import content
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.identity.agent import user_agent
from crawler.identity.credentials import SECRET_HEADERS
from crawler.network.proxies import Proxy
from crawler.wire import TapConnector

HEAD_LIMITS: dict[str, Any] = {"max_line_size": 1 << 20, "max_field_size": 1 << 20, "max_headers": 10_000}
"""aiohttp's own limits would refuse heads that browsers accept. `max_headers` came with aiohttp 3.14."""

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def open_session(
    config: CrawlConfig, resolver: AbstractResolver, trust: ssl.SSLContext | Literal[True], proxy: Proxy | None
) -> aiohttp.ClientSession:
    """A session whose connections are tapped. To be called in the running loop. Raises UsageError."""
    timeout = config.timeout
    silence = timeout if config.limit_rate is None else None  # under a throttle the tap watches over it
    known = inspect.signature(aiohttp.ClientSession).parameters
    return aiohttp.ClientSession(
        connector=_connector(config, resolver, trust, proxy),
        headers=request_headers(config),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=timeout, sock_connect=timeout, sock_read=silence),
        **{name: limit for name, limit in HEAD_LIMITS.items() if name in known},
    )


def _connector(
    config: CrawlConfig, resolver: AbstractResolver, trust: ssl.SSLContext | Literal[True], proxy: Proxy | None
) -> TapConnector:
    # The crawl's own semaphore bounds connections; a second limit here would only make requests wait unseen.
    if proxy is not None and proxy.scheme == "socks5":
        from crawler.wire.socks import SocksTapConnector  # here: most crawls need no such package

        return SocksTapConnector(proxy, limit=0, ssl=trust, limit_rate=config.limit_rate)
    own = config.bind_address
    if own is not None:
        _check_own(own)
    return TapConnector(
        limit=0,
        resolver=resolver,
        use_dns_cache=False,  # the resolver knows how long each answer holds
        family=family_of(config),
        local_addr=None if own is None else (own, 0),
        ssl=trust,
        limit_rate=config.limit_rate,
    )


def _check_own(address: str) -> None:
    """Raises UsageError for an address that is not this machine's: every URL would fail by it."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError as error:
        raise UsageError(f"--bind-address {address}: nothing can be sent from it: {error.strerror}") from None


def family_of(config: CrawlConfig) -> socket.AddressFamily:
    """The family of addresses to connect to."""
    version = None if config.bind_address is None else ip_address(config.bind_address).version
    if config.ipv4_only or version == 4:
        return socket.AF_INET
    return socket.AF_INET6 if config.ipv6_only or version == 6 else socket.AF_UNSPEC


def request_headers(config: CrawlConfig) -> CIMultiDict[str]:
    """What each request says of itself; `config.headers` replace the default of the same name, their order is kept.

    Those that are secret are not for everybody; see crawler/identity/credentials.py."""
    codings = ", ".join(content.CODINGS)
    headers = CIMultiDict({"User-Agent": user_agent(config), "Accept": ACCEPT, "Accept-Encoding": codings})
    given = [(name, value) for name, value in config.headers if name.lower() not in SECRET_HEADERS]
    for name, _ in given:
        headers.pop(name, None)
    headers.extend(given)
    return headers
