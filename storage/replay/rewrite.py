"""What is done to an archived body before it is shown, by what it is and what the browser asked for. No I/O.

HTML, XHTML, SVG, style sheets and scripts have their addresses mapped; all else, and what is longer than LIMIT, goes
out as it was. A body is read as what it will be used for: HTML that a `script` element asked for is no document.
"""

from __future__ import annotations

import enum

from msgspec import Struct
from msgspec.structs import replace

from storage.replay.address import Links
from storage.replay.charset import Encoding, html_encoding, text_encoding
from storage.replay.css import rewrite_css
from storage.replay.html import rewrite_html
from storage.replay.script import rewrite_script

LIMIT = 16 << 20
"""Bytes of the longest text that is rewritten."""


class Kind(enum.Enum):
    """How a body is rewritten."""

    HTML = "html"
    XML = "xml"
    CSS = "css"
    SCRIPT = "script"
    OTHER = "other"


_HTML = frozenset(("text/html",))
_XML = frozenset(("application/xhtml+xml", "image/svg+xml", "application/xml", "text/xml"))
_SCRIPT = frozenset(
    "application/javascript text/javascript application/ecmascript text/ecmascript application/x-javascript".split()
)
_SCRIPT_DESTINATIONS = frozenset("script worker sharedworker audioworklet paintworklet".split())
_DOCUMENT_DESTINATIONS = frozenset("document iframe frame object embed".split())
_UNTOUCHED_DESTINATIONS = frozenset("image font audio video track manifest json".split())


class Source(Struct, frozen=True):
    """A body as archived, content codings removed, and what its headers say of it."""

    body: bytes
    mime: str
    """Without parameters, in lower case; empty where the headers have none."""
    charset: str | None


class Rewritten(Struct, frozen=True):
    """A body to be shown."""

    body: bytes
    charset: str | None
    """To be told in the Content-Type; None for what it was."""


def kind_of(source: Source, destination: str) -> Kind:
    """`destination` is the request's Sec-Fetch-Dest, empty if the browser sent none."""
    if destination == "style":
        return Kind.CSS
    if destination in _SCRIPT_DESTINATIONS:
        return Kind.SCRIPT
    if destination in _UNTOUCHED_DESTINATIONS or len(source.body) > LIMIT:
        return Kind.OTHER
    if source.mime in _HTML or (not source.mime and _looks_like_html(source.body)):
        return Kind.HTML
    if source.mime in _XML:
        return Kind.XML
    if source.mime == "text/css":
        return Kind.CSS
    return Kind.SCRIPT if source.mime in _SCRIPT else Kind.OTHER


def rewrite(source: Source, destination: str, links: Links, insert: str) -> Rewritten:
    """The body with its addresses mapped. `insert` goes to the head of documents, not of parts a script asks for."""
    kind = kind_of(source, destination)
    if kind is Kind.OTHER or len(source.body) > LIMIT:
        return Rewritten(source.body, None)
    if kind in (Kind.HTML, Kind.XML):
        encoding = html_encoding(source.body, source.charset)
        insert = insert if destination in _DOCUMENT_DESTINATIONS or not destination else ""
    else:
        encoding = text_encoding(source.body, source.charset)
    links = replace(links, encoding=encoding.codec)
    text = _rewritten(kind, encoding.decode(source.body), links, insert)
    return Rewritten(encoding.encode(text), encoding.name if _is_told(kind, encoding) else None)


def _rewritten(kind: Kind, text: str, links: Links, insert: str) -> str:
    if kind is Kind.CSS:
        return rewrite_css(text, links)
    if kind is Kind.SCRIPT:
        return rewrite_script(text, links)
    return rewrite_html(text, links, insert=insert, xml=kind is Kind.XML)


def _is_told(kind: Kind, encoding: Encoding) -> bool:
    """A document's own word may lie too far behind what was inserted; a style sheet inherits its page's encoding."""
    return encoding.known and kind in (Kind.HTML, Kind.XML)


def _looks_like_html(body: bytes) -> bool:
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<script", b"<!--"))
