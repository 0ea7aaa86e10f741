"""A kept URL's document, read back from the archive as the crawl saw it."""

from __future__ import annotations

from crawler.content import CONTENT_LIMIT, charset_of, is_parsed, media_type
from crawler.frontier.asking import Kept
from crawler.links.document import Document
from crawler.model import REDIRECT_STATUSES
from storage import Archive, Capture


def may_need_something(kept: Kept) -> bool:
    """True if the answer can ask for requisites: told without reading it."""
    return kept.status in REDIRECT_STATUSES or is_parsed(kept.media_type)


def capture_of(archive: Archive, kept: Kept) -> Capture | None:
    """The capture that the ledger tells of; None where the archive does not have it. Raises ArchiveError, OSError."""
    return archive.get(kept.url.url, at=kept.time)


def location_of(capture: Capture) -> str | None:
    """Where it redirects to, as it was sent."""
    return capture.headers.get("Location") if capture.status in REDIRECT_STATUSES else None


def document_of(capture: Capture) -> Document:
    """The document, as far as a parser reads. Raises ArchiveError, OSError."""
    pieces, size = [], 0
    for piece in capture.chunks():
        pieces.append(piece)
        size += len(piece)
        if size >= CONTENT_LIMIT:
            break
    kind = capture.headers.get("Content-Type")
    return Document(
        capture.url,
        media_type(kind),
        charset_of(kind),
        b"".join(pieces)[:CONTENT_LIMIT],
        tuple(capture.headers.items()),
    )
