"""The encoding of an archived text, and its bytes to characters and back without losing one. No I/O.

Order of belief, as in browsers: byte order mark, HTTP header, what the document says itself.
"""

from __future__ import annotations

import re

import webencodings
from msgspec import Struct

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_META = re.compile(rb"""<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([^\s"'/>;]+)""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml\b[^>]*?\bencoding\s*=\s*["']([^"']+)["']""")
_CSS = re.compile(rb'@charset "([^"]{1,40})";')
_PRESCAN = 1024
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)


class Encoding(Struct, frozen=True):
    """An encoding of the Encoding Standard."""

    name: str
    """As in an HTTP header."""
    known: bool = True
    """False where nothing says it, and the name is a guess."""

    @property
    def codec(self) -> str:
        """Python's name for it."""
        found = webencodings.lookup(self.name)
        return "cp1252" if found is None else str(found.codec_info.name)

    def decode(self, data: bytes) -> str:
        """Characters; bytes that are none in this encoding as lone surrogates, which `encode` turns back."""
        try:
            return data.decode(self.codec, "surrogateescape")
        except (UnicodeError, LookupError):
            return data.decode(self.codec, "replace")

    def encode(self, text: str) -> bytes:
        try:
            return text.encode(self.codec, "surrogateescape")
        except UnicodeError:
            return text.encode(self.codec, "replace")


def html_encoding(data: bytes, charset: str | None) -> Encoding:
    """Of an HTML, XHTML or SVG document (HTML section 13.2.3.2), windows-1252 for want of anything."""
    start = data[:_PRESCAN]
    said = _XML.match(start.lstrip()) or _META.search(_COMMENT.sub(b"", start))
    name = _marked(data) or _known(charset) or _within(None if said is None else said[1])
    return Encoding("windows-1252", known=False) if name is None else Encoding(name)


def text_encoding(data: bytes, charset: str | None) -> Encoding:
    """Of a style sheet (CSS Syntax section 3.2) or a script: UTF-8 for want of anything."""
    said = _CSS.match(data)
    name = _marked(data) or _known(charset) or _within(None if said is None else said[1])
    return Encoding("utf-8", known=False) if name is None else Encoding(name)


def _marked(data: bytes) -> str | None:
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def _within(label: bytes | None) -> str | None:
    """What a document says of itself: that it is UTF-16 cannot be true, if it could be read so."""
    name = None if label is None else _known(label.decode("latin-1"))
    return "utf-8" if name is not None and name.startswith("utf-16") else name


def _known(label: str | None) -> str | None:
    found = webencodings.lookup(label.strip()) if label else None
    return None if found is None or found.name == "x-user-defined" else str(found.name)
