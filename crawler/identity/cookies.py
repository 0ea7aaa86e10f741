"""Cookies as browsers keep them: RFC 6265 with the corrections of its successor, draft-ietf-httpbis-rfc6265bis. No I/O.

A cookie goes back to the host that set it, or to the domain it was set for; never to another host, and never to a whole
public suffix (`co.uk`). SameSite is not looked at: each request of a crawl stands for itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import asdict, replace
from publicsuffixlist import PublicSuffixList

from crawler.identity.cookiesyntax import SetCookie, parse_set_cookie

MAX_PER_DOMAIN = 180
"""rfc6265bis section 6.1 asks for 50 at least; browsers keep about this many."""
MAX_COOKIES = 3000
"""rfc6265bis section 6.1."""
MAX_FIELDS = 200
"""Set-Cookie fields of one answer that are looked at, the last ones: more than are kept of a domain."""
MAX_AGE = 400 * 86_400
"""rfc6265bis section 5.5: no cookie lives longer."""

Key = tuple[str, str, bool]
"""Path, name and whether it is for one host only: what tells the cookies of a domain apart."""


class Cookie(Struct, frozen=True):
    """A cookie in the jar."""

    domain: str
    path: str
    name: str
    value: str
    host_only: bool = True
    secure: bool = False
    expires: float | None = None
    """Seconds since 1970; None for as long as the crawl."""
    created: float = 0.0
    given: bool = False
    """It came from the user's file, or took such a one's place: a credential."""

    @property
    def key(self) -> Key:
        return self.path, self.name, self.host_only


class Sent(Struct, frozen=True):
    """A Cookie header for one request."""

    value: str
    given: bool
    """True if it holds what the user gave."""


class CookieJar:
    """The cookies of one crawl. `snapshot` and `restore` carry them over a restart."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._domains: dict[str, dict[Key, Cookie]] = {}
        self._size = 0
        self._changes = 0
        self._saved = 0
        self._source: str | None = None

    def __iter__(self) -> Iterator[Cookie]:
        for cookies in self._domains.values():
            yield from cookies.values()

    # -- from and to servers -----------------------------------------------------------------------------------

    def header(self, url: str) -> Sent | None:
        """What a request for this normalised URL sends (rfc6265bis section 5.8.3), or None."""
        if not self._domains:
            return None
        secure, host, path = _parts(url)
        now = self._now()
        found = [
            cookie
            for domain in _domains(host)
            for cookie in self._domains.get(domain, {}).values()
            if (domain == host or not cookie.host_only)
            and (secure or not cookie.secure)
            and (cookie.expires is None or cookie.expires > now)
            and path_matches(path, cookie.path)
        ]
        if not found:
            return None
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        pairs = (f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in found)
        return Sent("; ".join(pairs), any(cookie.given for cookie in found))

    def receive(self, url: str, fields: Sequence[str]) -> bool:
        """Takes the Set-Cookie fields of an answer to `url`; True if other cookies than before are sent from now on."""
        changed = False
        for field in fields[-MAX_FIELDS:]:
            parsed = parse_set_cookie(field)
            if parsed is not None:
                changed |= self._store(url, parsed)
        return changed

    def _store(self, url: str, parsed: SetCookie) -> bool:
        """rfc6265bis section 5.7."""
        secure, host, path = _parts(url)
        place = _place(parsed.domain, host)
        if place is None or (parsed.secure and not secure):
            return False
        domain, host_only = place
        set_path = parsed.path if parsed.path is not None else default_path(path)
        now = self._now()
        expires = _expiry(parsed, now)
        cookie = Cookie(domain, set_path, parsed.name, parsed.value, host_only, parsed.secure, expires, now)
        if not _prefix_kept(cookie, parsed, secure) or (not secure and self._shadows(cookie, host)):
            return False
        return self.put(cookie)

    def put(self, cookie: Cookie) -> bool:
        """Adds or replaces a cookie, or removes it when it has expired; True if that changes what is sent."""
        cookies = self._domains.get(cookie.domain, {})
        old = cookies.get(cookie.key)
        if cookie.expires is not None and cookie.expires <= self._now():
            if old is None:
                return False
            self._remove(old)
            self._changes += 1
            return True
        if old is not None:
            cookie = replace(cookie, created=old.created, given=old.given or cookie.given)
            if cookie == old:
                return False
        else:
            self._size += 1
        self._domains.setdefault(cookie.domain, cookies)[cookie.key] = cookie
        self._changes += 1
        self._make_room(cookie.domain)
        return old is None or old.value != cookie.value

    def _shadows(self, cookie: Cookie, host: str) -> bool:
        """rfc6265bis section 5.7, step 16: a plain connection must not stand in for a secure cookie."""
        related = (other for domain in _domains(host) for other in self._domains.get(domain, {}).values())
        return any(
            other.secure and other.name == cookie.name and path_matches(cookie.path, other.path) for other in related
        )

    def _make_room(self, domain: str) -> None:
        if len(self._domains[domain]) > MAX_PER_DOMAIN:
            self._evict(self._domains[domain].values())
        if self._size > MAX_COOKIES:
            self._evict(self)

    def _evict(self, cookies: Iterable[Cookie]) -> None:
        """One that has expired, or else the oldest; what the user gave goes last."""
        now = self._now()
        self._remove(min(cookies, key=lambda c: (c.expires is None or c.expires > now, c.given, c.created)))

    def _remove(self, cookie: Cookie) -> None:
        cookies = self._domains[cookie.domain]
        del cookies[cookie.key]
        self._size -= 1
        if not cookies:
            del self._domains[cookie.domain]

    # -- from the user -----------------------------------------------------------------------------------------

    def give(self, cookies: Iterable[Cookie], source: str) -> bool:
        """Puts in what the user gave, once: a jar restored from a run that was given the same `source` (a digest) has
        them already, perhaps renewed by their servers. False if it was so."""
        if self._source == source:
            return False
        for cookie in cookies:
            self.put(cookie)
        self._source = source
        self._changes += 1
        return True

    def copy(self) -> CookieJar:
        """Another jar with the same cookies, as far saved as this one."""
        jar = CookieJar(self._now)
        jar._domains = {domain: dict(cookies) for domain, cookies in self._domains.items()}
        jar._size, jar._changes, jar._saved, jar._source = self._size, self._changes, self._saved, self._source
        return jar

    # -- over a restart ----------------------------------------------------------------------------------------

    def snapshot(self) -> tuple[int, bytes] | None:
        """The jar as bytes, with the number to give to `saved`; None if nothing has changed since that was called."""
        if self._changes == self._saved:
            return None
        kept = {"source": self._source, "cookies": [asdict(cookie) for cookie in self]}
        return self._changes, json.dumps(kept).encode()

    def saved(self, number: int) -> None:
        """A snapshot is durable."""
        self._saved = number

    def restore(self, snapshot: bytes) -> None:
        """Takes over what an earlier run kept."""
        kept = json.loads(snapshot)
        for fields in kept["cookies"]:
            self.put(Cookie(**fields))
        self._source = kept["source"]
        self._saved = self._changes


