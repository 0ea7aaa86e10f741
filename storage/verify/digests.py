"""Labelled digests as anybody writes them, and whether a block and its payload are what they say. Bytes in, no I/O.

Read as the community recommends (IIPC's annotated WARC 1.1, sections 5.8 and 5.9): labels in any case and with a hyphen
(`SHA-1`), values in base 16, 32 or 64, told by their length.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
from collections.abc import Iterator

from storage.chunked import ChunkScanner
from storage.httpmessage import HEAD_LIMIT, Framing, ResponseFramer
from storage.verify.header import Header, Problem
from storage.verify.rules import Rule

_SIZES = {
    "md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64, "sha3_224": 28, "sha3_256": 32,
    "sha3_384": 48, "sha3_512": 64, "blake2s": 32, "blake2b": 64,
}  # fmt: skip
_HYPHENATED = {"sha-1": "sha1", "sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}

_NOT_COMPUTED = {"xxh3", "xxh128", "blake3", "sha512-224", "sha512-256"}

_OWN_PAYLOAD = {"request", "resource", "conversion", "metadata", "warcinfo"}
"""Types whose payload is in the block: all of it, or after the head of a request."""


class Unreadable(Exception):
    """A digest that cannot be checked: the problem to report."""

    def __init__(self, rule: Rule, message: str) -> None:
        self.problem: Problem = (rule, message)
        super().__init__(message)


@functools.lru_cache(maxsize=64)
def _algorithm(label: str) -> str | None:
    name = label.strip().lower()
    name = _HYPHENATED.get(name, name.replace("-", "_") if name.startswith("sha3") else name)
    return name if name in _SIZES else None


def parse_digest(text: str) -> tuple[str, bytes]:
    """hashlib's name of the algorithm and the value. Raises Unreadable."""
    label, colon, value = text.partition(":")
    if not colon or not label or not value or " " in text:
        raise Unreadable(Rule.DIGEST_SYNTAX, repr(text[:100]))
    name = _algorithm(label) if len(label) < 20 else None
    if name is None:
        rule = Rule.DIGEST_UNCHECKED if label.lower() in _NOT_COMPUTED else Rule.DIGEST_UNKNOWN
        raise Unreadable(rule, repr(label[:40]))
    decoded = _decoded(value, _SIZES[name])
    if decoded is None:
        raise Unreadable(Rule.DIGEST_SYNTAX, f"{value[:100]!r} is no value of {name}")
    return name, decoded


def same_digest(one: str, other: str) -> bool | None:
    """Whether two labelled digests say the same; None when they cannot be compared."""
    if one == other:
        return True
    try:
        first, second = parse_digest(one), parse_digest(other)
    except Unreadable:
        return None
    return first[1] == second[1] if first[0] == second[0] else None


def _decoded(value: str, size: int) -> bytes | None:
    digits = value.rstrip("=")
    try:
        if len(digits) == 2 * size:
            return bytes.fromhex(digits)
        if len(digits) == (8 * size + 4) // 5:
            return base64.b32decode(digits + "=" * (-len(digits) % 8), casefold=True)
        if len(digits) == (8 * size + 5) // 6:
            return base64.b64decode(
                digits + "=" * (-len(digits) % 4), altchars=b"-_" if set("-_") & set(digits) else None
            )
    except (ValueError, binascii.Error):
        pass  # told by the caller, as any other wrong form
    return None


class Expected:
    """A digest that bytes are held against as they stream by."""

    def __init__(self, text: str) -> None:
        """Raises Unreadable."""
        self.text = text
        self._name, self._value = parse_digest(text)
        self._hash = hashlib.new(self._name, usedforsecurity=False)
        self.update = self._hash.update

    def holds(self) -> bool:
        return self._hash.digest() == self._value

    def again(self) -> Expected:
        return Expected(self.text)


