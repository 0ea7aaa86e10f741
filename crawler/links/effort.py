"""Which documents take so long to be searched that nothing else should have to wait for it.

By type and length: to look closer would take long itself. Measured on one core, 64 KiB of a feed, a manifest or JSON
take 5 to 45 ms, of a style sheet 4 to 12 ms, of HTML with many links 6 ms. In a thread of its own, one of any size
stops the others for 70 ms at most; what would hold the interpreter for longer is cut into steps."""

from __future__ import annotations

from crawler.links.document import Document
from crawler.links.sniffing import SNIFFED
from crawler.mediatypes import Format, format_of

LONG = 32 << 10
"""Bytes."""
LONG_PAGE = 128 << 10
"""Of HTML and of style sheets, which are quicker to search."""
_QUICK = (Format.HTML, Format.XHTML, Format.CSS, Format.UNKNOWN)
_PERHAPS_MANIFESTS = (Format.MPD, Format.XML, Format.UNKNOWN)
"""Of DASH, by type or by what they begin with."""


def takes_long(document: Document) -> bool:
    """True for what may take more than about 20 ms."""
    size, format = len(document.content), format_of(document.media_type)
    if format in _PERHAPS_MANIFESTS and b"mpd" in document.content[:SNIFFED].lower():
        return True  # a few hundred bytes stand for as many segments as are ever taken
    return size > LONG and (size > LONG_PAGE or format not in _QUICK)
