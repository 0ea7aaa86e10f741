"""Sitemaps (https://www.sitemaps.org/protocol.html): XML, index files, plain text, RSS and Atom, gzip or not.

Nothing is ever unpacked whole: the file is read in pieces, and no further than the protocol's limits.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

import crawler.links.roles as roles
from crawler.links.document import Document
from crawler.links.references import References, Unfinished
from crawler.links.sitemap_xml import MAX_TEXT, WIDE, Collector, read_xml

MAX_BYTES = 50 << 20
"""Of the unpacked file: the protocol's limit."""
_PIECE = 64 << 10
_MAX_MEMBERS = 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n\f"
_HTML = re.compile(rb"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_WEB = re.compile(rb"https?://\S+$", re.IGNORECASE)


def extract_sitemap(document: Document, references: References) -> None:
    """The URLs that a sitemap lists. Raises Unfinished where its limits or its XML end the search."""
    pieces = _limited(_unpacked(document.content))
    head = b""
    for piece in pieces:
        head = (head + piece).removeprefix(_BOM).lstrip(_SPACE)
        if len(head) >= 4:
            break
    collector = Collector(references)
    if _HTML.match(head):
        raise Unfinished("not a sitemap but an HTML page")
    if head.startswith((b"<", *WIDE)):
        read_xml(chain((head,), pieces), collector)
    elif head:
        _read_lines(chain((head,), pieces), collector)


def _unpacked(content: bytes) -> Iterator[bytes]:
    """The content in pieces; unpacked if it is gzip by its first bytes, whatever its media type says. A torn or damaged
    file gives what can be had."""
    slices = (content[at : at + _PIECE] for at in range(0, len(content), _PIECE))
    if not content.startswith(_GZIP):
        yield from slices
        return
    decoder, members = zlib.decompressobj(31), 1
    for data in slices:
        while data:
            if decoder.eof:
                members += 1
                if members > _MAX_MEMBERS or not data.startswith(_GZIP[:1]):
                    return
                decoder = zlib.decompressobj(31)
            try:
                yield decoder.decompress(data, _PIECE)
            except zlib.error:
                return
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            yield piece[: len(piece) - (size - MAX_BYTES)]
            raise Unfinished(f"the sitemap is longer than {MAX_BYTES >> 20} MiB; what lies beyond is left out")
        yield piece


def _read_lines(pieces: Iterator[bytes], collector: Collector) -> None:
    """A text file: a URL a line, nothing else; lines that are none are passed over."""
    rest = b""
    for piece in pieces:
        *lines, rest = re.split(rb"[\r\n]+", rest + piece)
        for line in lines:
            _add_line(line, collector)
        rest = rest[-MAX_TEXT - 1 :]
    _add_line(rest, collector)


def _add_line(line: bytes, collector: Collector) -> None:
    line = line.strip()
    if _WEB.match(line):
        collector.add(line.decode("utf-8", "replace"), roles.SITEMAP_LINE)
