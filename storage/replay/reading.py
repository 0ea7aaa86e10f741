"""What the catalogue notes of one record: pure reading, no I/O of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from selectolax.lexbor import LexborHTMLParser

from storage.charset import decode_text
from storage.codings import decoded
from storage.httpmessage import Head, ResponseFramer, parse_head
from storage.stored import StoredRecord

TEXT_LIMIT = 2 << 20
"""Bytes of a page that are searched for text."""
WORDS_LIMIT = 200_000
"""Characters of its text that are indexed."""
TITLE_LIMIT = 300
LINK_LIMIT = 2000
"""Links of one page that are noted."""

_SPACE = re.compile(r"\s+")
_EMBEDS = "E"
_HOPS = frozenset("LEXRM")


@dataclass(frozen=True, slots=True)
class OutLink:
    """A link as a metadata record tells it: `URL CODE CONTEXT`."""

    url: str
    hop: str
    """Heritrix's letter: L link, E embed, X guess, R redirect, M sitemap."""
    context: str

    @property
    def is_requisite(self) -> bool:
        return self.hop == _EMBEDS


@dataclass(frozen=True, slots=True)
class About:
    """What a metadata record says of an exchange."""

    title: str | None
    links: tuple[OutLink, ...]
    failure: str | None
    """Why there was no answer."""
    fields: tuple[tuple[str, str], ...]
    """All of it, in order."""


def http_head(record: StoredRecord) -> tuple[Head, int] | None:
    """The head of the HTTP message in a response or revisit, and where its body begins in the block; else None."""
    if not record.content_type.lower().startswith("application/http"):
        return None
    framer = ResponseFramer()
    data = record.beginning()
    framer.feed(data)
    if framer.head_end is None:
        if not data.lstrip().startswith(b"HTTP/"):
            return None
        return parse_head(data), len(data)  # a revisit's head may stand without its empty line
    return Head(framer.status, framer.reason, framer.version, framer.headers), framer.head_end


def field(head: Head | None, name: str) -> str:
    """A header's values, joined as RFC 9110 section 5.3 says; "" if there is none."""
    if head is None:
        return ""
    return ", ".join(value for key, value in head.headers if key.lower() == name)


def essence(content_type: str) -> str:
    """A media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def page_text(record: StoredRecord, head: Head | None, start: int) -> tuple[str | None, str]:
    """A page's title and text, as far as TEXT_LIMIT. Nothing is raised for what the bytes hold."""
    notes: list[str] = []
    pieces = decoded(
        iter([record.beginning()[start:]]),
        _codings(head, "transfer-encoding"),
        _codings(head, "content-encoding"),
        notes,
    )
    data = b"".join(islice(pieces, 2))[:TEXT_LIMIT]
    tree = LexborHTMLParser(decode_text(data, field(head, "content-type")))
    found = tree.css_first("title")
    title = None if found is None else tidy(found.text())[:TITLE_LIMIT]
    for node in tree.css("script, style, noscript, template, head"):
        node.decompose()
    text = "" if tree.body is None else tree.body.text(separator=" ")
    return title or None, tidy(text)[:WORDS_LIMIT]


def tidy(text: str) -> str:
    """Without lone surrogates, and white space made one space."""
    return _SPACE.sub(" ", text.encode("utf-8", "replace").decode("utf-8")).strip()


def about(record: StoredRecord) -> About:
    """A metadata record of application/warc-fields, whoever wrote it."""
    fields = []
    for line in record.beginning().decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name.strip(), value.strip()))
    links = [link for name, value in fields if name == "outlink" and (link := out_link(value))]
    named = dict(fields)
    failure = named.get("failure")
    reason = None if failure is None else f"{failure}: {named['reason']}" if named.get("reason") else failure
    title = named.get("title")
    return About(tidy(title)[:TITLE_LIMIT] if title else None, tuple(links[:LINK_LIMIT]), reason, tuple(fields))


def out_link(value: str) -> OutLink | None:
    """`URL CODE CONTEXT`."""
    url, _, rest = value.partition(" ")
    hop, _, context = rest.partition(" ")
    return OutLink(url, hop[:1], context) if url and hop[:1] in _HOPS else None


def _codings(head: Head | None, name: str) -> Sequence[str]:
    return [coding for coding in field(head, name).split(",") if coding.strip()]
