"""All that is known of one capture, gathered for its page. Blocking."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from storage.httpmessage import Headers
from storage.replay.address import normalised, replay_path
from storage.replay.holdings import Holdings, Opened
from storage.replay.queries import Entry
from storage.replay.reading import http_head
from storage.replay.show import BODY_SHOWN, block_text, visible_lines
from storage.stored import StoredRecord
from storage.surt import surt

_LINKS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Link:
    """A link out of the capture."""

    url: str
    hop: str
    context: str
    is_held: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response as it was sent."""

    head: str
    headers: Headers
    body: str
    is_hex: bool
    size: int
    """Bytes of the whole block."""
    is_cut: bool
    """True if more was sent than is shown."""


@dataclass(frozen=True, slots=True)
class Details:
    """One capture."""

    entry: Entry
    opened: Opened
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
    opened = holdings.open(entry)
    about = holdings.about(entry)
    request = holdings.request(entry)
    links = () if about is None else about.links
    shown = links[:_LINKS_SHOWN]
    held = holdings.catalogue.held(surt(link.url) for link in shown)
    return Details(
        entry,
        opened,
        None if request is None else _message(request),
        _message(opened.record),
        _decoded(opened),
        tuple(opened.notes),
        opened.record.header.fields,
        () if about is None else tuple((name, value) for name, value in about.fields if name != "outlink"),
        tuple(Link(link.url, link.hop, link.context, surt(link.url) in held) for link in shown),
        len(links),
        tuple(holdings.catalogue.links_in(entry.key)),
        len(holdings.catalogue.captures(entry.key, f"{entry.key} ")),
    )


def replay_of(entry: Entry) -> str:
    """The path that shows it."""
    return replay_path(normalised(entry.url), entry.timestamp)


def _message(record: StoredRecord) -> Message:
    data = record.beginning()
    found = http_head(record)
    if found is None:
        is_request = record.type == "request"
        start = data.find(b"\r\n\r\n") + 4 if is_request and b"\r\n\r\n" in data else 0
        headers: Headers = []
    else:
        headers, start = found[0].headers, found[1]
    body, is_hex = block_text(data[start : start + BODY_SHOWN]) if start < len(data) else ("", False)
    head = visible_lines(data[:start].decode("latin-1").rstrip("\r\n"))
    return Message(head, headers, body, is_hex, record.size, record.size > start + BODY_SHOWN)


def _decoded(opened: Opened) -> str | None:
    """Only where it differs from what was sent."""
    if opened.codings is None:
        return None
    coded = {name.lower() for name, value in opened.codings.headers if value.strip().lower() != "identity"}
    if opened.payload is opened.record and coded.isdisjoint(("content-encoding", "transfer-encoding")):
        list(islice(opened.body(), 1))
        return None
    data = b"".join(islice(opened.body(), 1))[:BODY_SHOWN]
    text, is_hex = block_text(data)
    return None if is_hex else text