class BlockCheck:
    """Holds one record's block against its digests. `feed` every piece, then take `problems`."""

    def __init__(self, header: Header) -> None:
        self._problems: list[Problem] = []
        self._block = self._expected(header.get("warc-block-digest"))
        self._payload: Expected | None = None
        self._http: HttpPayloadCheck | None = None
        label = header.get("warc-payload-digest")
        http = (header.get("content-type") or "").startswith("application/http")
        if header.type == "response" and http and header.get("warc-segment-number") is None:
            self._http = HttpPayloadCheck(self._expected(label), header.get("warc-truncated") is not None)
        elif label is not None and header.type in _OWN_PAYLOAD and header.get("warc-segment-number") is None:
            if header.type == "request" and http:
                self._http = HttpPayloadCheck(self._expected(label), True, is_request=True)
            elif label != header.get("warc-block-digest"):
                self._payload = self._expected(label)

    def feed(self, piece: bytes) -> None:
        if self._block is not None:
            self._block.update(piece)
        if self._http is not None:
            self._http.feed(piece)
        elif self._payload is not None:
            self._payload.update(piece)

    def problems(self) -> list[Problem]:
        """What the whole block breaks."""
        if self._block is not None and not self._block.holds():
            self._problems.append((Rule.BLOCK_DIGEST, self._block.text[:140]))
        if self._payload is not None and not self._payload.holds():
            self._problems.append((Rule.PAYLOAD_DIGEST, self._payload.text[:140]))
        if self._http is not None:
            self._problems += self._http.problems()
        return self._problems

    def _expected(self, text: str | None) -> Expected | None:
        if text is None:
            return None
        try:
            return Expected(text)
        except Unreadable as error:
            self._problems.append(error.problem)
            return None


class HttpPayloadCheck:
    """The payload of an HTTP message: what follows the head, freed from the chunked coding (sections 5.9 and 6.3.2).

    Two readings of a chunked body are hashed side by side, since many writers hash the framing too."""

    def __init__(self, expected: Expected | None, truncated: bool, *, is_request: bool = False) -> None:
        self._plain, self._is_request, self._truncated = expected, is_request, truncated
        self._freed: Expected | None = None
        self._framer = ResponseFramer()
        self._head: list[bytes] = []
        self._received = 0
        self._in_body = False
        self._chunks: ChunkScanner | None = None

    def feed(self, piece: bytes) -> None:
        self._received += len(piece)
        if self._in_body:
            self._feed_body(piece)
            return
        self._head.append(piece)
        start = self._find_body(piece)
        if start is not None or self._framer.error:
            whole, self._head = b"".join(self._head), []
            self._in_body = True
            self._feed_body(whole[start or 0 :])

    def _find_body(self, piece: bytes) -> int | None:
        """Where the body begins in all that was fed, once that is known."""
        if self._is_request:
            whole = b"".join(self._head)
            end = whole.find(b"\r\n\r\n")
            return end + 4 if end >= 0 else 0 if len(whole) > HEAD_LIMIT else None
        framer = self._framer
        framer.feed(piece)
        if framer.head_end is not None and framer.framing is Framing.CHUNKED:
            self._chunks = ChunkScanner()
            self._freed = self._plain.again() if self._plain is not None else None
        return framer.head_end

    def _feed_body(self, body: bytes) -> None:
        if self._plain is not None:
            self._plain.update(body)
        if self._chunks is not None:
            spans: list[tuple[int, int]] = []
            self._chunks.scan(body, 0, spans)
            if self._freed is not None:
                for start, stop in spans:
                    self._freed.update(body[start:stop])

    def problems(self) -> Iterator[Problem]:
        if not self._truncated and self._incomplete():
            yield Rule.NOT_TRUNCATED, f"{self._received} bytes of a longer message"
        plain, freed = self._plain, self._freed
        if plain is None:
            return
        if freed is not None and freed.holds():
            return
        if not plain.holds():
            yield Rule.PAYLOAD_DIGEST, plain.text[:140]
        elif self._chunks is not None and self._chunks.done:
            yield Rule.PAYLOAD_FRAMED, plain.text[:140]

    def _incomplete(self) -> bool:
        """True if the head promises more than came. An answer to HEAD does so too; hence a note only."""
        if self._chunks is not None:
            return not self._chunks.done and not self._chunks.last_chunk_seen and not self._chunks.error
        framer = self._framer
        if framer.framing is not Framing.LENGTH or framer.head_end is None:
            return False
        promised = next((value for name, value in framer.headers if name.lower() == "content-length"), "0")
        return framer.head_end + int(promised.partition(",")[0]) > self._received
