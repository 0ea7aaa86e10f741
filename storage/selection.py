"""Which captures are wanted: by URL, prefix, host or domain, status, type and time. Decisions only, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from storage.surt import surt

_STATUS = re.compile("[0-9](?:[0-9]{2}|xx)")
Statuses = int | str | Iterable[int | str]
"""200, "2xx", or several of them."""


_AUTHORITY = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/?#]*)")
_PORT = re.compile(r":([0-9]{1,5})$")
_USUAL_PORTS = {"": 80, "http": 80, "https": 443}


class Host(Struct, frozen=True):
    """A host on any port or on one, or a domain and all below it."""

    key: str
    """In the form of a SURT, without a port."""
    port: int | None
    """None is any."""
    below: bool
    """Hosts below it count, too."""

    def holds(self, key: str, url: str) -> bool:
        """A key names no port that is its scheme's usual one; so the URL is asked, too."""
        port, usual = _ports(url)
        if self.port is not None and port != self.port:
            return False
        place = key.partition(")")[0]
        if port is not None and port != usual:
            place = place.removesuffix(f":{port}")
        return place == self.key or (self.below and place.startswith(f"{self.key},"))


class Selection(Struct, frozen=True):
    """A question to an archive."""

    key: bytes
    """What the index line must begin with."""
    prefix: str | None = None
    """SURT prefix whose last slash counts, for a URL prefix."""
    host: Host | None = None
    statuses: frozenset[str] | None = None
    mime: str | None = None
    since: str | None = None
    until: str | None = None

    def wants_key(self, key: str, url: str) -> bool:
        if self.prefix is not None:
            path = url.partition("?")[0].partition("#")[0]
            slashed = f"{key}/" if path.endswith("/") and not key.endswith("/") and "?" not in key else key
            return slashed.startswith(self.prefix)
        return self.host is None or self.host.holds(key, url)

    def wants_time(self, timestamp: str) -> bool:
        """Decides by 14 digits, to the second."""
        return (self.since is None or timestamp >= self.since) and (self.until is None or timestamp <= self.until)

    def wants_status(self, status: int | None) -> bool:
        if self.statuses is None:
            return True
        return status is not None and bool(self.statuses & {str(status), f"{status // 100}xx"})

    def wants_mime(self, mime: str) -> bool:
        if self.mime is None:
            return True
        return mime == self.mime or (self.mime.endswith("/*") and mime.startswith(self.mime[:-1]))


def selection(
    *, url: str | None = None, prefix: str | None = None, host: str | None = None, domain: str | None = None,
    status: Statuses | None = None, mime: str | None = None, since: datetime | None = None,
    until: datetime | None = None,
) -> Selection:  # fmt: skip
    """A question in the terms of `Archive.captures`. Raises ValueError for one that cannot be meant."""
    if sum(each is not None for each in (url, prefix, host, domain)) > 1:
        raise ValueError("ask by one of url, prefix, host and domain")
    key, slashed, place = b"", None, None
    if url is not None:
        key = f"{surt(url)} ".encode("ascii")
    elif prefix is not None:
        bare = surt(prefix)
        slashed = f"{bare}/" if prefix.endswith("/") and not bare.endswith("/") else bare
        key = bare.encode("ascii")
    elif host is not None or domain is not None:
        place = _host(host or domain or "", below=host is None)
        key = place.key.encode("ascii")
    return Selection(
        key, slashed, place,
        None if status is None else read_statuses(status), None if mime is None else mime.lower(),
        None if since is None else stamp(since), None if until is None else stamp(until),
    )  # fmt: skip


def stamp(time: datetime) -> str:
    """A time as the index writes it, 14 digits in UTC; one without a zone is meant in UTC."""
    return f"{time.astimezone(UTC) if time.tzinfo is not None else time:%Y%m%d%H%M%S}".rjust(14, "0")


def _host(text: str, *, below: bool) -> Host:
    """`example.com`, `example.com:8080`, `[::1]:8080`. Raises ValueError for what is none."""
    _, authority = _parts(text)
    if authority.count(":") > 1 and "[" not in authority:  # an IPv6 address as people write it
        authority = f"[{authority}]"
    found = _PORT.search(authority)
    bare = authority[: found.start()] if found else authority.removesuffix(":")
    key, closed, _ = surt(f"http://{bare}/").partition(")")
    if not key or not closed or ":" in bare.rpartition("]")[2]:
        raise ValueError(f"not a host: {text!r}; example.com or example.com:8080 would be one")
    return Host(key, int(found[1]) if found else None, below)


def _ports(url: str) -> tuple[int | None, int | None]:
    """The port that a URL leads to, and the usual one of its scheme; None where there is none."""
    scheme, authority = _parts(url)
    usual = _USUAL_PORTS.get(scheme)
    found = _PORT.search(authority)
    return (int(found[1]) if found else usual), usual


def _parts(url: str) -> tuple[str, str]:
    """Scheme in lower case and authority; "" where there is none."""
    found = _AUTHORITY.match(url)
    assert found is not None, "every part of the pattern may be empty"
    return (found[1] or "").lower(), found[2]


def read_statuses(status: Statuses) -> frozenset[str]:
    """Codes and classes as texts. Raises ValueError for what is neither."""
    each = [status] if isinstance(status, int | str) else status
    texts = frozenset(str(one).strip().lower() for one in each)
    wrong = sorted(text for text in texts if _STATUS.fullmatch(text) is None)
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a status; 404 or 4xx would be one")
    return texts
