"""What a request presents of the user's: to whom, and how it is kept out of the archive. Pure.

`--auth` goes to its own scheme, host and port. An Authorization or Cookie header of `--header` goes to the seeds' own
schemes, hosts and ports. Cookies go where the jar says. Everything is looked up for each request by its own URL, so a
redirect takes nothing along.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from crawler.config import CrawlConfig
from crawler.identity.cookies import CookieJar
from crawler.urls import origin_text, seed_url

SECRET_HEADERS = frozenset({"authorization", "cookie"})
"""Headers of `--header` that are for the seeds' own origins alone."""

MASK = b"REDACTED"

_ORIGIN = re.compile(r"https?://[^/?#\\]*")
_HEAD = re.compile(rb"(?s)(.*?\r\n\r\n)(.*)")


class Presented(Struct, frozen=True):
    """Headers for one request."""

    headers: Mapping[str, str] = field(default_factory=dict)
    secret: tuple[str, ...] = ()
    """Names, in lower case, of those that hold what the user gave."""

    def also(self, headers: Iterable[tuple[str, str]], secret: Iterable[str]) -> Presented:
        """These headers besides, in place of those of the same name."""
        names = {name.lower() for name, _ in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in names}
        return Presented({**kept, **dict(headers)}, tuple(sorted({*self.secret, *secret})))


NOTHING = Presented()


class Credentials:
    """The credentials of one crawl."""

    def __init__(self, config: CrawlConfig, jar: CookieJar) -> None:
        self._jar = jar
        given = {name.lower(): value for name, value in config.headers if name.lower() in SECRET_HEADERS}
        self._by_origin: dict[str, dict[str, str]] = {}
        if given:
            self._by_origin = {own: dict(given) for own in seed_origins(config.seeds)}
        for host, login in config.auth:
            own = origin_text(seed_url(host))
            self._by_origin[own] = {**self._by_origin.get(own, {}), "authorization": basic(login)}

    def present(self, url: str) -> Presented:
        """What a request for this URL carries."""
        cookies = self._jar.header(url)
        own = None
        if self._by_origin and (match := _ORIGIN.match(url)):
            own = self._by_origin.get(match[0])
        if own is None and cookies is None:
            return NOTHING
        own = own or {}
        headers = {"Authorization": own["authorization"]} if "authorization" in own else {}
        pairs = [own["cookie"]] if "cookie" in own else []
        if cookies is not None:
            pairs.append(cookies.value)  # RFC 6265 section 5.4: one Cookie header
        if pairs:
            headers["Cookie"] = "; ".join(pairs)
        secret = set(own) | ({"cookie"} if cookies is not None and cookies.given else set())
        return Presented(headers, tuple(sorted(secret)))


def basic(login: str) -> str:
    """The Authorization header for `user:password` (RFC 7617; in UTF-8)."""
    return f"Basic {b64encode(login.encode()).decode()}"


def redact(request: bytes, names: Iterable[str]) -> tuple[bytes, tuple[str, ...]]:
    """The request with the values of these headers masked, and which of them were there."""
    match = _HEAD.fullmatch(request)
    head, rest = match.groups() if match else (request, b"")
    masked = []
    for name in names:
        pattern = rb"(?im)^(" + re.escape(name.encode()) + rb":[ \t]*)[^\r\n]*"
        head, count = re.subn(pattern, rb"\g<1>" + MASK, head)
        if count:
            masked.append(name)
    return head + rest, tuple(masked)


def seed_origins(seeds: Iterable[str]) -> Iterable[str]:
    """The seeds' own schemes, hosts and ports, as text; what is no URL has none."""
    for seed in seeds:
        try:
            yield origin_text(seed_url(seed))
        except ValueError:
            continue
