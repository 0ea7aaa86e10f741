"""What an archive holds, counted from its index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from storage.lines import Entry


@dataclass(slots=True)
class Tally:
    """Counts of captures; `bytes` are those of their records in the files."""

    captures: int = 0
    urls: int = 0
    revisits: int = 0
    bytes: int = 0
    first: str = ""
    last: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    mimes: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry, *, new_url: bool) -> None:
        self.captures += 1
        self.urls += new_url
        self.revisits += entry.revisit
        self.bytes += entry.length or 0
        self.first = min(self.first or entry.timestamp, entry.timestamp)
        self.last = max(self.last, entry.timestamp)
        self.statuses["none" if entry.status is None else str(entry.status)] += 1
        self.mimes[entry.mime] += 1
        self.hosts[host_of(entry.key)] += 1
        self.days[f"{entry.timestamp[:4]}-{entry.timestamp[4:6]}-{entry.timestamp[6:8]}"] += 1


def tally(entries: Iterable[Entry]) -> Tally:
    """Counts captures, which come in the order of the index."""
    counted, key, seen = Tally(), "", set[str]()
    for entry in entries:
        if entry.key != key:
            key, seen = entry.key, set()
        counted.add(entry, new_url=entry.url not in seen)
        seen.add(entry.url)
    return counted


def host_of(key: str) -> str:
    """`com,example,docs:8080)/path` is of `docs.example.com:8080`."""
    place, paren, _ = key.partition(")")
    if not paren:
        return key.partition(":")[0] + ":"
    name, colon, port = place.partition(":")
    if name.count(":") or port.count(":"):  # an IPv6 address is not reversed
        return place
    return ".".join(reversed(name.split(","))) + colon + port
