"""URLs as browsers understand them: the WHATWG URL Standard (https://url.spec.whatwg.org/), parsed by ada.

Every URL that leaves this module is absolute, http or https, normalised, and has neither fragment nor user
information. Credentials are dropped on purpose: what a page puts in a link must not end up in request headers,
record headers or logs of an archive.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import ada_url
from msgspec import Struct

MAX_LENGTH = 16_384
"""Longest URL in characters. Servers refuse far shorter ones (RFC 9110 section 4.1 asks for 8000 octets at least)."""

C0_AND_SPACE = "".join(map(chr, range(0x21)))
"""What the URL parser removes from both ends (URL Standard, basic URL parser, step 1)."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CACHED_REFERENCE = 512
_NOT_WEB = re.compile(r"(?:javascript|mailto|data|tel|sms|about|blob|file|ftp|callto|skype|whatsapp):", re.IGNORECASE)
_TAB_OR_NEWLINE = re.compile(r"[\t\n\r]")
_WEB_SCHEME = re.compile(r"https?:", re.IGNORECASE)


def normalize(url: str) -> str | None:
    """The normalised absolute http(s) URL without fragment and credentials, or None. Never raises."""
    try:
        return _web(ada_url.normalize_url(url))
    except ValueError:
        cleaned = _scalar_values(url)
        return None if cleaned == url else normalize(cleaned)


def join(base: str, reference: str) -> str | None:
    """What `reference` means on a page at `base`, normalised as `normalize` does, or None. Never raises."""
    try:
        return _web(ada_url.join_url(base, reference))
    except ValueError:
        cleaned = _scalar_values(reference)
        return None if cleaned == reference else join(base, cleaned)


def _scalar_values(text: str) -> str:
    """The text without lone surrogates, which JSON and scripts can spell (Infra Standard, "scalar value string")."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def location_target(base: str, location: str) -> str | None:
    """What a Location header (its bytes as latin-1) means at `base`; None if that is no web address.

    Servers send UTF-8 there, and some latin-1 (RFC 9110 section 5.5 leaves bytes beyond ASCII open); browsers take
    either."""
    raw = location.encode("latin-1", "replace")
    try:
        return join(base, raw.decode("utf-8"))
    except UnicodeDecodeError:
        return join(base, raw.decode("latin-1"))


def _web(href: str) -> str | None:
    """Cuts an href that ada serialised down to what is requested; None for other schemes and for monsters."""
    if not href.startswith(("https://", "http://")):
        return None
    fragment = href.find("#")
    if fragment >= 0:
        href = href[:fragment]
    if "@" in href:
        # Inside user information the serialiser writes `@` as %40, so the last one before the path ends it.
        at = href.rfind("@", 0, href.find("/", 8))
        if at >= 0:
            href = href[: href.index("/") + 2] + href[at + 1 :]
    return href if len(href) <= MAX_LENGTH else None


class Origin(Struct, frozen=True):
    """Scheme, host and port (URL Standard, section 4.7): whom one talks to."""

    scheme: str
    host: str
    """As the URL writes it: in ASCII (IDNA), an IPv6 address in its brackets."""
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def origin_text(url: str) -> str:
    """`https://example.com` or `http://example.com:8080` of a normalised URL."""
    return url[: url.find("/", 8)]


def origin(url: str) -> Origin:
    """The origin of a normalised URL."""
    scheme, _, authority = origin_text(url).partition("://")
    host, port = _host_and_port(authority)
    return Origin(scheme, host, int(port) if port else _DEFAULT_PORTS[scheme])


def host_of(url: str) -> str:
    """The host of a normalised URL, without its port."""
    return _host_and_port(origin_text(url).partition("://")[2])[0]


def _host_and_port(authority: str) -> tuple[str, str]:
    if authority.endswith("]"):
        return authority, ""
    host, colon, port = authority.rpartition(":")
    return (host, port) if colon else (authority, "")


def directory_of(url: str) -> str:
    """A normalised URL up to the last slash of its path: all that most relative references depend on."""
    query = url.find("?")
    end = url.rfind("/", 0, query if query >= 0 else len(url))
    return url[: end + 1]


def _depends_on_whole_base(reference: str) -> bool:
    """True for references whose meaning needs the base's file name or query: "", `?x`, `#x`, `https:?x`.

    URL Standard, relative state: these keep the base's path; anything else replaces its last segment."""
    reference = _TAB_OR_NEWLINE.sub("", reference.strip(C0_AND_SPACE))
    scheme = _WEB_SCHEME.match(reference)
    return reference[scheme.end() if scheme else 0 :][:1] in ("", "?", "#")


