"""Tapped connections through a SOCKS5 proxy."""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError, ProxyType

from crawler.network.proxies import Proxy
from crawler.wire.connector import ProxyFailed, TapConnector


class SocksTapConnector(TapConnector, ProxyConnector):
    """A TapConnector whose connections are made by a proxy, which resolves names, too. To be used with an Access that
    lets everything pass: it is the proxy that connects."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        login: dict[str, Any] = {"username": proxy.username, "password": proxy.password} if proxy.username else {}
        super().__init__(host=proxy.host, port=proxy.port, proxy_type=ProxyType.SOCKS5, rdns=True, **login, **options)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """As TapConnector does. Raises ProxyFailed, too, and TimeoutError."""
        try:
            return await super().connect(req, traces, timeout)
        except ProxyTimeoutError as error:
            raise TimeoutError(str(error)) from error
        except (ProxyError, ProxyConnectionError) as error:
            raise ProxyFailed(str(error)) from None
