"""Labelled digests, as WARC 1.1 sections 5.8 and 5.9 write them: `algorithm:value`."""

from __future__ import annotations

import base64
import enum
import hashlib
from collections.abc import Iterable, Iterator

from storage.httpmessage import dechunk
from storage.records import Block, HttpPayload

Data = bytes | memoryview


class DigestAlgorithm(enum.StrEnum):
    """One for a whole archive: readers compare digests as text, so two kinds would never match."""

    SHA256 = "sha256"
    """Written in lowercase hex."""
    SHA1 = "sha1"
    """Written in base32, for older tools."""


class Digester:
    """A digest that grows with its data."""

    __slots__ = ("_algorithm", "_hash", "update")

    def __init__(self, algorithm: DigestAlgorithm) -> None:
        self._algorithm = algorithm
        self._hash = hashlib.sha256() if algorithm is DigestAlgorithm.SHA256 else hashlib.sha1(usedforsecurity=False)
        self.update = self._hash.update

    def label(self) -> str:
        """The digest of everything so far, with its label."""
        return _label(self._algorithm, self._hash.digest())


def digest_of(data: Data, algorithm: DigestAlgorithm) -> str:
    """The labelled digest of bytes in memory."""
    if algorithm is DigestAlgorithm.SHA256:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"
    return _label(algorithm, hashlib.sha1(data, usedforsecurity=False).digest())


def payload_digest(block: bytes | Block, payload: HttpPayload, algorithm: DigestAlgorithm) -> str:
    """The digest of what a block of an HTTP message carries: after the head, freed from the chunked coding, content
    codings as they are (WARC 1.1 section 5.9, RFC 9110 section 6.4). A torn body counts as far as it goes."""
    if not isinstance(block, bytes):
        return _payload_digest(block.chunks(), payload, algorithm)
    if payload.chunked:
        return _payload_digest((block,), payload, algorithm)
    return digest_of(memoryview(block)[payload.head_end :], algorithm)


def digests_of(block: bytes | Block, payload: HttpPayload | None, algorithm: DigestAlgorithm) -> tuple[str, str | None]:
    """Block digest and payload digest (None without a payload), reading a block that is not in memory once."""
    known = None if payload is None else payload.digest
    if isinstance(block, bytes):
        if payload is None or known is not None:
            return digest_of(block, algorithm), known
        return digest_of(block, algorithm), payload_digest(block, payload, algorithm)
    whole = Digester(algorithm)
    pieces = _watched(block.chunks(), whole)
    digest = known if payload is None or known is not None else _payload_digest(pieces, payload, algorithm)
    for _ in pieces:  # what follows the framed body, or all of it
        pass
    return whole.label(), digest


def _watched(pieces: Iterable[bytes], whole: Digester) -> Iterator[bytes]:
    for piece in pieces:
        whole.update(piece)
        yield piece


def _payload_digest(pieces: Iterable[bytes], payload: HttpPayload, algorithm: DigestAlgorithm) -> str:
    digester = Digester(algorithm)
    body = _after(pieces, payload.head_end)
    for piece in dechunk(body) if payload.chunked else body:
        digester.update(piece)
    return digester.label()


def _after(pieces: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """The pieces without their first `skip` bytes."""
    for piece in pieces:
        if skip >= len(piece):
            skip -= len(piece)
        elif skip:
            yield piece[skip:]
            skip = 0
        else:
            yield piece


def _label(algorithm: DigestAlgorithm, digest: bytes) -> str:
    value = digest.hex() if algorithm is DigestAlgorithm.SHA256 else base64.b32encode(digest).decode("ascii")
    return f"{algorithm}:{value}"
