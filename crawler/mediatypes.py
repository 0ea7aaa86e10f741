"""Which media types may hold links, and how each is read: one table for those who decode and those who extract."""

from __future__ import annotations

import enum


class Format(enum.Enum):
    """A way to read a document."""

    HTML = enum.auto()
    XHTML = enum.auto()
    """XHTML and SVG: HTML but for tags that close themselves."""
    CSS = enum.auto()
    XML = enum.auto()
    """By its root element: XHTML, SVG, a feed, a sitemap, or any other."""
    FEED = enum.auto()
    JSON = enum.auto()
    MANIFEST = enum.auto()
    JAVASCRIPT = enum.auto()
    M3U8 = enum.auto()
    MPD = enum.auto()
    PDF = enum.auto()
    """Read from the response itself, in a process of its own: see crawler/pdf."""
    UNKNOWN = enum.auto()
    """No type was given: by its first bytes."""


FORMATS: dict[str, Format] = {
    **dict.fromkeys(("", "unknown/unknown", "application/unknown", "*/*"), Format.UNKNOWN),  # MIME Sniffing, section 7
    "text/html": Format.HTML,
    **dict.fromkeys(("application/xhtml+xml", "application/vnd.wap.xhtml+xml", "image/svg+xml"), Format.XHTML),
    "text/css": Format.CSS,
    **dict.fromkeys(("text/xml", "application/xml", "text/xsl", "application/xslt+xml"), Format.XML),
    **dict.fromkeys(("application/rss+xml", "application/atom+xml", "application/rdf+xml"), Format.FEED),
    **dict.fromkeys(("application/json", "text/json", "application/feed+json", "application/ld+json"), Format.JSON),
    **dict.fromkeys(("application/manifest+json", "application/x-web-app-manifest+json"), Format.MANIFEST),
    **dict.fromkeys(
        # HTML Standard, section 8.1.4: the JavaScript MIME types
        [
            *("text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript"),
            *("application/ecmascript", "application/x-ecmascript", "text/x-javascript", "text/x-ecmascript"),
            *("text/jscript", "text/livescript", *(f"text/javascript1.{minor}" for minor in range(6))),
        ],
        Format.JAVASCRIPT,
    ),
    **dict.fromkeys(
        [
            *("application/vnd.apple.mpegurl", "application/mpegurl", "application/x-mpegurl"),
            *("audio/mpegurl", "audio/x-mpegurl", "video/mpegurl"),
        ],
        Format.M3U8,
    ),
    "application/dash+xml": Format.MPD,
    **dict.fromkeys(("application/pdf", "application/x-pdf"), Format.PDF),
}


def format_of(media_type: str | None) -> Format | None:
    """How a body of this type is read; None for what holds no links."""
    found = FORMATS.get(media_type or "")
    if found is None and media_type is not None:
        if media_type.endswith("+xml"):  # RFC 6839, section 3.1 for JSON; RFC 7303 for XML
            return Format.XML
        if media_type.endswith("+json"):
            return Format.JSON
    return found
