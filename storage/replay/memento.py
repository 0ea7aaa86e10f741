"""Memento, RFC 7089: the words in which archives tell of captures of one URL. No I/O.

URI-R  the original             URI-M  /replay/TIMESTAMP/URL
URI-G  /timegate/URL            URI-T  /timemap/link/URL
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from storage.replay.address import moment_of, replay_path
from storage.replay.queries import Entry


def http_date(timestamp: str) -> str:
    """`Tue, 20 Jan 2026 03:04:05 GMT`."""
    moment = moment_of(timestamp)
    return format_datetime(datetime.fromtimestamp(0, UTC) if moment is None else moment, usegmt=True)


def accepted(header: str | None) -> datetime | None:
    """An Accept-Datetime. Raises ValueError for one that is no date: section 4.5.3 wants a 400."""
    if header is None:
        return None
    moment = parsedate_to_datetime(header)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def capture_links(base: str, url: str) -> str:
    """The Link header of a capture (section 2.2)."""
    return ", ".join((_link(url, "original"), *_gates(base, url)))


def gate_links(base: str, url: str, chosen: Entry, first: Entry, last: Entry) -> str:
    """The Link header of a TimeGate's answer."""
    links = [_link(url, "original"), *_gates(base, url)]
    return ", ".join(
        [*links, *(_memento(base, entry, (first, last)) for entry in dict.fromkeys((first, chosen, last)))]
    )


def timemap(base: str, url: str, entries: Sequence[Entry]) -> str:
    """A TimeMap in link format (section 5)."""
    links = [_link(url, "original"), *_gates(base, url)]
    ends = (entries[0], entries[-1]) if entries else ()
    return ",\n".join([*links, *(_memento(base, entry, ends) for entry in entries)]) + "\n"


def _gates(base: str, url: str) -> tuple[str, str]:
    return (
        _link(f"{base}/timegate/{url}", "timegate"),
        _link(f"{base}/timemap/link/{url}", "timemap", 'type="application/link-format"'),
    )


def _memento(base: str, entry: Entry, ends: Sequence[Entry]) -> str:
    words = [word for word, end in zip(("first", "last"), ends, strict=False) if end == entry]
    path = replay_path(entry.url, entry.timestamp)
    return _link(f"{base}{path}", " ".join([*words, "memento"]), f'datetime="{http_date(entry.timestamp)}"')


def _link(url: str, relation: str, more: str = "") -> str:
    safe = "".join(
        char if char.isascii() and char.isprintable() and char not in '<>" ' else _percent(char) for char in url
    )
    return f'<{safe}>; rel="{relation}"' + (f"; {more}" if more else "")


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
