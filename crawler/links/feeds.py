"""Feeds: RSS 0.9 to 2.0 with the modules in use, and Atom (RFC 4287).

Entries and what they belong to are links; enclosures, media and pictures are shown. The HTML that entries carry is
searched as a page would be. Relative addresses are resolved by xml:base only where the whole feed declares it.
"""

from __future__ import annotations

from collections.abc import Mapping

import crawler.links.roles as roles
from crawler.links.document import Document
from crawler.links.html import add_markup
from crawler.links.references import References
from crawler.links.xmlevents import read_xml

_LINK, _EMBED, _ENCLOSURE = roles.link("feed/link"), roles.embed("feed/image"), roles.embed("feed/enclosure")
_MARKUP = frozenset(("description", "encoded", "content", "summary", "subtitle", "body"))
_LINK_TEXTS = frozenset(("link", "comments", "docs", "commentrss", "origlink", "wfw"))
_NO_LINKS = frozenset(("hub", "license", "edit", "edit-media", "search", "salmon"))
_SHOWN = frozenset(("enclosure", "icon", "stylesheet", "preview", "thumbnail"))


def extract_feed(document: Document, references: References) -> None:
    """The references of a feed. Raises Unfinished where its XML ends the search."""
    read_xml(document, _Feed(references))


class _Feed:
    def __init__(self, references: References) -> None:
        self._references = references

    def start(self, path: list[str], attributes: Mapping[str, str]) -> None:
        references, name = self._references, path[-1]
        if len(path) == 1 and "base" in attributes:
            references.base = attributes["base"]
        if name == "link" and "href" in attributes:
            self._atom_link(attributes)
        elif name == "enclosure" or (name == "content" and "url" in attributes):  # RSS, Media RSS
            references.add(attributes.get("url"), _ENCLOSURE)
        elif name in ("thumbnail", "player"):
            references.add(attributes.get("url"), _EMBED)
        elif name == "image" and "href" in attributes:  # iTunes
            references.add(attributes["href"], _EMBED)
        elif name == "content" and "src" in attributes:  # Atom, out of line
            references.add(attributes["src"], _LINK)
        elif name in ("source", "uri") and "url" in attributes:
            references.add(attributes["url"], _LINK)

    def _atom_link(self, attributes: Mapping[str, str]) -> None:
        relation = attributes.get("rel", "alternate").strip().lower()
        if relation not in _NO_LINKS:
            self._references.add(attributes["href"], _ENCLOSURE if relation in _SHOWN else _LINK)

    def end(self, path: list[str], text: str) -> None:
        name, parent = path[-1], path[-2] if len(path) > 1 else ""
        if name in _MARKUP:
            if "<" in text:
                add_markup(text, self._references)
        elif name in ("logo", "icon") or (name == "url" and parent == "image"):
            self._references.add(_one_word(text), _EMBED)
        elif name in _LINK_TEXTS or (name == "guid" and text.strip().lower().startswith(("http://", "https://"))):
            self._references.add(_one_word(text), _LINK)
        elif name == "title" and len(path) <= 3 and self._references.title is None and parent in ("channel", "feed"):
            self._references.title = " ".join(text.split())[:500]


def _one_word(text: str) -> str | None:
    text = text.strip()
    return None if any(character.isspace() for character in text) else text
