"""Feeds: RSS 0.9 to 2.0 with the modules in use, and Atom (RFC 4287).

Entries and what they belong to are links; enclosures, media and pictures are shown. The HTML that entries carry is
searched as a page would be, be it text or elements of the feed itself. Every element may have an xml:base of its own.
What only names something (ids, categories' schemes) is no link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import crawler.links.roles as roles
from crawler.links.document import Document
from crawler.links.html import add_element, add_markup
from crawler.links.references import References
from crawler.links.xmlevents import read_xml
from crawler.urls import join

_LINK, _EMBED, _ENCLOSURE = roles.link("feed/link"), roles.embed("feed/image"), roles.embed("feed/enclosure")
_MARKUP = frozenset(
    [
        *("description", "encoded", "fullitem", "content", "summary", "subtitle", "body", "title", "tagline", "info"),
        *("rights", "copyright"),
    ]
)
_LINK_TEXTS = frozenset(
    ("link", "comments", "comment", "docs", "commentrss", "origlink", "newlocation", "license", "homepage", "uri")
)
_LINK_ATTRIBUTES = {
    ("content", "src"): _LINK,  # Atom, out of line
    ("source", "url"): _LINK,
    ("uri", "url"): _LINK,
    ("generator", "uri"): _LINK,
    ("generator", "url"): _LINK,
    ("license", "href"): _LINK,
    ("license", "resource"): _LINK,
    ("in-reply-to", "href"): _LINK,  # RFC 4685
    ("in-reply-to", "source"): _LINK,
    ("enclosure", "url"): _ENCLOSURE,
    ("content", "url"): _ENCLOSURE,  # Media RSS
    ("thumbnail", "url"): _EMBED,
    ("player", "url"): _EMBED,
    ("image", "href"): _EMBED,  # iTunes
    ("image", "url"): _EMBED,
}
_WITH_ATTRIBUTES = frozenset(name for name, _ in _LINK_ATTRIBUTES)
_NO_LINKS = frozenset(("hub", "edit", "edit-media", "search", "salmon"))
_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_PEOPLE = frozenset(("author", "contributor"))
_SHOWN = frozenset(("enclosure", "icon", "stylesheet", "preview", "thumbnail"))


def extract_feed(document: Document, references: References) -> None:
    """The references of a feed. Raises Unfinished where its XML ends the search."""
    read_xml(document, _Feed(references))


class _Feed:
    def __init__(self, references: References) -> None:
        self._references = references
        self._bases = [references.url]
        """Of the open elements, the document's own first."""
        self._markup = 0
        """How many of the open elements carry HTML."""

    def start(self, path: list[str], attributes: Mapping[str, str]) -> None:
        references, name = self._references, path[-1]
        self._enter(attributes.get("base"))
        if self._markup:
            add_element(name, attributes, references)
        elif name == "link" and "href" in attributes:
            self._atom_link(attributes)
        if name in _WITH_ATTRIBUTES:
            for key, value in attributes.items():
                role = _LINK_ATTRIBUTES.get((name, key))
                if role is not None:
                    references.add(value, role)
        self._markup += name in _MARKUP

    def _enter(self, base: str | None) -> None:
        """XML Base (https://www.w3.org/TR/xmlbase/): relative to that of the element around."""
        outer = self._bases[-1]
        self._bases.append((join(outer, base) or outer) if base else outer)
        self._apply()

    def _apply(self) -> None:
        base = self._bases[-1]
        self._references.within = None if base is self._references.url else base

    def _atom_link(self, attributes: Mapping[str, str]) -> None:
        relation = attributes.get("rel", "alternate").strip().lower()
        if relation not in _NO_LINKS:
            self._references.add(attributes["href"], _ENCLOSURE if relation in _SHOWN else _LINK)

    def end(self, path: list[str], text: str) -> None:
        name, parent = path[-1], path[-2] if len(path) > 1 else ""
        if name in _MARKUP:
            self._markup -= 1
            if "<" in text:
                add_markup(text, self._references)
            if name == "title" and parent in ("channel", "feed") and len(path) <= 3 and self._references.title is None:
                self._references.title = " ".join(text.split())[:500]
        elif not self._markup:
            self._text(name, parent, text)
        self._bases.pop()
        self._apply()

    def _text(self, name: str, parent: str, text: str) -> None:
        if name in ("logo", "icon") or (name == "url" and parent == "image"):
            self._references.add(_one_word(text), _EMBED)
        elif name in _LINK_TEXTS or (name == "url" and parent in _PEOPLE) or (name == "guid" and _WEB.match(text)):
            self._references.add(_one_word(text), _LINK)


def _one_word(text: str) -> str | None:
    text = text.strip()
    return None if any(character.isspace() for character in text) else text
