"""SURT keys: a URL's canonical form, host reversed, so that sorting brings a domain's pages together.

    https://www.example.com/Path/?b=2&a=1#part   ->   com,example)/path?a=1&b=2

The rules are those every CDX server agrees on: Google Safe Browsing's canonicalisation, then the Internet Archive's,
which also drops what rarely tells two pages apart: scheme, `www.`, case, session ids, order of the query. Two different
pages may so share a key; the index keeps the URL beside it. Which session ids these are is the list of
IAURLCanonicalizer in the Internet Archive's webarchive-commons (Apache-2.0).
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote_to_bytes

_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_REPEATED_SCHEME = re.compile(rb"(?:https?://)+(?=https?://)")
_PARTS = re.compile(rb"(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.DOTALL)
_WHITE = b"\t\r\n"
_UNSAFE = re.compile(rb"[^!\"$&-~]")
"""All but printable ASCII; also `#`, `%` and space."""

_NUMBERS = re.compile(rb"[1-9][0-9]*(?:\.[0-9]+){0,3}|0[0-7]*(?:\.[0-7]+){0,3}")
_WWW = re.compile(rb"www[0-9]*\.")
_DEFAULT_PORT = {b"http": 80, b"https": 443}

_PATH_SESSIONS = (
    re.compile(rb"(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)", re.IGNORECASE | re.DOTALL),
    re.compile(rb"(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)", re.IGNORECASE | re.DOTALL),
)
_QUERY_SESSIONS = tuple(
    re.compile(rb"(.*)(?:" + pattern + rb")(?:&(.*))?", re.IGNORECASE | re.DOTALL)
    for pattern in (
        rb"jsessionid=[0-9a-z]{32}",
        rb"phpsessid=[0-9a-z]{32}",
        rb"sid=[0-9a-z]{32}",
        rb"aspsessionid[a-z]{8}=[a-z]{24}",
        rb"cfid=[^&]+&cftoken=[^&]+",
    )
)


def surt(url: str) -> str:
    """The key of a URL: printable ASCII without spaces. A URL too odd to be taken apart is its own key, escaped."""
    raw = url.encode("utf-8", "surrogatepass").strip().translate(None, _WHITE)
    if not raw:
        return "-"
    if _SCHEME.match(raw) is None:
        raw = b"http://" + raw
    raw = _REPEATED_SCHEME.sub(b"", raw, count=1)
    scheme, _, rest = raw.partition(b":")
    if scheme.lower() in _DEFAULT_PORT:
        rest = b"//" + rest.lstrip(b"/")
    parts = _PARTS.fullmatch(rest)
    assert parts is not None, "every part of the pattern may be empty"
    authority, path, query = parts["authority"], parts["path"], parts["query"]
    if not authority:
        key = scheme + b":" + _tidy(_escape(_unescape(path)).lower())
    else:
        place = _place(scheme, authority)
        if place is None:
            return _escape(raw).decode("ascii")
        key = place + b")" + _path(path)
    if query:
        query = _query(query)
    return (key + b"?" + query if query else key).decode("ascii")


@lru_cache(maxsize=4096)
def _place(scheme: bytes, authority: bytes) -> bytes | None:
    """Host, reversed, and port; None if the port is no number."""
    host = authority.rpartition(b"@")[2].rstrip(b":")
    if host.startswith(b"["):  # IPv6
        host, _, port = host[1:].partition(b"]")
        port = port.removeprefix(b":")
    else:
        host, _, port = host.partition(b":")
    if port and not (port.isdigit() and len(port) < 10):
        return None
    key = b",".join(reversed(_WWW.sub(b"", _host(host), count=1).split(b".")))
    if port and int(port) != _DEFAULT_PORT.get(scheme.lower()):
        key += b":%d" % int(port)
    return key


def _host(host: bytes) -> bytes:
    host = _unescape(host)
    if not host.isascii():
        with suppress(ValueError):  # no domain name; its bytes are escaped below
            host = host.decode("utf-8", "ignore").encode("idna")
    host = host.replace(b"..", b".").strip(b".")
    address = _ipv4(host)
    return _escape(host.lower()) if address is None else address


def _ipv4(host: bytes) -> bytes | None:
    """The dotted form of an IPv4 address written as numbers in any of the ways inet_aton knows, bar hexadecimal."""
    if host.isdigit():
        packed = (int(host[-40:]) & 0xFFFFFFFF).to_bytes(4, "big")
    elif _NUMBERS.fullmatch(host):
        try:
            packed = socket.inet_aton(host.decode("ascii"))
        except OSError:
            return None
    else:
        return None
    return socket.inet_ntoa(packed).encode("ascii")


def _path(path: bytes) -> bytes:
    kept: list[bytes] = []
    for segment in _unescape(path).split(b"/")[1:]:
        if segment == b".." and kept:
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    last = kept.pop() if kept else b""
    path = b"/" + b"".join(segment + b"/" for segment in kept if segment) + last
    return _tidy(_escape(path).lower())


def _query(query: bytes) -> bytes:
    query = _escape(_unescape(query)).lower()
    for pattern in _QUERY_SESSIONS:
        if found := pattern.fullmatch(query):
            query = found[1] + (found[2] or b"")
    fields: list[bytes] = sorted(query.split(b"&"), key=_name_and_value)
    return b"&".join(fields)


def _name_and_value(field: bytes) -> list[bytes]:
    return field.split(b"=", 1)


def _tidy(path: bytes) -> bytes:
    for pattern in _PATH_SESSIONS:
        if found := pattern.fullmatch(path):
            path = found[1] + found[2]
    return path[:-1] if len(path) > 1 and path.endswith(b"/") else path


def _unescape(data: bytes) -> bytes:
    """Percent-decoded until nothing changes."""
    while b"%" in data and (plain := unquote_to_bytes(data)) != data:
        data = plain
    return data


def _escape(data: bytes) -> bytes:
    return _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], data)