def set_cookie_fields(headers: Iterable[tuple[str, str]]) -> list[str]:
    """The values of an answer's Set-Cookie fields."""
    return [value for name, value in headers if len(name) == 10 and name.lower() == "set-cookie"]


def default_path(path: str) -> str:
    """rfc6265bis section 5.1.4: the directory of the request's path, without its slash."""
    return path[: path.rfind("/")] or "/"


def path_matches(path: str, cookie_path: str) -> bool:
    """rfc6265bis section 5.1.4."""
    if not path.startswith(cookie_path):
        return False
    return len(path) == len(cookie_path) or cookie_path.endswith("/") or path[len(cookie_path)] == "/"


def is_public_suffix(domain: str) -> bool:
    """True for a domain under which anybody may have a name: `com`, `co.uk`, `github.io`."""
    return bool(_suffixes().publicsuffix(domain) == domain)


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _parts(url: str) -> tuple[bool, str, str]:
    parts = urlsplit(url)
    return parts.scheme == "https", parts.hostname or "", parts.path or "/"


def _domains(host: str) -> Iterator[str]:
    """The host and, if it is a name, the domains above it."""
    yield host
    if not is_address(host):
        while "." in host:
            host = host.partition(".")[2]
            yield host


def is_address(host: str) -> bool:
    """True for an IP address as normalised URLs write it: a name's last label never ends in a digit (URL Standard)."""
    return ":" in host or host[-1:].isdigit()


def _place(domain: str, host: str) -> tuple[str, bool] | None:
    """rfc6265bis section 5.7, steps 8 to 11: whose cookie it is, and whether that host's alone; None to ignore it."""
    if not domain or domain == host:
        return host, not domain or is_address(host) or is_public_suffix(host)
    if is_address(host) or not host.endswith(f".{domain}") or is_public_suffix(domain):
        return None
    return domain, False


def _expiry(parsed: SetCookie, now: float) -> float | None:
    if parsed.max_age is not None:
        return now + min(parsed.max_age, MAX_AGE) if parsed.max_age > 0 else 0.0
    return None if parsed.expires is None else min(parsed.expires, now + MAX_AGE)


def _prefix_kept(cookie: Cookie, parsed: SetCookie, secure: bool) -> bool:
    """rfc6265bis section 4.1.3: names that promise something."""
    name = cookie.name.lower() or cookie.value.lower()
    if name.startswith("__host-"):
        return bool(cookie.name) and secure and cookie.secure and parsed.path == "/" and not parsed.domain
    return not name.startswith("__secure-") or (bool(cookie.name) and secure and cookie.secure)
