"""Options of a single seed, written behind its URL: `https://a.example/docs/ scope=prefix depth=3 delay=2`. Pure.

    scope depth offsite-links    in place of the crawl's own
    include exclude              beside the crawl's own; may be given several times
    delay per-host max-pages     of the seed's host; where the seeds of one host differ, the more careful value holds

A seed with options is text, as it stands in a seeds file; CrawlConfig keeps URLs in `seeds` and these texts in
`seed_options`, one a URL, the last one given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from crawler.scopekind import ScopeKind
from crawler.units import parse_duration
from crawler.urls import host_of, seed_url

AUTO = "auto"
_GAP = re.compile(r"\s\s|[^\S ]")
"""White space that no address has."""
_OPTIONS_BEHIND = re.compile(r"(?:\s+[A-Za-z][A-Za-z_-]*=\S*)+\s*$")
MOST_OFFSITE_LINKS = 14
"""More hops than this are not told apart by the frontier."""


@dataclass(frozen=True, slots=True)
class SeedOptions:
    """What a seed has of its own; None where the crawl's options hold."""

    scope: ScopeKind | None = None
    depth: int | None = None
    offsite_links: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    delay: float | str | None = None
    """Seconds, or `auto`."""
    per_host: int | None = None
    max_pages: int | None = None


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What holds for one host; all in force."""

    delay: float | None
    """None is auto."""
    per_host: int


def split_seed(text: str) -> tuple[str, str]:
    """The URL and the options behind it, "" where there are none."""
    found = _OPTIONS_BEHIND.search(text)
    return (text.strip(), "") if found is None else (text[: found.start()].strip(), " ".join(found[0].split()))


def seed_with_options(text: str) -> str:
    """The seed's normalised URL with its options behind it. Raises ValueError with a sentence for the user."""
    url, options = split_seed(text)
    parse_options(options)
    _check_rest(url)
    return f"{seed_url(url)} {options}".rstrip()


def _check_rest(url: str) -> None:
    """A space may stand in an address; but what stands behind one here may be meant otherwise. Raises ValueError."""
    words = url.split()[1:]
    if _GAP.search(url):
        raise ValueError(f"what stands behind {url.split()[0]} is no option; write # before a comment")
    for word in words:
        if "://" in word:
            raise ValueError(f"there is a second URL, {word!r}; write one a line")
    if any(word.partition("=")[0] in _READERS for word in words if "=" in word):
        stray = next((word for word in words if word.partition("=")[0] not in _READERS), words[-1])
        raise ValueError(f"{stray!r} is no option; write NAME=VALUE")


def parse_options(text: str) -> SeedOptions:
    """Reads `scope=prefix depth=3`. Raises ValueError with a sentence for the user."""
    found: dict[str, Any] = {}
    for word in text.split():
        name, _, raw = word.partition("=")
        read = _READERS.get(name)
        if read is None:
            raise ValueError(f"there is no seed option {name!r}; there are {', '.join(_READERS)}")
        field = name.replace("-", "_")
        if field not in _REPEATABLE and field in found:
            raise ValueError(f"{name} is given twice")
        try:
            value = read(raw)
        except ValueError as error:
            raise ValueError(f"{name}={raw}: {error}") from None
        found[field] = (*found.get(field, ()), value) if field in _REPEATABLE else value
    return SeedOptions(**found)


def options_by_url(texts: Iterable[str]) -> dict[str, SeedOptions]:
    """The options of each seed, by its normalised URL. Raises ValueError."""
    found: dict[str, SeedOptions] = {}
    for text in texts:
        url, options = split_seed(text)
        found[seed_url(url)] = parse_options(options)
    return found


def host_limits(options: Mapping[str, SeedOptions], crawl: HostLimits) -> dict[str, HostLimits]:
    """The limits of the hosts that seeds have options for; the crawl's stand where a seed says nothing."""
    found: dict[str, HostLimits] = {}
    for url, own in options.items():
        if own.delay is None and own.per_host is None:
            continue
        delay = crawl.delay if own.delay is None else None if isinstance(own.delay, str) else own.delay
        limits = HostLimits(delay, own.per_host or crawl.per_host)
        other = found.get(host_of(url))
        found[host_of(url)] = limits if other is None else _more_careful(limits, other)
    return found


def page_budgets(options: Mapping[str, SeedOptions]) -> dict[str, int]:
    """`max-pages` by host."""
    found: dict[str, int] = {}
    for url, own in options.items():
        if own.max_pages is not None:
            host = host_of(url)
            found[host] = min(own.max_pages, found.get(host, own.max_pages))
    return found


def _more_careful(one: HostLimits, other: HostLimits) -> HostLimits:
    delay = None if one.delay is None or other.delay is None else max(one.delay, other.delay)
    return HostLimits(delay, min(one.per_host, other.per_host))


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", raw):
            raise ValueError("is not a whole number")
        if not lowest <= int(raw) <= highest:
            raise ValueError(f"must be {lowest} to {highest}")
        return int(raw)

    return read


def _scope(raw: str) -> ScopeKind:
    try:
        return ScopeKind(raw)
    except ValueError:
        raise ValueError(f"is not one of {', '.join(ScopeKind)}") from None


def _pattern(raw: str) -> str:
    if not raw:
        raise ValueError("is found in every URL")
    try:
        re.compile(raw)
    except (re.error, OverflowError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return raw


def _delay(raw: str) -> float | str:
    if raw == AUTO:
        return AUTO
    seconds = parse_duration(raw)
    if seconds > 86_400:
        raise ValueError("is more than a day")
    return seconds


_REPEATABLE = frozenset({"include", "exclude"})
_READERS: Mapping[str, Callable[[str], Any]] = {
    "scope": _scope,
    "depth": _whole(0, 65535),
    "offsite-links": _whole(0, MOST_OFFSITE_LINKS),
    "include": _pattern,
    "exclude": _pattern,
    "delay": _delay,
    "per-host": _whole(1, 10_000),
    "max-pages": _whole(1, 1 << 62),
}
assert {name.replace("-", "_") for name in _READERS} == {field.name for field in fields(SeedOptions)}
