"""Which documents take so long to be searched that nothing else should have to wait for it.

By type and length: to look closer would take long itself. Measured on one core, 64 KiB of a feed, a manifest or JSON
take 5 to 45 ms, of a style sheet 4 to 12 ms, of HTML with many links 6 ms. In a thread of its own, one of any size
stops the others for 70 ms at most; what would hold the interpreter for longer is cut into steps."""

from __future__ import annotations

from crawler.links.document import Document
from crawler.mediatypes import Format, format_of

LONG = 32 << 10
"""Bytes."""
LONG_PAGE = 128 << 10
"""Of HTML and of style sheets, which are quicker to search."""
_QUICK = (Format.HTML, Format.XHTML, Format.CSS, Format.UNKNOWN)


def takes_long(document: Document) -> bool:
    """True for what may take more than about 20 ms."""
    size = len(document.content)
    return size > LONG and (size > LONG_PAGE or format_of(document.media_type) not in _QUICK)
