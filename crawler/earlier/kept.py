"""An earlier capture as the archive keeps it: the record to refer to, and the headers that the server sent with it."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from crawler.earlier.revisit import Original, Previous, Profile
from storage import RecordHeader, RecordType, ResponseFramer, parse_date, read_beginning


class KeptCapture(Struct, frozen=True):
    """A whole capture of a URL that has its payload in a record of the same URL."""

    original: Original
    """The record that holds the payload: this capture's own, or the one that it refers to itself."""
    headers: tuple[tuple[str, str], ...]
    """What the server sent with this capture."""


def read_kept(directory: Path, url: str, previous: Previous) -> KeptCapture | None:
    """The capture that the ledger names, or None if it was cut off, or if its payload is that of another URL: its
    headers would be shown with a 304 of this one. Blocking. Raises ArchiveError, OSError."""
    header, block = read_beginning(directory / "archive" / previous.segment, previous.offset)
    original = _original(header)
    if original is None or original.url != url or header.get("WARC-Truncated") is not None:
        return None
    framer = ResponseFramer()
    framer.feed(block)
    return None if framer.head_end is None else KeptCapture(original, tuple(framer.headers))


def _original(header: RecordHeader) -> Original | None:
    """The record that holds the payload."""
    digest = header.get("WARC-Payload-Digest")
    type_ = header.need("WARC-Type")
    if type_ == RecordType.RESPONSE:
        date = parse_date(header.need("WARC-Date"))
        return Original(header.need("WARC-Target-URI"), date, header.need("WARC-Record-ID"), digest)
    if type_ == RecordType.REVISIT and header.get("WARC-Profile") == Profile.IDENTICAL:
        date = parse_date(header.need("WARC-Refers-To-Date"))
        return Original(header.need("WARC-Refers-To-Target-URI"), date, header.get("WARC-Refers-To"), digest)
    return None
