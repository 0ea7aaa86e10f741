"""Whether rules take in more than they did: then links that were rejected before may be wanted now. Pure.

What is not certain counts as wider: the price is one look at each stored page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from crawler.config import CrawlConfig
from crawler.rules.ignores import Ignores
from crawler.scopekind import ScopeKind

InForce = Mapping[str, Any]
"""Names and values of the rules, as JSON has them."""

_LIMITS = ("max_depth", "offsite_links", "host_pages")
_SWITCHES = ("traps", "respect_nofollow")
"""On, they keep URLs out."""
_KEEPING_OUT = ("exclude", "ignore_sets", "ignores", "reject_types")


def in_force(config: CrawlConfig, ignores: Ignores) -> InForce:
    """The rules that a configuration and the ignore patterns make."""
    names = ("scope", "include", "exclude", "seed_options", "accept_types", "reject_types", *_LIMITS, *_SWITCHES)
    rules = {name: _plain(getattr(config, name)) for name in names}
    return {**rules, "ignore_sets": list(ignores.sets), "ignores": [each.pattern for each in ignores.patterns]}


def widened(before: InForce, now: InForce) -> bool:
    """True if a URL may be accepted now that was not before. A rule that only one of the two knows is left aside."""
    both = before.keys() & now.keys()
    kinds = list(map(str, ScopeKind))
    return (
        ("scope" in both and kinds.index(now["scope"]) > kinds.index(before["scope"]))
        or any(_limit(now[name]) > _limit(before[name]) for name in both.intersection(_LIMITS))
        or any(before[name] and not now[name] for name in both.intersection(_SWITCHES))
        or any(set(before[name]) - set(now[name]) for name in both.intersection(_KEEPING_OUT))
        or ("accept_types" in both and _wider_types(before["accept_types"], now["accept_types"]))
        or ("include" in both and bool(set(now["include"]) - set(before["include"])))
        or ("seed_options" in both and set(now["seed_options"]) != set(before["seed_options"]))
    )


def _wider_types(before: Sequence[str], now: Sequence[str]) -> bool:
    return bool(before) and (not now or bool(set(now) - set(before)))


def _limit(value: int | None) -> float:
    return math.inf if value is None else value


def _plain(value: object) -> object:
    if isinstance(value, str):
        return str(value)
    return list(value) if isinstance(value, Sequence) else value
