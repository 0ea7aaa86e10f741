"""Pages that are nearly the same again and again: the sign of a trap whose URLs look like any others. Pure.

Pages are compared with earlier ones of the same *pattern* (crawler/rules/patterns.py). A page is a *repeat* if title
and requisites are those of an earlier one and 95 % of its words are. A pattern with many repeats is *spent*: from then
on the links of further repeats are followed only to patterns that are not spent. So a page that differs is followed
whatever came before it, and what lies beyond a trap is found.

Only pages that bring new links count, and most are never looked at: those of a pattern with few pages, unless they
look like a trap's (many links from the seed, many segments, many parameters); and while the pages of a pattern turn out
to be different, one of 128. What is known lives as long as the run and is bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crawler.model import CrawlURL, Kind, Outlink
from crawler.rules.fingerprint import Sketch, heading, likeness, sketch
from crawler.rules.patterns import has_parameters, pattern_of
from crawler.rules.values import FOLLOWED

MANY_PAGES = 50
"""Pages of a pattern before the next are looked at."""
MANY_WITH_PARAMETERS = 10
DEEP = 100
"""Links from the seed."""
MANY_SEGMENTS = 8
MANY_PARAMETERS = 3
MOST_REPEATS = 200
MOST_SUSPICIOUS_REPEATS = 30
"""The same for URLs with parameters, and for those that look like a trap's."""
ALIKE = 0.95
MAX_INTERVAL = 128
MAX_HEADINGS = 1000
PATIENCE = 20
"""Different pages in a row, after which fewer are looked at."""
MAX_SKETCHES = 16
"""Of one heading: more than the months of a year."""
MAX_PATTERNS = 20_000


@dataclass(slots=True)
class _Pattern:
    """What is known of the pages of one pattern."""

    pages: int = 0
    repeats: int = 0
    different: int = 0
    """Pages looked at since the last repeat."""
    interval: int = 0
    """Pages to leave out between two looks."""
    pause: int = 0
    """Pages to leave out before the next."""
    seen: dict[int, list[Sketch]] = field(default_factory=dict)


class Repeats:
    """The patterns of a run. Asked for each page with new links, after they were judged."""

    def __init__(self) -> None:
        self._patterns: dict[str, _Pattern] = {}

    def unwanted(
        self, url: CrawlURL, title: str | None, requisites: Iterable[str], content: bytes, outlinks: Sequence[Outlink]
    ) -> Sequence[Outlink]:
        """Those of the page's new links that are not to be followed, since it is one repeat too many."""
        name = pattern_of(url.url)
        pattern = self._patterns.get(name)
        if pattern is None:
            pattern = self._add(name)
        pattern.pages += 1
        suspicious, parameters = _is_suspicious(url), has_parameters(url.url)
        if not suspicious and pattern.pages <= (MANY_WITH_PARAMETERS if parameters else MANY_PAGES):
            return ()
        if pattern.pause:
            pattern.pause -= 1
            return ()
        if not _is_repeat(pattern, url.url, title, requisites, content):
            return ()
        pattern.repeats += 1
        if not _is_spent(pattern, eagerly=suspicious or parameters):
            return ()
        return [link for link in outlinks if concerns(url.kind, link.kind) and self._leads_on(link, name)]

    def _leads_on(self, link: Outlink, name: str) -> bool:
        """True for a link into the page's own pattern, or into another that is spent."""
        other = pattern_of(link.url)
        if other == name:
            return True
        pattern = self._patterns.get(other)
        return pattern is not None and _is_spent(pattern, eagerly=has_parameters(link.url) or _has_many_parts(link.url))

    def _add(self, name: str) -> _Pattern:
        if len(self._patterns) >= MAX_PATTERNS:
            # Those with the fewest pages are forgotten: a trap's has many.
            ranked = sorted(self._patterns.items(), key=lambda item: item[1].pages, reverse=True)
            self._patterns = dict(ranked[: MAX_PATTERNS // 2])
        pattern = self._patterns[name] = _Pattern()
        return pattern


def concerns(page: Kind, link: Kind) -> bool:
    """Whether links of that kind, on a document wanted for that kind, can be the way on in a trap.

    A page leads on by its links; what came along as a requisite by its own requisites: frames in frames, style sheets
    that import others. What a page needs to be shown is fetched in any case."""
    return link in FOLLOWED if page in FOLLOWED else page is Kind.REQUISITE


def _is_repeat(pattern: _Pattern, url: str, title: str | None, requisites: Iterable[str], content: bytes) -> bool:
    """Compares the page with those before it and remembers what is new."""
    name = pattern_of(url)
    # In a row of frames, or of style sheets, each needs the next: for all of them that is the same.
    head = heading(title, (name if pattern_of(each) == name else each for each in requisites), url)
    sketches = pattern.seen.get(head)
    if sketches is None:
        if len(pattern.seen) >= MAX_HEADINGS:
            del pattern.seen[next(iter(pattern.seen))]
        pattern.seen[head] = []  # its text is looked at when the heading comes again
        _differs(pattern)
        return False
    page = sketch(content, url)
    if any(likeness(page, earlier) >= ALIKE for earlier in sketches):
        pattern.interval = pattern.different = 0
        return True
    _differs(pattern)
    if len(sketches) >= MAX_SKETCHES:
        del sketches[0]
    sketches.append(page)
    return False


def _differs(pattern: _Pattern) -> None:
    """Looks at fewer pages of a pattern whose pages are different."""
    pattern.different += 1
    if pattern.different > PATIENCE:
        pattern.interval = min(MAX_INTERVAL, pattern.interval * 2 or 1)
    pattern.pause = pattern.interval


def _is_spent(pattern: _Pattern, *, eagerly: bool) -> bool:
    return pattern.repeats > (MOST_SUSPICIOUS_REPEATS if eagerly else MOST_REPEATS)


def _is_suspicious(url: CrawlURL) -> bool:
    return url.depth >= DEEP or _has_many_parts(url.url)


def _has_many_parts(url: str) -> bool:
    return url.count("/") >= MANY_SEGMENTS + 2 or url.count("&") >= MANY_PARAMETERS - 1
