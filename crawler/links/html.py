"""Links in HTML, and in XHTML and SVG documents, which are read as HTML is."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

import crawler.links.roles as roles
from crawler.links.charset import UTF_8, decode, of_html
from crawler.links.css import add_css
from crawler.links.document import Document
from crawler.links.elements import COMMON, HANDLERS, Attributes, add_common, title
from crawler.links.lazy import has_lazy
from crawler.links.pieces import pieces
from crawler.links.references import References
from crawler.links.scripts import add_script
from crawler.links.selectors import LAZY_SELECTOR, SELECTOR
from crawler.links.tags import is_costly, start_tags
from crawler.links.xmlfiles import add_stylesheets

MAX_NESTING = 3
"""Documents in documents in documents: an iframe's srcdoc, a frame set's noframes."""

_SELF_CLOSED = re.compile(r"<((?:\w+:)?(?:script|style|title|textarea|iframe|noframes|noembed|xmp))(\s[^<>]*)?/>")
_WITH_TEXT = frozenset(("script", "title", "style", "template", "iframe", "noframes"))
_SVG_DEPTH = 64


def extract_html(document: Document, references: References) -> None:
    """The references and the title of an HTML document."""
    encoding, mark = of_html(document.content, document.charset, document.url)
    references.encoding = encoding
    content = document.content[mark:] if mark else document.content
    # The parser reads UTF-8 bytes as they are, U+FFFD for what is invalid in them.
    _search(content if encoding is UTF_8 else decode(content, encoding), references)


def extract_xml(document: Document, references: References) -> None:
    """The references of an XHTML or SVG document: HTML but for tags that close themselves, and style sheets on top."""
    encoding, mark = of_html(document.content, document.charset, document.url)
    references.encoding = encoding
    text = decode(document.content[mark:], encoding)
    add_stylesheets(text, references)
    _search("".join(_SELF_CLOSED.sub(r"<\1\2></\1>", piece) for piece in pieces(text, "<")), references, svg_title=True)


def _search(markup: bytes | str, references: References, *, svg_title: bool = False) -> None:
    if is_costly(markup if isinstance(markup, bytes) else markup.encode("utf-8", "replace")):
        text = markup if isinstance(markup, str) else markup.decode("utf-8", "replace")
        for tag, attributes, content in start_tags(text):
            add_element(tag, attributes, references)
            if tag in _WITH_TEXT:
                _add_text(tag, attributes, content, references)
        return
    # Without mutation events the tree is what the source says.
    tree = LexborHTMLParser(markup, options=LexborDocumentOptions.WO_EVENTS)
    selector = LAZY_SELECTOR if has_lazy(markup) else SELECTOR
    pending = [iter(tree.css(selector))]
    settled: set[str | None] = set()
    """What plain links named already: many of a page's links lead where another does."""
    while pending:
        for node in pending[-1]:
            tag = node.tag or ""
            attributes = node.attributes
            if tag == "a" and "rel" not in attributes and COMMON.isdisjoint(attributes):  # nearly all of a page's links
                href = attributes.get("href") or attributes.get("xlink:href")
                if href not in settled:
                    settled.add(href)
                    references.add(href, roles.A_HREF)
                continue
            if tag == "base" and (len(pending) > 1 or _is_in_svg(node)):
                continue  # in a template, or none of HTML's: it is not the document's
            add_element(tag, attributes, references)
            if tag not in _WITH_TEXT:
                continue
            if tag == "script" and not references.guesses and "type" not in attributes:
                continue  # a program: most are, and their text need not be copied
            if tag == "template":
                if node.child is not None:
                    continue  # SVG's, or MathML's: what it holds are children like others
                # What it holds is a document fragment of its own.
                pending.extend(iter(fragment.css(selector)) for fragment in node.template_fragments())
                break
            if tag != "title" or svg_title or not _is_in_svg(node):
                _add_text(tag, attributes, node.text(deep=False), references)
        else:
            pending.pop()


def add_element(tag: str, attributes: Attributes, references: References) -> None:
    """What an element's attributes refer to."""
    # XML may name an element with a prefix: `svg:image`.
    handler = HANDLERS.get(tag) or HANDLERS.get(tag.rpartition(":")[2])
    if handler is not None:
        handler(attributes, references)
    if not COMMON.isdisjoint(attributes):
        add_common(attributes, references)


def _add_text(tag: str, attributes: Attributes, text: str, references: References) -> None:
    """The elements whose text matters. What a nested document calls itself is not this one's title."""
    if tag == "script":
        add_script(attributes, text, references)
    elif tag == "style":
        add_css(text, references)
    elif tag == "title":
        if references.title is None:
            references.title = title(text)
    else:
        add_markup((attributes.get("srcdoc") or "") if tag == "iframe" else text, references)


def add_markup(markup: str, references: References) -> None:
    """What a document within another refers to."""
    if markup and references.nesting < MAX_NESTING:
        inner = references.nested()
        _search(markup, inner)
        references.take(inner)


def _is_in_svg(node: LexborNode) -> bool:
    """An SVG title is a tooltip. Its ancestors are looked for no further than svg_titles are nested."""
    for _ in range(_SVG_DEPTH):
        parent = node.parent
        if parent is None or parent.tag == "svg":
            return parent is not None
        node = parent
    return False
