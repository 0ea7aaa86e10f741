"""What the catalogue notes of one record: pure reading, no I/O of its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from storage.charset import decode_text
from storage.codings import decoded
from storage.message import Fields, Message
from storage.stored import StoredRecord
from storage.words import page_words

TEXT_LIMIT = 2 << 20
"""Bytes of a page that are searched for text."""
LINK_LIMIT = 2000
"""Links of one page that are noted."""

_REQUISITE = "E"
_HOPS = frozenset("LEXRM")


class OutLink(Struct, frozen=True):
    """A link as a metadata record tells it: `URL CODE CONTEXT`."""

    url: str
    hop: str
    """Heritrix's letter: L link, E embed, X guess, R redirect, M sitemap."""
    context: str

    @property
    def is_requisite(self) -> bool:
        return self.hop == _REQUISITE


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def page_text(record: StoredRecord, message: Message) -> tuple[str | None, str]:
    """A page's title and text, as far as TEXT_LIMIT. Nothing is raised for what the bytes hold."""
    pieces = decoded(
        iter([record.beginning()[message.body :]]),
        message.codings("Transfer-Encoding"),
        message.codings("Content-Encoding"),
        [],
    )
    data = b"".join(islice(pieces, 2))[:TEXT_LIMIT]
    return page_words(decode_text(data, message.headers.get("Content-Type", "")))


def out_links(fields: Fields) -> list[OutLink]:
    """The links that a metadata record tells, in its order."""
    return list(islice(_links(fields.getall("outlink", [])), LINK_LIMIT))


def failure(fields: Fields) -> str | None:
    """Why there was no answer; None if there was."""
    said = fields.get("failure")
    reason = fields.get("reason")
    return f"{said}: {reason}" if said and reason else said


def _links(values: Iterable[str]) -> Iterable[OutLink]:
    for value in values:
        url, _, rest = value.partition(" ")
        hop, _, context = rest.partition(" ")
        if url and hop[:1] in _HOPS:
            yield OutLink(url, hop[:1], context)
