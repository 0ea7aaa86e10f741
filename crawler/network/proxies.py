"""A proxy as `--proxy` names it. Pure."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from msgspec import Struct


class Proxy(Struct, frozen=True):
    """Whom to ask through."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_proxy(url: str) -> Proxy:
    """Reads the value of `--proxy`, which CrawlConfig has checked."""
    parts = urlsplit(url)
    login = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(parts.scheme, parts.hostname or "", parts.port or 0, *login)


def without_login(url: str) -> str:
    """The proxy's URL as others may read it."""
    return parse_proxy(url).url
