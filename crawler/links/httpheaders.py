"""Links in HTTP headers: Link (RFC 8288), Refresh (HTML Standard, section 7.5.1) and Content-Location (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import crawler.links.roles as roles
from crawler.links.elements import link_role
from crawler.links.references import References
from crawler.links.refresh import refresh_url
from crawler.links.srcset import srcset_urls
from crawler.model import Role
from crawler.urls import join

MAX_LINKS = 1_000
"""Of all Link fields of a response."""

_LINK = roles.link("header/link")
_LINK_REQUISITE = roles.embed("header/link")
_CONTENT_LOCATION = roles.link("header/content-location")
_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r"\s*;\s*([^\s=;,\"]+)\s*(?:=\s*(?:\"((?:[^\"\\]++|\\.)*+)\"|([^\s;,\"]*)))?")
_ESCAPED = re.compile(r"\\(.)")


def has_links(headers: tuple[tuple[str, str], ...]) -> bool:
    """True if one of the fields read here is present."""
    return any(len(name) in _LENGTHS and name.lower() in _NAMES for name, _ in headers)


_NAMES = frozenset(("link", "refresh", "content-location"))
_LENGTHS = frozenset(map(len, _NAMES))


def add_headers(headers: tuple[tuple[str, str], ...], references: References) -> None:
    """What a response's fields refer to, relative to its own URL, whatever base its document declares."""
    left = MAX_LINKS
    for name, value in headers:
        field = name.lower()
        if field == "link":
            for target, parameters in islice(link_values(_utf_8(value)), left):
                left -= 1
                relation = parameters.get("rel", "")
                if "anchor" in parameters:
                    continue  # section 3.2: a link of some other document
                role = link_role(relation)
                if role is roles.LINK_REQUISITE:
                    for each in (target, *srcset_urls(parameters.get("imagesrcset", ""))):
                        _add(each, _LINK_REQUISITE, references)
                elif role is not None:
                    _add(target, _LINK, references)
        elif field == "refresh":
            _add(refresh_url(_utf_8(value)), roles.HEADER_REFRESH, references)
        elif field == "content-location":
            _add(_utf_8(value), _CONTENT_LOCATION, references)


def _add(target: str | None, role: Role, references: References) -> None:
    if target and not target.startswith("#"):
        references.add(join(references.url, target), role)


def link_values(value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Target and parameters of each link of a Link field; of a parameter given twice, the first counts (section 3)."""
    position = 0
    for _ in range(MAX_LINKS):
        target = _TARGET.match(value, position)
        if target is None:
            return
        position = target.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(value, position):
            position = parameter.end()
            quoted = parameter[2]
            text = _ESCAPED.sub(r"\1", quoted) if quoted is not None else parameter[3] or ""
            parameters.setdefault(parameter[1].lower(), text)
        yield target[1].strip(), parameters
        following = value.find("<", position)
        if following < 0 or "," not in value[position:following]:
            return
        position = following


def _utf_8(value: str) -> str:
    """Fields are kept as latin-1; what is UTF-8 in them is read as that."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
