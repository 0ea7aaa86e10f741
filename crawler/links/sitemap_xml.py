"""The XML of sitemaps: read by expat piece by piece, so memory stays small whatever the file unpacks to.

Entities are never expanded: a stray `&` is escaped before expat sees it, and a document that declares entities of its
own is given up. What comes after a mistake in the XML is still searched for `loc` elements.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import chain
from xml.parsers import expat

import crawler.links.roles as roles
from crawler.links.references import References, Unfinished
from crawler.model import Kind, Role

MAX_URLS = 50_000
"""The protocol's limit of one file."""
MAX_DEPTH = 32
MAX_ELEMENTS = 5_000_000
MAX_TOKEN = 1 << 20
"""Bytes of one tag, comment or the like: expat holds it in memory whole."""
MAX_TEXT = 16_384
WIDE = (b"\xfe\xff", b"\xff\xfe", b"<\0", b"\0<")
"""How UTF-16 begins."""

_STRAY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_LONGEST_REFERENCE = 10
_LOC = re.compile(rb"<(?:\w++:)?loc\s*+>\s*+(?:<!\[CDATA\[)?([^<>\]]{1,16384}+)(?:\]\]>)?\s*+</")
_LASTMOD = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T[\d:.]{4,20}(?:Z|[+-]\d\d:?\d\d)?)?)?)?")
_STYLESHEET = re.compile(r"href\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_MAX_FOUND = 1000
_ENTRIES = frozenset(("url", "sitemap", "item", "channel"))
_ROOTS = frozenset(("urlset", "sitemapindex", "rss", "feed", "rdf"))

_TEXTS: dict[tuple[str, str], Role] = {
    ("url", "loc"): roles.SITEMAP_URL,
    ("sitemap", "loc"): roles.SITEMAP_OF_INDEX,
    ("image", "loc"): roles.SITEMAP_IMAGE,
    ("video", "thumbnail_loc"): roles.SITEMAP_VIDEO,
    ("video", "content_loc"): roles.SITEMAP_VIDEO,
    ("item", "link"): roles.FEED_LINK,
    ("channel", "link"): roles.FEED_LINK,
}
"""By the names of an element and the one around it, without prefixes: what its text refers to."""
_HREFS: dict[tuple[str, str], Role] = {
    ("url", "link"): roles.SITEMAP_ALTERNATE,  # https://developers.google.com/search: localized versions
    ("entry", "link"): roles.FEED_LINK,
}


class Collector:
    """Counts what is found, and stops at the protocol's limit."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._urls = 0

    def add(self, reference: str, role: Role, lastmod: str = "") -> None:
        reference = reference.strip()
        if not reference or len(reference) > MAX_TEXT:
            return
        if role.kind is not Kind.REQUISITE and role is not roles.SITEMAP_ALTERNATE:
            self._urls += 1
            if self._urls > MAX_URLS:
                raise Unfinished(f"the sitemap has more than {MAX_URLS} URLs; the others are left out")
        self._references.add(reference, roles.dated(role, lastmod) if _LASTMOD.fullmatch(lastmod) else role)


def read_xml(pieces: Iterator[bytes], collector: Collector) -> None:
    """Adds what the XML lists. Raises Unfinished."""
    reader = _Reader(collector)
    piece = b""
    try:
        for piece in _escaped(pieces):
            reader.feed(piece)
        reader.end()
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: an encoding that expat lacks
        reader.flush()
        _search(chain((piece[reader.done_of(piece) :],), pieces), reader.index, collector)
        raise Unfinished(f"the sitemap is not well-formed XML: {error}") from None


def _escaped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Writes `&amp;` for each `&` that begins no predefined reference: the most common mistake in sitemaps."""
    rest = b""
    wide = None
    for piece in pieces:
        if wide is None:
            wide = piece.startswith(WIDE)
        if wide:
            yield piece
            continue
        data = rest + piece
        at = data.rfind(b"&", max(0, len(data) - _LONGEST_REFERENCE))
        data, rest = (data, b"") if at < 0 else (data[:at], data[at:])
        yield _STRAY.sub(b"&amp;", data) if b"&" in data else data
    if rest:
        yield _STRAY.sub(b"&amp;", rest)


def _search(pieces: Iterator[bytes], index: bool, collector: Collector) -> None:
    """After a mistake: whatever still looks like a loc element."""
    role = roles.SITEMAP_OF_INDEX if index else roles.SITEMAP_URL
    rest = b""
    for piece in pieces:
        data = rest + piece
        end = 0
        for match in _LOC.finditer(data):
            end = match.end()
            collector.add(html.unescape(match[1].decode("utf-8", "replace")), role)
        rest = data[max(end, len(data) - MAX_TEXT) :]


class _Reader:
    """Expat's handlers: the path of open elements, and the text of those that matter."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._path: list[str] = [""]
        self._text: list[str] | None = None
        self._length = 0
        self._found: list[tuple[str, Role]] = []
        self._lastmod = ""
        self._elements = 0
        self._fed = 0
        self.index = False
        """True for an index of sitemaps."""
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ProcessingInstructionHandler = self._instruction
        parser.EntityDeclHandler = self._refuse_entity

    def feed(self, piece: bytes) -> None:
        self._fed += len(piece)
        self._parser.Parse(piece, False)
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
            raise Unfinished(f"the sitemap has a tag, comment or text of more than {MAX_TOKEN >> 20} MiB")

    def end(self) -> None:
        self._parser.Parse(b"", True)

    def done_of(self, piece: bytes) -> int:
        """How much of the piece fed last was read before the mistake."""
        return max(0, self._parser.ErrorByteIndex - (self._fed - len(piece)))

    def _instruction(self, target: str, data: str) -> None:
        href = _STYLESHEET.search(data) if target == "xml-stylesheet" else None
        if href is not None:
            self._collector.add(html.unescape(href[1] or href[2] or ""), roles.XML_STYLESHEET)

    @staticmethod
    def _refuse_entity(name: str, *_: object) -> None:
        raise Unfinished(f"the sitemap declares an entity of its own ({name[:40]!r}); such a file is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._elements += 1
        depth = len(self._path)
        if depth == 1:
            if local.lower() not in _ROOTS:
                raise Unfinished(f"not a sitemap: its root element is {name[:40]!r}")
            self.index = local == "sitemapindex"
        if depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise Unfinished(f"the sitemap nests deeper than {MAX_DEPTH} or has more than {MAX_ELEMENTS} elements")
        key = (self._path[-1], local)
        self._path.append(local)
        if key in _TEXTS or local == "lastmod":
            self._text, self._length = [], 0
        if key in _HREFS and attributes.get("rel", "alternate") == "alternate":
            self._collector.add(attributes.get("href", ""), _HREFS[key])

    def _characters(self, text: str) -> None:
        if self._text is not None and self._length <= MAX_TEXT:
            self._length += len(text)
            self._text.append(text)

    def _end(self, name: str) -> None:
        local = self._path.pop()
        text, self._text = self._text, None
        if text is not None:
            value = "".join(text).strip()
            role = _TEXTS.get((self._path[-1], local))
            if role is not None:
                # In a CDATA section it was written twice.
                self._found.append((value.replace("&amp;", "&"), role))
            else:
                self._lastmod = value
        if local in _ENTRIES or len(self._found) > _MAX_FOUND:
            self.flush()

    def flush(self) -> None:
        """An entry ends: its lastmod, which may stand behind its loc, is known."""
        found, self._found = self._found, []
        lastmod, self._lastmod = self._lastmod, ""
        for reference, role in found:
            self._collector.add(reference, role, lastmod)
