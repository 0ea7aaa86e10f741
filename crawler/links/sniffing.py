"""What a document is, by its first bytes, where its media type is missing or cannot be right.

WHATWG MIME Sniffing tells what has no type, and feeds that are sent as HTML. Beyond it, a document that begins as only
HTML does is HTML, though it was sent as a script, a style sheet, plain text or bytes: a browser would not show it, but
its links were meant to be followed."""

from __future__ import annotations

import re

from crawler.mediatypes import Format

SNIFFED = 1445
"""Bytes: MIME Sniffing, section 5.2, the length of a resource header."""
DOUBTFUL = frozenset(
    (
        "text/plain",
        "application/octet-stream",
        "binary/octet-stream",
        "application/force-download",
        "application/x-download",
    )
)
"""Types that servers give to what they do not know."""

_BOM = b"\xef\xbb\xbf"
_CERTAIN = re.compile(rb"[\t\n\f\r ]*<(?:!doctype\s+html|html|head)[\s>]", re.IGNORECASE)
_HTML = re.compile(
    rb"[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[ >])",
    re.IGNORECASE,
)
_XML = re.compile(rb"[\t\n\f\r ]*<(?:\?xml|(?:svg|urlset|sitemapindex|rss|feed|rdf:RDF)[\s>])", re.IGNORECASE)
_FEED = re.compile(rb"[\t\n\f\r ]*<(?:\?xml|rss[\s>]|feed[\s>]|rdf:RDF[\s>]|!--)", re.IGNORECASE)
_ROOT = re.compile(rb"(?:[^<]++|<!--(?:(?!-->).)*+-->|<[?!](?!--)[^>]*+>)*+<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)
_FEEDS = (b"rss", b"feed", b"rdf")
_M3U8 = re.compile(rb"#EXTM3U[\s]")  # RFC 8216, section 4.3.1.1
_CSS = re.compile(rb"@(?:charset|import) ")
_JSON = re.compile(rb"[\t\n\r ]*(?:\{[\t\n\r ]*\"|\[[\t\n\r ]*[\[{\"])")
_MARKUP = (Format.HTML, Format.XHTML, Format.XML, Format.FEED, Format.MPD)


def is_html(head: bytes) -> bool:
    """True for what begins as nothing but HTML does."""
    return _CERTAIN.match(head.removeprefix(_BOM)) is not None


def sniff(format: Format | None, head: bytes) -> Format | None:
    """How to read a document whose type says `format` (None: nothing that is known) and which begins so."""
    if format is Format.HTML:
        # MIME Sniffing, section 7.3: a feed.
        return Format.XML if _FEED.match(head) and root_element(head) in _FEEDS else format
    if format is Format.UNKNOWN:
        return _unknown(head.removeprefix(_BOM))
    return Format.HTML if format not in _MARKUP and is_html(head) else format


def root_element(head: bytes) -> bytes:
    """The name of an XML document's root, in lower case and without prefix; empty if it begins with none."""
    root = _ROOT.match(head)
    return b"" if root is None else root[1].lower()


def _unknown(head: bytes) -> Format | None:
    """MIME Sniffing, section 7.1; and what nothing but a playlist, a style sheet or JSON begins with."""
    if _HTML.match(head):
        return Format.HTML
    for pattern, format in ((_XML, Format.XML), (_M3U8, Format.M3U8), (_CSS, Format.CSS), (_JSON, Format.JSON)):
        if pattern.match(head):
            return format
    return None
