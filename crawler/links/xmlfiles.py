"""XML of no kind known here: its style sheets, XLink's links, XInclude, and what XSLT imports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

import crawler.links.roles as roles
from crawler.links.charset import decode, of_html
from crawler.links.document import Document
from crawler.links.jsonlinks import add_address
from crawler.links.references import References
from crawler.links.xmlevents import read_xml
from crawler.model import Kind, Role

PROLOGUE = 4096
MAX_STYLESHEETS = 100
_STYLESHEET = re.compile(r"<\?xml-stylesheet\s[^>]*?href\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_LINK = roles.link("xlink/@href")
_TEXT, _TEXT_SHOWN = roles.link("xml/text"), roles.embed("xml/text")
_SHOWN = roles.embed("xml/@src")
_INCLUDED = Role(Kind.REQUISITE, "xml/@href", "E", same_hop=True)


def add_stylesheets(text: str, references: References) -> None:
    """The xml-stylesheet instructions before the root (https://www.w3.org/TR/xml-stylesheet/)."""
    for match in islice(_STYLESHEET.finditer(text[:PROLOGUE]), MAX_STYLESHEETS):
        references.add((match[1] or match[2] or "").replace("&amp;", "&"), roles.XML_STYLESHEET)


def extract_xml_file(document: Document, references: References) -> None:
    """The references of any XML document. Raises Unfinished where its XML ends the search."""
    encoding, mark = of_html(document.content, document.charset)
    add_stylesheets(decode(document.content[mark : mark + PROLOGUE], encoding), references)
    read_xml(document, _Linked(references))


class _Linked:
    def __init__(self, references: References) -> None:
        self._references = references
        self._xslt = False

    def start(self, path: list[str], attributes: Mapping[str, str]) -> None:
        if len(path) == 1:
            self._xslt = path[0] in ("stylesheet", "transform")
        href = attributes.get("href")
        if not self._xslt:
            self._references.add(attributes.get("src"), _SHOWN)
        if not href:
            return
        if path[-1] == "include" or (self._xslt and path[-1] == "import"):
            self._references.add(href, _INCLUDED)
        elif not self._xslt:
            self._references.add(href, _LINK)

    def end(self, path: list[str], text: str) -> None:
        if not self._xslt:
            add_address(text.strip(), self._references, _TEXT, _TEXT_SHOWN)