class Joiner:
    """Joins references, each distinct one once for all the pages that it means the same on.

    Most links of a site stand on many of its pages. An absolute URL means the same everywhere, `/path` the same on
    its origin, and `../path` the same in its directory; so there is a bounded table for each of these, and the tables
    unused for longest are forgotten first."""

    def __init__(self, max_entries: int = 20_000) -> None:
        self._max_entries = max_entries
        self._tables: dict[str, dict[str, str | None]] = {}
        self._entries = 0

    def __len__(self) -> int:
        return sum(map(len, list(self._tables.values())))

    def at(self, base: str) -> Callable[[str], str | None]:
        """A function that joins references to `base`, a normalised URL, with the results of `join`."""
        directory, site, web = map(self._table, (directory_of(base), origin_text(base), ""))

        def joined(reference: str) -> str | None:
            if reference.startswith("/"):
                table = site
            elif reference.startswith(("https://", "http://")):
                table = web
            else:
                table = directory
            try:
                return table[reference]
            except KeyError:
                pass
            url = None if _NOT_WEB.match(reference) else join(base, reference)
            if len(reference) <= _CACHED_REFERENCE and not _depends_on_whole_base(reference):
                table[reference] = url
                self._entries += 1
                if self._entries > self._max_entries:
                    self._forget()
            return url

        return joined

    def _table(self, name: str) -> dict[str, str | None]:
        # Taken out and put back at the end: the dictionary's order is that of last use. Threads that do this at the
        # same time lose cached entries at worst.
        table = self._tables.pop(name, None)
        if table is None:
            table = {}
        self._tables[name] = table
        return table

    def _forget(self) -> None:
        """Down to three quarters, so that forgetting is rare. A table in use lives on with its user."""
        self._entries = len(self)
        for name in list(self._tables):
            if self._entries <= self._max_entries * 3 // 4:
                break
            self._entries -= len(self._tables.pop(name, ()))


_HOST_AND_PORT = re.compile(r"[^/?#\\:\s@]+:[0-9]{1,5}(?:[/?#]|$)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_QUOTES = re.compile("[\"'`\u00ab\u00bb\u2018-\u201f]")


def seed_url(text: str) -> str:
    """The URL that a line of a seeds file means; without a scheme it is https.

    Raises ValueError, with a sentence for the user, when it cannot be an http(s) URL."""
    text = text.strip()
    rest = text
    scheme = None if _HOST_AND_PORT.match(text) else _SCHEME.match(text)
    if scheme:
        if scheme[1].lower() not in _DEFAULT_PORTS:
            raise ValueError(f"{text!r} is not a web address: the scheme {scheme[1]!r} is neither http nor https")
        rest = text[scheme.end() :]
    elif not text.startswith("//"):
        rest = "//" + text
    # ada, as a browser, would take the first path segment of `http:///x` for the host.
    authority = re.split(r"[/?#\\]", rest.removeprefix("//"), maxsplit=1)[0]
    if not authority:
        raise ValueError(f"{text!r} names no host")
    if "@" in authority:
        raise ValueError(f"{text!r} holds a user name, which an archive must not keep")
    if _QUOTES.search(authority):
        raise ValueError(f"{text!r} has a quotation mark where its host should be")
    if authority.lower().rstrip(":") in _DEFAULT_PORTS:
        raise ValueError(f"{text!r} names a scheme where its host should be")
    url = normalize((scheme[0] if scheme else "https:") + rest)
    if url is None:
        raise ValueError(f"{text!r} is not a valid URL")
    return url
