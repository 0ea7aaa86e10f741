"""Two states of a part of the web beside each other: which URLs are new, gone, or say something else.

Told from the newest capture of each URL on either side: by the payload's digest, and by the status where that went from
good to bad. Both sides come in the order of their keys, so nothing is held but the captures of one key.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from storage.capture import Capture


class Change(enum.StrEnum):
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    SAME = "same"


class Difference(NamedTuple):
    """One URL."""

    change: Change
    url: str
    before: Capture | None
    now: Capture | None


def compare(before: Iterable[Capture], now: Iterable[Capture]) -> Iterator[Difference]:
    """Every URL of either side, in the order of their keys. Raises ArchiveError, OSError."""
    old, new = _by_key(before), _by_key(now)
    left, right = next(old, None), next(new, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield from _differences(left[1], {})
            left = next(old, None)
        elif left is None or right[0] < left[0]:
            yield from _differences({}, right[1])
            right = next(new, None)
        else:
            yield from _differences(left[1], right[1])
            left, right = next(old, None), next(new, None)


def _by_key(captures: Iterable[Capture]) -> Iterator[tuple[str, dict[str, Capture]]]:
    """The newest capture of each URL; they come oldest first."""
    for key, group in groupby(captures, key=lambda capture: "" if capture.entry is None else capture.entry.key):
        newest: dict[str, Capture] = {}
        for capture in group:
            known = newest.get(capture.url)
            if known is None or capture.status is not None or known.status is None:
                newest[capture.url] = capture
        yield key, newest


def _differences(before: dict[str, Capture], now: dict[str, Capture]) -> Iterator[Difference]:
    for url in sorted(before.keys() | now.keys()):
        old, new = before.get(url), now.get(url)
        yield Difference(_change(old, new), url, old, new)


def _change(old: Capture | None, new: Capture | None) -> Change:
    was, is_ = old is not None and _good(old), new is not None and _good(new)
    if old is None or (not was and is_):
        return Change.NEW
    if new is None or (was and not is_):
        return Change.GONE
    return Change.SAME if old.status == new.status and _same_payload(old, new) else Change.CHANGED


def _good(capture: Capture) -> bool:
    return capture.status is None or capture.status < 400


def _same_payload(old: Capture, new: Capture) -> bool:
    one, other = _digest(old), _digest(new)
    if one is not None and other is not None and one.partition(":")[0] == other.partition(":")[0]:
        return one == other
    return _content_hash(old) == _content_hash(new)


def _digest(capture: Capture) -> str | None:
    assert capture.entry is not None
    if capture.entry.digest is None and capture.revisit:
        return capture.payload_record.header.get("WARC-Payload-Digest")
    return capture.entry.digest


def _content_hash(capture: Capture) -> bytes:
    """For two archives whose digests are of different kinds."""
    digest = hashlib.sha256()
    for piece in capture.chunks():
        digest.update(piece)
    return digest.digest()
