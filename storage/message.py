"""What a record's block says as an HTTP message: its head, and where its body begins."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field
from multidict import CIMultiDict, CIMultiDictProxy

from storage.httpmessage import Head, ResponseFramer, parse_head
from storage.stored import StoredRecord

Fields = CIMultiDictProxy[str]
"""Names in any case, in order, with repeats: `.get(name)`, `.getall(name)`, `.items()`."""

_USUAL_HEAD = 16 << 10
NO_FIELDS: Fields = CIMultiDictProxy(CIMultiDict())


class Message(Struct, frozen=True):
    """An HTTP response, or what stands in its place."""

    status: int | None = None
    reason: str = ""
    version: str | None = None
    headers: Fields = field(default_factory=lambda: NO_FIELDS)
    start: int = 0
    """Where the final head begins: interim heads (1xx) may come before."""
    body: int = 0
    """Where the body begins in the block."""

    def codings(self, name: str) -> list[str]:
        """The codings that a header lists: Transfer-Encoding or Content-Encoding."""
        return [coding for value in self.headers.getall(name, []) for coding in value.split(",")]


def message_of(record: StoredRecord) -> Message:
    """The message of a response or revisit record; one without a head for any other block."""
    if not record.content_type.lower().startswith("application/http"):
        return Message()
    block = record.beginning()
    framer = ResponseFramer()
    framer.feed(block[:_USUAL_HEAD])
    if framer.is_http and framer.head_end is None:
        framer.feed(block[_USUAL_HEAD:])
    if not framer.is_http:
        return Message()
    if framer.head_end is None:  # the head is all there is: a revisit, or a torn answer
        head = parse_head(block[framer.start :])
        return _message(head, framer.start, len(block))
    head = Head(framer.status, framer.reason, framer.version, framer.headers)
    return _message(head, framer.start, framer.head_end)


def _message(head: Head, start: int, body: int) -> Message:
    headers = CIMultiDictProxy(CIMultiDict(head.headers))
    return Message(head.status, head.reason, head.version, headers, start, body)


def warc_fields(block: bytes) -> Fields:
    """The fields of an application/warc-fields block (WARC 1.1 section 4); lines that are none are passed over."""
    fields: CIMultiDict[str] = CIMultiDict()
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name.strip():
            fields.add(name.strip(), value.strip())
    return CIMultiDictProxy(fields)


def joined(several: Iterable[Fields]) -> Fields:
    """The fields of all, one after another."""
    fields: CIMultiDict[str] = CIMultiDict()
    for each in several:
        fields.extend(each)
    return CIMultiDictProxy(fields)
