"""What becomes of an element's attributes in replay. No I/O.

mapped      addresses: into the archive
set aside   renamed data-archived-NAME: what would forbid the replay (integrity, policies), or reach for the live
            web where a content security policy does not look (ping, attributionsrc, preconnect)
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping

from storage.replay.address import Links
from storage.replay.css import rewrite_css
from storage.replay.srcset import rewrite_srcset


class Fate(enum.Enum):
    """Of an attribute that keeps its value but not its name."""

    ASIDE = "aside"


Attributes = Mapping[str, str]
Change = str | Fate | None
"""A new value; or set aside; None for as it is."""

_LINKS: dict[str, tuple[str, ...]] = {
    "a": ("href", "xlink:href"),
    "area": ("href",),
    "audio": ("src",),
    "bgsound": ("src",),
    "button": ("formaction",),
    "embed": ("src",),
    "feimage": ("href", "xlink:href"),
    "filter": ("href", "xlink:href"),
    "form": ("action",),
    "frame": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href", "src"),
    "img": ("src", "lowsrc"),
    "input": ("src", "formaction"),
    "lineargradient": ("href", "xlink:href"),
    "link": ("href",),
    "mpath": ("href", "xlink:href"),
    "object": ("data", "codebase"),
    "pattern": ("href", "xlink:href"),
    "radialgradient": ("href", "xlink:href"),
    "script": ("src", "href", "xlink:href"),
    "source": ("src",),
    "textpath": ("href", "xlink:href"),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
_SRCSETS = {"img": ("srcset",), "source": ("srcset",), "link": ("imagesrcset",)}
_ASIDE = frozenset(("integrity", "ping", "attributionsrc", "csp", "nonce"))
"""`nonce` too: with no policy of the page's own it means nothing."""

_HINTS = frozenset(("dns-prefetch", "preconnect", "prerender"))
_POLICIES = frozenset(
    ("content-security-policy", "content-security-policy-report-only", "x-dns-prefetch-control", "origin-trial")
)
_REFRESH = re.compile(r"\s*[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?(?P<quote>[\"']?)", re.IGNORECASE)
_SANDBOX_KEPT = re.compile(r"allow-(?!top-navigation|popups)[a-z-]+", re.IGNORECASE)


def changes(tag: str, attributes: Attributes, links: Links) -> dict[str, Change]:
    """The attributes of a start tag that replay changes. Names are in lower case, values without references."""
    tag = tag.rpartition(":")[2]
    found: dict[str, Change] = {}
    for name in _ASIDE & attributes.keys():
        found[name] = Fate.ASIDE
    for name in _LINKS.get(tag, ()):
        if name in attributes:
            found[name] = links.map(attributes[name])
    for name in _SRCSETS.get(tag, ()):
        if name in attributes:
            found[name] = rewrite_srcset(attributes[name], links)
    if "style" in attributes:
        found["style"] = _unless_same(rewrite_css(attributes["style"], links), attributes["style"])
    if "background" in attributes:
        found["background"] = links.map(attributes["background"])
    special = _SPECIAL.get(tag)
    if special is not None:
        special(attributes, links, found)
    return {name: change for name, change in found.items() if change is not None}


def refresh(content: str, links: Links) -> str | None:
    """The content of a Refresh header or of its meta element with the address mapped; None to leave it."""
    lead = _REFRESH.match(content)
    if lead is None:
        return None
    address = content[lead.end() :]
    if lead["quote"]:
        address = address.partition(lead["quote"])[0]
    path = links.absolute(address) if address.strip() else None
    return None if path is None else content[: lead.start("quote")] + path


def _link(attributes: Attributes, links: Links, found: dict[str, Change]) -> None:
    if not _HINTS.isdisjoint(attributes.get("rel", "").lower().split()):
        found["rel"] = Fate.ASIDE


def _meta(attributes: Attributes, links: Links, found: dict[str, Change]) -> None:
    equivalent = attributes.get("http-equiv", "").strip().lower()
    if equivalent in _POLICIES:
        found["http-equiv"] = Fate.ASIDE
    elif equivalent == "refresh" and "content" in attributes:
        found["content"] = refresh(attributes["content"], links)
    if attributes.get("name", "").strip().lower() == "referrer":  # the replay finds a request's page by its Referer
        found["name"] = Fate.ASIDE


def _frame(attributes: Attributes, links: Links, found: dict[str, Change]) -> None:
    """A frame without an origin could not load even its own pictures: they are the same origin's only."""
    if "sandbox" in attributes:
        kept = dict.fromkeys(_SANDBOX_KEPT.findall(attributes["sandbox"].lower()))
        found["sandbox"] = " ".join([*kept, *(() if "allow-same-origin" in kept else ("allow-same-origin",))])


def _script(attributes: Attributes, links: Links, found: dict[str, Change]) -> None:
    if attributes.get("type", "").strip().lower() == "speculationrules":  # asks for pages that nobody clicked
        found["type"] = Fate.ASIDE


def _base(attributes: Attributes, links: Links, found: dict[str, Change]) -> None:
    if "href" in attributes:
        found["href"] = links.absolute(attributes["href"])


def _unless_same(new: str, old: str) -> str | None:
    return None if new == old else new


_SPECIAL: dict[str, Callable[[Attributes, Links, dict[str, Change]], None]] = {
    "base": _base,
    "iframe": _frame,
    "link": _link,
    "meta": _meta,
    "script": _script,
}

_ALWAYS = r"style|background|integrity|ping|attributionsrc|csp|nonce"
MATTERS = re.compile(rf"[\s/\"'](?:{_ALWAYS})\s*=", re.IGNORECASE)
"""Finds in a start tag's attributes what matters whatever the element. More than needed may match."""

TAGS = frozenset(_LINKS) | frozenset(_SRCSETS) | frozenset(_SPECIAL)
"""Elements whose attributes must be looked at in any case."""
