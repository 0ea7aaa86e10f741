"""Addresses of replay: /replay/TIMESTAMP[MODIFIER]/URL, and how a link of an archived document becomes one.

    /replay/20260102030405/https://example.com/a?b=c       the capture closest to that time, rewritten
    /replay/20260102030405id_/https://example.com/a?b=c    its body as it was sent (pywb's modifier `id_`)
    /replay/https://example.com/a                          the newest

The URL stands in the path as it is, so a relative link of a page leads to the right place without being touched. Only
links that leave the page's host or begin at its root are changed, and those that climb with `..`, which could climb
out of the URL. No I/O.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import ada_url
from msgspec import Struct
from msgspec.structs import replace

PREFIX = "/replay/"
RAW = "id_"

_PATH = re.compile(r"/replay/(?:(\d{1,14})([a-z]{2}_)?/|([a-z]{2}_)/)?(.+)", re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ONE_SLASH = re.compile(r"(https?:)/(?!/)", re.IGNORECASE)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_STRIPPED = str.maketrans("", "", "\t\n\r")
_WHITE = "\t\n\f\r "
_EARLIEST, _LATEST = "00010101000000", "99991231235959"


class ReplayAddress(Struct, frozen=True):
    """What a replay path asks for."""

    url: str
    timestamp: str
    """Up to fourteen digits, as asked; empty for the newest."""
    raw: bool = False

    @property
    def path(self) -> str:
        return replay_path(self.url, self.timestamp, raw=self.raw)


def parse_path(path: str) -> ReplayAddress | None:
    """Reads a request's path with its query; None for a path that is no replay address.

    A slash lost between scheme and host is put back, and a URL without scheme is taken for http."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    url = _ONE_SLASH.sub(r"\1//", found[4], count=1) if found[4][:4].lower() == "http" else found[4]
    if _SCHEME.match(url) is None:
        url = f"http://{url.lstrip('/')}"
    return ReplayAddress(normalised(url), found[1] or "", (found[2] or found[3]) == RAW)


def replay_path(url: str, timestamp: str, *, raw: bool = False) -> str:
    """The path at which a URL is replayed."""
    moment = timestamp + (RAW if raw else "")
    return f"{PREFIX}{moment}/{url}" if moment else f"{PREFIX}{url}"


def normalised(url: str) -> str:
    """A URL in WHATWG form; as it is, if it is none."""
    try:
        return ada_url.URL(url).href
    except ValueError:
        return url


def moment_of(timestamp: str) -> datetime | None:
    """The instant a timestamp of up to fourteen digits begins at; None for the newest or for no date."""
    if len(timestamp) < 4:
        return None
    full = timestamp + _EARLIEST[len(timestamp) :]
    try:
        return datetime.strptime(full, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def timestamp_of(moment: datetime) -> str:
    """Fourteen digits in UTC."""
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}"


class Links(Struct, frozen=True):
    """Turns the links of one archived document into replay addresses of about the same time."""

    base: str
    """The URL that relative links are relative to."""
    timestamp: str
    encoding: str = "utf-8"
    """Python's name of the document's encoding, in which browsers write a query (WHATWG URL section 4.4)."""

    def map(self, link: str) -> str | None:
        """The replay path a link leads to, or None where the link is right as it stands."""
        value = link.strip(_WHITE).translate(_STRIPPED)
        scheme = _SCHEME.match(value)
        if scheme is not None:
            if scheme[1].lower() not in ("http", "https"):
                return None
        elif value[:1] not in ("/", "\\") and ".." not in value and "\\" not in value:
            return None
        return self.absolute(value)

    def absolute(self, link: str) -> str | None:
        """The replay path of a link, relative ones included; None where it leads nowhere on the web."""
        try:
            url = ada_url.URL(self._in_ascii(link.strip(_WHITE)), self.base)
        except ValueError:
            return None
        return replay_path(url.href, self.timestamp) if url.protocol in ("http:", "https:") else None

    def rebased(self, base: str) -> Links:
        """The same under a `base` element's href."""
        try:
            return replace(self, base=ada_url.URL(base.strip(_WHITE), self.base).href)
        except ValueError:
            return self

    def _in_ascii(self, link: str) -> str:
        """The query's characters escaped as bytes of the document's encoding."""
        if link.isascii() or "?" not in link or self.encoding == "utf-8":
            return link
        before, mark, query = link.partition("?")
        query, hash_, fragment = query.partition("#")
        data = query.encode(self.encoding, "xmlcharrefreplace")
        return (
            before
            + mark
            + _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], data).decode("ascii")
            + hash_
            + fragment
        )
