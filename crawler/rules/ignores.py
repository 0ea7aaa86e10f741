"""Ignore patterns: the lines of DIR/ignores and the ready-made sets, as rules. Pure.

    # a comment
    /calendar/[0-9]{4}
    set:forums

One regular expression a line, searched for anywhere in the URL. A line that cannot be read costs itself alone. The
sets stand before `include` in the chain, one's own patterns at its very end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from crawler.model import Kind
from crawler.rules.ignoresets import SETS
from crawler.rules.values import Rule, Verdict

RULE = "ignores"
SET_MARK = "set:"


class Ignores(Struct, frozen=True):
    """What is to be ignored now."""

    sets: tuple[str, ...] = ()
    """Names of ready-made sets."""
    patterns: tuple[re.Pattern[str], ...] = ()
    """One's own."""

    def with_sets(self, names: Iterable[str]) -> Ignores:
        """These, and further sets."""
        return Ignores(tuple(dict.fromkeys((*names, *self.sets))), self.patterns)

    @property
    def set_rules(self) -> list[Rule]:
        return [_ignoring(f"ignore-set {name}", tuple(map(re.compile, SETS[name]))) for name in self.sets]

    @property
    def own_rules(self) -> list[Rule]:
        return [_ignoring(RULE, self.patterns)] if self.patterns else []


def parse_ignores(text: str, name: str) -> tuple[Ignores, list[str]]:
    """The content of an ignores file called `name`, and what is wrong with it: `DIR/ignores:3: …`."""
    sets: dict[str, None] = {}
    patterns: dict[str, re.Pattern[str]] = {}
    complaints: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if line.startswith(SET_MARK):
                sets.update(dict.fromkeys(check_sets([line.removeprefix(SET_MARK).strip()])))
            else:
                patterns[line] = re.compile(line)
        except (re.error, OverflowError) as error:
            complaints.append(f"{name}:{number}: {line!r} is not a regular expression: {error}")
        except ValueError as error:
            complaints.append(f"{name}:{number}: {error}")
    return Ignores(tuple(sets), tuple(patterns.values())), complaints


def check_sets(names: Sequence[str]) -> Sequence[str]:
    """The names, if all of them are names of sets. Raises ValueError."""
    for name in names:
        if name not in SETS:
            raise ValueError(f"there is no ignore set {name!r}; there are {', '.join(SETS)}")
    return names


def _ignoring(name: str, patterns: tuple[re.Pattern[str], ...]) -> Rule:
    """Rejects what a pattern is found in; hundreds of them cost little more than one."""
    verdicts = {each: Verdict(False, name, f"matches {each.pattern}") for each in patterns}
    plain = [each for each in patterns if not each.groups and each.flags == re.UNICODE]
    others = [each for each in patterns if each not in plain]
    # Groups and flags of one's own cannot stand beside others in one expression.
    joined = re.compile("|".join(f"(?:{each.pattern})" for each in plain)) if plain else None

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        if joined is not None and joined.search(url):
            return next(verdicts[each] for each in plain if each.search(url))
        for each in others:
            if each.search(url):
                return verdicts[each]
        return None

    return Rule(name, judge)
