"""Identical payloads are kept once: which captures of a batch become revisits, and of which records.

One look into the ledger a batch. What is new in the batch is remembered for the batch alone: its digests enter the
ledger in the transaction that commits their records, so a batch that is undone leaves none behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from crawler.archiving.recording import Recording, message_of, recording_of
from crawler.capture import Capture
from crawler.concurrency.threads import in_thread
from crawler.earlier.revisit import Original, Profile, Revisit, worth_comparing
from storage import DigestAlgorithm, RecordType, payload_digest


class Originals(Protocol):
    """Where whole records are looked up by the digests of their payloads."""

    async def originals(self, digests: Sequence[str]) -> Mapping[str, Original]:
        """The record for each of these digests that is known, by digest."""


class Dedupe:
    """Composes the records of batches; `sources` are asked in their order."""

    def __init__(self, digest: str, sources: Sequence[Originals]) -> None:
        self._algorithm, self._sources = DigestAlgorithm(digest), sources

    async def recordings(self, batch: Sequence[Capture]) -> list[Recording | None]:
        """The records of each capture, in order; a payload that is known already is not among them."""
        digests = await self._digests(batch)
        known = await self._known(list(dict.fromkeys(digests.values())))
        found: list[Recording | None] = []
        for place, capture in enumerate(batch):
            digest = digests.get(place)
            original = None if digest is None else known.get(digest)
            revisit = None if original is None else Revisit(Profile.IDENTICAL, original)
            recording = recording_of(capture, digest, revisit)
            found.append(recording)
            if recording is not None and digest is not None and original is None:
                known[digest] = _original_in(recording, digest)
        return found

    async def _digests(self, batch: Sequence[Capture]) -> dict[int, str]:
        """The payload digests of those captures that may become revisits, by their place in the batch."""
        wanted = [
            (place, capture)
            for place, capture in enumerate(batch)
            if capture.revisit is None and worth_comparing(capture.exchange)
        ]
        return await in_thread(None, self._digest, wanted) if wanted else {}

    def _digest(self, wanted: Sequence[tuple[int, Capture]]) -> dict[int, str]:
        found = {}
        for place, capture in wanted:
            assert capture.exchange is not None
            block, payload = message_of(capture.exchange)
            found[place] = payload_digest(block, payload, self._algorithm)
        return found

    async def _known(self, digests: Sequence[str]) -> dict[str, Original]:
        known: dict[str, Original] = {}
        for source in self._sources:
            missing = [digest for digest in digests if digest not in known]
            if missing:
                known.update(await source.originals(missing))
        return known


def _original_in(recording: Recording, digest: str) -> Original:
    """The response among the records of a capture, for those that follow it in the batch."""
    record = recording.records[recording.primary]
    assert record.type is RecordType.RESPONSE
    assert record.target_uri is not None
    return Original(record.target_uri, record.date, record.id, digest)
