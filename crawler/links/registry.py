"""Which extractor reads which media type, and what a document without one is.

An extractor is a function that adds what it finds to a `References`; whatever it found before it fails counts. A new
one is a file with such a function, a line here and one in crawler/mediatypes.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from crawler.links.css import extract_css
from crawler.links.document import Document
from crawler.links.feeds import extract_feed
from crawler.links.html import extract_html, extract_xml
from crawler.links.httpheaders import add_headers, has_links
from crawler.links.javascript import extract_javascript
from crawler.links.jsonfiles import extract_json, extract_manifest
from crawler.links.playlists import extract_m3u8, extract_mpd
from crawler.links.references import References, Unfinished
from crawler.links.sitemap import extract_sitemap
from crawler.links.sniffing import SNIFFED, root_element, sniff
from crawler.links.xmlfiles import extract_xml_file
from crawler.mediatypes import FORMATS, Format, format_of
from crawler.model import Extraction
from crawler.urls import Joiner

Extractor = Callable[[Document, References], None]

_READERS: dict[Format, Extractor] = {
    Format.HTML: extract_html,
    Format.XHTML: extract_xml,
    Format.CSS: extract_css,
    Format.FEED: extract_feed,
    Format.JSON: extract_json,
    Format.MANIFEST: extract_manifest,
    Format.JAVASCRIPT: extract_javascript,
    Format.M3U8: extract_m3u8,
    Format.MPD: extract_mpd,
}

EXTRACTORS: dict[str, Extractor] = {
    media_type: _READERS[format] for media_type, format in FORMATS.items() if format in _READERS
}
"""Media types whose reader is certain; the others' depends on what the document begins with."""

_log = logging.getLogger(__name__)
_JOINER = Joiner()
_ROOTS: dict[bytes, Extractor] = {
    **dict.fromkeys((b"svg", b"html"), extract_xml),
    **dict.fromkeys((b"urlset", b"sitemapindex"), extract_sitemap),
    **dict.fromkeys((b"rss", b"feed", b"rdf"), extract_feed),
    b"mpd": extract_mpd,
}


def understood(media_type: str | None) -> bool:
    """True if a body of this type may hold links: all others need not be decoded for parsing."""
    return media_type in EXTRACTORS or format_of(media_type) is not None


def extract(document: Document, joiner: Joiner | None = None, extractor: Extractor | None = None) -> Extraction:
    """The links of a document, by its media type, or by its first bytes if that is missing. Never raises.

    With `extractor`, it is that which reads the document, whatever the type."""
    if extractor is None and document.content:
        extractor = _extractor_for(document)
    in_headers = has_links(document.headers)
    if extractor is None and not in_headers:
        return Extraction()
    references = References(document.url, guesses=document.guesses)
    if in_headers:
        add_headers(document.headers, references)
    if extractor is None:
        return Extraction(references.resolve(joiner or _JOINER))
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
    return Extraction(links, references.title, tuple(references.robots), failure or references.unjoined)


def _extractor_for(document: Document) -> Extractor | None:
    format = format_of(document.media_type)
    sniffed = sniff(format, document.content[:SNIFFED])
    if sniffed is format and document.media_type in EXTRACTORS:
        return EXTRACTORS[document.media_type]
    if sniffed is Format.XML:
        return _by_root(document.content[:SNIFFED])
    return None if sniffed is None else _READERS.get(sniffed)


def _by_root(head: bytes) -> Extractor:
    """Without a media type of their own: XHTML, SVG, feeds, sitemaps."""
    return _ROOTS.get(root_element(head), extract_xml_file)
