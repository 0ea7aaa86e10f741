"""Which captures are wanted: by URL, prefix, host or domain, status, type and time. Decisions only, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.surt import surt

_STATUS = re.compile("[0-9](?:[0-9]{2}|xx)")
Statuses = int | str | Iterable[int | str]
"""200, "2xx", or several of them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A question to an archive."""

    key: bytes
    """What the index line must begin with."""
    prefix: str | None = None
    """SURT prefix whose last slash counts, for a URL prefix."""
    domain: str | None = None
    statuses: frozenset[str] | None = None
    mime: str | None = None
    since: str | None = None
    until: str | None = None

    def wants_key(self, key: str, url: str) -> bool:
        if self.prefix is not None:
            path = url.partition("?")[0].partition("#")[0]
            slashed = f"{key}/" if path.endswith("/") and not key.endswith("/") and "?" not in key else key
            return slashed.startswith(self.prefix)
        if self.domain is not None:
            return key[len(self.domain) : len(self.domain) + 1] in (")", ",", ":", "")
        return True

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
    key, slashed, domain_key = b"", None, None
    if url is not None:
        key = f"{surt(url)} ".encode("ascii")
    elif prefix is not None:
        bare = surt(prefix)
        slashed = f"{bare}/" if prefix.endswith("/") and not bare.endswith("/") else bare
        key = bare.encode("ascii")
    elif host is not None:
        key = f"{_host_key(host)})".encode("ascii")
    elif domain is not None:
        domain_key = _host_key(domain)
        key = domain_key.encode("ascii")
    return Selection(
        key, slashed, domain_key,
        None if status is None else read_statuses(status), None if mime is None else mime.lower(),
        None if since is None else stamp(since), None if until is None else stamp(until),
    )  # fmt: skip


def stamp(time: datetime) -> str:
    """A time as the index writes it, 14 digits in UTC; one without a zone is meant in UTC."""
    return f"{time.astimezone(UTC) if time.tzinfo is not None else time:%Y%m%d%H%M%S}".rjust(14, "0")


def _host_key(host: str) -> str:
    return surt(f"http://{host}/").partition(")")[0]


def read_statuses(status: Statuses) -> frozenset[str]:
    """Codes and classes as texts. Raises ValueError for what is neither."""
    each = [status] if isinstance(status, int | str) else status
    texts = frozenset(str(one).strip().lower() for one in each)
    wrong = sorted(text for text in texts if _STATUS.fullmatch(text) is None)
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a status; 404 or 4xx would be one")
    return texts
