"""Which extractor reads which media type, and what a document without one is.

An extractor is a function that adds what it finds to a `References`; whatever it found before it fails counts. A new
one is a file with such a function, and a line here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from crawler.links.css import extract_css
from crawler.links.document import Document
from crawler.links.html import extract_html, extract_xml
from crawler.links.references import References, Unfinished
from crawler.links.sitemap import extract_sitemap
from crawler.model import Extraction
from crawler.urls import Joiner

Extractor = Callable[[Document, References], None]

EXTRACTORS: dict[str, Extractor] = {
    "text/html": extract_html,
    "application/xhtml+xml": extract_xml,
    "application/vnd.wap.xhtml+xml": extract_xml,
    "image/svg+xml": extract_xml,
    "text/css": extract_css,
}

_log = logging.getLogger(__name__)
_JOINER = Joiner()
_UNKNOWN = frozenset((None, "", "unknown/unknown", "application/unknown", "*/*"))  # MIME Sniffing, section 7
_XML_TYPES = frozenset(("text/xml", "application/xml"))
_SNIFFED = 1445  # MIME Sniffing, section 5.2: the length of a resource header
_HTML = re.compile(
    rb"[\t\n\f\r ]*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[ >])",
    re.IGNORECASE,
)
_XML = re.compile(rb"[\t\n\f\r ]*<(?:\?xml|(?:svg|urlset|sitemapindex)[\s>])", re.IGNORECASE)
_XML_ROOT = re.compile(rb"<(?:\w+:)?(?:svg|html)[\s>]", re.IGNORECASE)
_SITEMAP_ROOT = re.compile(rb"<(?:\w+:)?(?:urlset|sitemapindex)[\s>]")
_CSS = re.compile(rb"@(?:charset|import) ")
_BOM = b"\xef\xbb\xbf"


def understood(media_type: str | None) -> bool:
    """True if a body of this type may hold links: all others need not be decoded for parsing."""
    return media_type in EXTRACTORS or media_type in _UNKNOWN or media_type in _XML_TYPES


def extract(document: Document, joiner: Joiner | None = None, extractor: Extractor | None = None) -> Extraction:
    """The links of a document, by its media type, or by its first bytes if that is missing. Never raises.

    With `extractor`, it is that which reads the document, whatever the type."""
    extractor = extractor or _extractor_for(document)
    if extractor is None or not document.content:
        return Extraction()
    references = References(document.url)
    failure = None
    try:
        extractor(document, references)
    except Unfinished as stop:
        failure = str(stop)
    except Exception as error:
        # An extractor's mistake costs this document's remaining links, never the crawl.
        _log.warning("links of %s: %r", document.url, error, exc_info=True)
        failure = f"{extractor.__name__}: {error!r}"
    links = references.resolve(joiner or _JOINER)
    return Extraction(links, references.title, tuple(references.robots), failure)


def _extractor_for(document: Document) -> Extractor | None:
    extractor = EXTRACTORS.get(document.media_type or "")
    if extractor is None and document.media_type in _UNKNOWN:
        return _sniff(document.content[:_SNIFFED])
    if document.media_type in _XML_TYPES:  # XHTML, SVG and sitemaps need no type of their own
        return _by_root(document.content[:_SNIFFED])
    return extractor


def _by_root(head: bytes) -> Extractor | None:
    if _XML_ROOT.search(head):
        return extract_xml
    return extract_sitemap if _SITEMAP_ROOT.search(head) else None


def _sniff(head: bytes) -> Extractor | None:
    """WHATWG MIME Sniffing, section 7.1; and the two at-rules that only a style sheet begins with."""
    head = head.removeprefix(_BOM)
    if _HTML.match(head):
        return extract_html
    if _XML.match(head):
        return _by_root(head)
    return extract_css if _CSS.match(head) else None
