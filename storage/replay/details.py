"""All that is known of one capture, gathered for its page. Blocking."""

from __future__ import annotations

from itertools import islice

from msgspec import Struct

from storage.errors import ArchiveError
from storage.message import message_of
from storage.replay.holdings import Held, Holdings
from storage.replay.queries import Entry
from storage.replay.reading import out_links
from storage.replay.show import BODY_SHOWN, block_text, visible_lines
from storage.stored import StoredRecord
from storage.surt import surt

_LINKS_SHOWN = 500


class Link(Struct, frozen=True):
    """A link out of the capture."""

    url: str
    hop: str
    context: str
    is_held: bool
    status: int | None
    """The best that its captures got."""


class Message(Struct, frozen=True):
    """A request or a response as it was sent."""

    head: str
    body: str
    is_hex: bool
    size: int
    """Bytes of the whole block."""
    is_cut: bool
    """True if more was sent than is shown."""


class Details(Struct, frozen=True):
    """One capture."""

    entry: Entry
    request: Message | None
    response: Message
    decoded: str | None
    """The body's text without its codings; None where it is no text, or as it was sent."""
    notes: tuple[str, ...]
    warc_fields: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    links_total: int
    links_in: tuple[Entry, ...]
    captures: int
    """Of the same URL."""


def details_of(holdings: Holdings, entry: Entry) -> Details:
    """Raises ArchiveError, OSError."""
    held = holdings.open(entry)
    capture = held.capture
    fields = capture.metadata
    links = out_links(fields)
    shown = links[:_LINKS_SHOWN]
    keys = [surt(link.url) for link in shown]
    present = holdings.catalogue.held(keys)
    decoded, notes = _decoded(held)
    return Details(
        entry,
        None if capture.request is None else _message(capture.request),
        _message(capture.record),
        decoded,
        notes,
        capture.record.header.fields,
        tuple((name, value) for name, value in fields.items() if name != "outlink"),
        tuple(
            Link(link.url, link.hop, link.context, key in present, present.get(key))
            for link in shown
            for key in [surt(link.url)]
        ),
        len(links),
        tuple(holdings.catalogue.links_in(entry.key)),
        len(holdings.catalogue.captures(entry.key, f"{entry.key} ")),
    )


def _message(record: StoredRecord) -> Message:
    data = record.beginning()
    start = message_of(record).body
    if not start and record.type == "request":
        start = data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else len(data)
    body, is_hex = block_text(data[start : start + BODY_SHOWN]) if start < len(data) else ("", False)
    head = visible_lines(data[:start].decode("latin-1").rstrip("\r\n"))
    return Message(head, body, is_hex, record.size, record.size > start + BODY_SHOWN)


def _decoded(held: Held) -> tuple[str | None, tuple[str, ...]]:
    """The text without its codings, only where it differs from what was sent; and what was not as it should be."""
    capture = held.capture
    try:
        data = b"".join(islice(capture.chunks(), 1))[:BODY_SHOWN]
    except ArchiveError as error:
        return None, (str(error),)
    text, is_hex = block_text(data)
    as_sent = capture.record.beginning()[message_of(capture.record).body :][:BODY_SHOWN] == data
    return None if is_hex or as_sent else text, tuple(capture.decoding_notes)
