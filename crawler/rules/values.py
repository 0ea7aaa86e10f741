"""What a rule is and what it says. Pure values."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from crawler.model import Kind
from crawler.scopekind import ScopeKind

FOLLOWED = frozenset({Kind.NAVIGATION, Kind.GUESS})
"""Kinds that lead on to a page, as a reader would go; the others come along with one, or speak of a site."""


class Verdict(Struct, frozen=True):
    """What the rules said, and which of them."""

    accepted: bool
    rule: str
    why: str = ""
    """The same in words, for people."""


Judge = Callable[[str, Kind, int, int, int], Verdict | None]
"""Asked for URL, kind, depth, hops beyond the scope and nesting; None where the rule has nothing to say."""


class Rule(Struct, frozen=True):
    """One link of the chain."""

    name: str
    judge: Judge


class RuleSaid(Struct, frozen=True):
    """What one rule of the chain said of a URL."""

    rule: str
    accepted: bool | None
    """None: it had nothing to say."""
    why: str
    decided: bool
    """True for the last rule that said anything: what it said holds."""


class SeedRules(Struct, frozen=True):
    """What holds for the URLs that descend from a seed: the crawl's options, or the seed's own in their place."""

    scope: ScopeKind = ScopeKind.HOST
    max_depth: int | None = None
    offsite_links: int = 0
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()


def matching(name: str, patterns: tuple[re.Pattern[str], ...], *, accepted: bool) -> Rule:
    """A rule that accepts, or rejects, what one of the patterns is found in."""
    verdicts = {each: Verdict(accepted, name, f"matches {each.pattern}") for each in patterns}

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        for pattern in patterns:
            if pattern.search(url):
                return verdicts[pattern]
        return None

    return Rule(name, judge)
