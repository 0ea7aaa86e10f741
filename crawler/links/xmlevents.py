"""XML read element by element: expat, kept from expanding entities, and forgiving about stray ampersands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol
from xml.parsers import expat

from crawler.links.charset import decode, of_html
from crawler.links.document import Document
from crawler.links.pieces import pieces
from crawler.links.references import Unfinished

MAX_DEPTH = 256
MAX_TEXT = 1 << 20
"""Characters of one element's text."""

_STRAY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")


class Handler(Protocol):
    """Names are local names in lower case: prefixes are a document's own choice."""

    def start(self, path: list[str], attributes: Mapping[str, str]) -> None:
        """An element begins; it is the last of `path`."""

    def end(self, path: list[str], text: str) -> None:
        """It ends; `text` is its own, without that of its children."""


def read_xml(document: Document, handler: Handler) -> None:
    """Tells the handler of every element. Raises Unfinished where the XML ends the reading."""
    encoding, mark = of_html(document.content, document.charset)
    text = decode(document.content[mark:], encoding)
    if declaration := _DECLARATION.match(text):  # it may name another encoding than the one just decoded
        text = text[declaration.end() :]
    parser = expat.ParserCreate("utf-8")
    path: list[str] = []
    texts: list[list[str]] = []
    sizes: list[int] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        if len(path) >= MAX_DEPTH:
            raise Unfinished(f"the XML is nested deeper than {MAX_DEPTH} elements")
        path.append(_local(name))
        texts.append([])
        sizes.append(0)
        handler.start(path, {_local(key): value for key, value in attributes.items()} if attributes else attributes)

    def characters(data: str) -> None:
        if texts and sizes[-1] < MAX_TEXT:
            texts[-1].append(data)
            sizes[-1] += len(data)

    def end(_name: str) -> None:
        sizes.pop()
        handler.end(path, "".join(texts.pop()))
        path.pop()

    def entity(*_: object) -> None:
        raise Unfinished("the XML declares entities of its own, which are never expanded")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = characters, entity
    parser.buffer_text = True
    try:
        for piece in pieces(text, "&"):
            parser.Parse(_STRAY.sub("&amp;", piece).encode("utf-8", "replace"), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unfinished(f"the XML is broken: {error}") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
