"""The title and the readable text of an HTML page, as a full-text search wants them. Pure."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

TEXT_LIMIT = 256 << 10
"""Characters of text that are kept of a page."""
TITLE_LIMIT = 500
HTML_LIMIT = 8 << 20
"""Characters of markup beyond which a page is not taken apart."""

NESTING_LIMIT = 10_000
"""Elements within each other beyond which a page is not taken apart: the parser's time grows with their square."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")
_NO_NESTING = frozenset(
    "area base body br caption col colgroup dd dt embed head hr html img input li link meta optgroup option p param rp"
    " rt source tbody td tfoot th thead tr track wbr".split()
)
"""Elements that have no end tag or may leave it out."""

_UNREAD = ["script", "style", "noscript", "template", "svg", "iframe", "object", "select", "textarea"]
_SPACE = re.compile(r"\s+")


def page_text(html: str) -> tuple[str, str]:
    """Title and text, white space made single spaces; "" for what is not there."""
    if len(html) > HTML_LIMIT or _nests_too_deep(html):
        return "", ""
    tree = LexborHTMLParser(html)
    node = tree.css_first("title")
    title = "" if node is None else _plain(node.text())[:TITLE_LIMIT]
    tree.strip_tags(_UNREAD)
    body = tree.body
    return title, "" if body is None else _plain(body.text(separator=" "))[:TEXT_LIMIT]


def _nests_too_deep(html: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _NO_NESTING:
            depth = depth + 1 if not tag[1] else max(depth - 1, 0)
            if depth > NESTING_LIMIT:
                return True
    return False


def _plain(text: str) -> str:
    """JSON cannot carry half a surrogate pair, and nobody reads a NUL."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return _SPACE.sub(" ", text).strip()
