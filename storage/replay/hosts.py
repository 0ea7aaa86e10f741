"""Who may ask, and where the two origins are. No I/O.

A page on the web whose name is made to lead to this machine (DNS rebinding) sends that name in Host: only addresses,
localhost and names given on the command line are answered. Application and replay differ in port and, on loopback, in
name as well, 127.0.0.1 and localhost: so they share no cookies, and browsers keep them in processes of their own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web
from aiohttp.typedefs import Middleware

_LOOPBACK = {"127.0.0.1": "localhost", "localhost": "127.0.0.1", "::1": "localhost"}


def name_of(host: str) -> str:
    """A Host header without its port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.rpartition(":")[2].isdecimal() and ":" in host else host.lower()


def is_trusted(host: str, names: Collection[str]) -> bool:
    """True for a Host header that no stranger's page can make a browser send."""
    name = name_of(host)
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def other_origin(host: str, port: int) -> str:
    """The origin of the other one of application and replay, for a request with this Host header."""
    name = name_of(host)
    name = _LOOPBACK.get(name, name)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def host_guard(names: Collection[str]) -> Middleware:
    """Refuses requests that were made under a name of somebody else."""

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not is_trusted(request.headers.get("Host", ""), names):
            return web.Response(status=421, text="421: this server does not answer under that name\n")
        return await handler(request)

    return guard
