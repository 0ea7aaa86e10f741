"""The rules in their order, and how they decide. Pure; docs/scope.md tells it to users.

    scope            the seed's scope: accepts what lies in it; requisites and sitemaps from anywhere
    offsite-links    accepts links up to N hops beyond the scope
    trap-…           reject what an endless site looks like (crawler/rules/traps.py)
    ignore-set …     ready-made patterns reject
    include          accepts
    max-depth        rejects what is too many links from its seed
    requisite hops   rejects requisites too far beyond the scope
    host-pages       rejects pages of a host that has given enough of them
    media-type       rejects what is not to be kept, by its extension
    exclude          rejects
    ignores          rejects by the patterns in DIR/ignores

The last rule that decides wins. Only rules in force are in the chain; it is asked from its end, so that the first one
that says anything has decided.
"""

from __future__ import annotations

from collections.abc import Callable

from crawler.model import Kind
from crawler.rules.areas import Areas
from crawler.rules.ignores import RULE as IGNORES
from crawler.rules.ignores import Ignores
from crawler.rules.traps import NESTING
from crawler.rules.types import RULE as MEDIA_TYPE
from crawler.rules.types import TypeFilter
from crawler.rules.values import FOLLOWED, Rule, RuleSaid, SeedRules, Verdict, matching

MAX_OFFSITE_HOPS = 2
MOST_CHAINS = 10_000
"""Seeds whose chains are kept."""

SCOPE, OFFSITE, INCLUDE, MAX_DEPTH = "scope", "offsite-links", "include", "max-depth"
REQUISITE_HOPS, HOST_PAGES, EXCLUDE = "requisite hops", "host-pages", "exclude"
ACCEPTED = Verdict(True, SCOPE, "in the seed's scope")
OUT_OF_SCOPE = Verdict(False, SCOPE, "beyond the seed's scope")
_FROM_ANYWHERE = Verdict(True, SCOPE, "may come from anywhere")
_SUBMITTED = Verdict(True, SCOPE, "submitted, or where what was submitted leads")
_NEAR_ENOUGH = Verdict(True, OFFSITE, "few enough links beyond the scope")
_TOO_FAR = Verdict(False, REQUISITE_HOPS, f"more than {MAX_OFFSITE_HOPS} hops beyond the scope")
BY_THE_WAY = frozenset({SCOPE, OFFSITE, MAX_DEPTH, REQUISITE_HOPS, NESTING})
"""What these rules say of a URL depends on how it was found."""
FLEETING = BY_THE_WAY | {HOST_PAGES}
"""What these rules say of a link depends on the page it stands on, or on the moment."""
_NAMES = FLEETING | {INCLUDE, EXCLUDE, IGNORES, MEDIA_TYPE}


def is_rule(name: str) -> bool:
    """True for the name of a rule of the chain, as an excluded URL has it for its reason."""
    return name in _NAMES or name.startswith(("trap-", "ignore-set ", f"{MEDIA_TYPE} "))


class Chains:
    """Each seed's chain of rules."""

    def __init__(
        self,
        areas: Areas,
        rules_of: Callable[[int], SeedRules],
        traps: tuple[Rule, ...],
        spent: Callable[[str], bool] | None,
        types: TypeFilter | None,
    ) -> None:
        self._areas, self._rules_of = areas, rules_of
        self._traps, self._spent, self._types = traps, spent, types
        self._ignored: tuple[list[Rule], list[Rule]] = ([], [])
        """By sets, and by one's own patterns."""
        self._chains: dict[int, tuple[Rule, ...]] = {}

    def ignore(self, ignores: Ignores) -> None:
        """From now on these patterns hold, and no earlier ones."""
        self._ignored = ignores.set_rules, ignores.own_rules
        self._chains.clear()

    def verdict(self, url: str, kind: Kind, depth: int, offsite: int, seed: int, nesting: int = 0) -> Verdict:
        """What the rules say of a URL on its own. `offsite`: hops beyond the scope, of links or of requisites;
        `nesting`: as a CrawlURL has it, 0 where that is not known yet."""
        for rule in reversed(self._of(seed)):
            said = rule.judge(url, kind, depth, offsite, nesting)
            if said is not None:
                return said
        return ACCEPTED

    def explain(self, url: str, kind: Kind, depth: int, offsite: int, seed: int, nesting: int = 0) -> list[RuleSaid]:
        """The chain in its order, with what each rule says of the URL; the one that `decided` is `verdict`'s."""
        said = [(rule.name, rule.judge(url, kind, depth, offsite, nesting)) for rule in self._of(seed)]
        last = max((index for index, (_, verdict) in enumerate(said) if verdict is not None), default=-1)
        return [
            RuleSaid(name, None, "", decided=False)
            if verdict is None
            else RuleSaid(verdict.rule, verdict.accepted, verdict.why, decided=index == last)
            for index, (name, verdict) in enumerate(said)
        ]

    def _of(self, seed: int) -> tuple[Rule, ...]:
        chain = self._chains.get(seed)
        if chain is None:
            if len(self._chains) >= MOST_CHAINS:
                self._chains.clear()
            chain = self._chains[seed] = tuple(self._make(seed, self._rules_of(seed)))
        return chain

    def _make(self, seed: int, rules: SeedRules) -> list[Rule]:
        chain = [self._scope_rule(seed)]
        if rules.offsite_links:
            chain.append(_offsite_rule(rules.offsite_links))
        usual = (*self._traps, *self._ignored[0])
        chain += usual if seed > 0 else map(_for_links, usual)
        if rules.include:
            chain.append(matching(INCLUDE, rules.include, accepted=True))
        if rules.max_depth is not None:
            chain.append(_depth_rule(rules.max_depth))
        chain.append(Rule(REQUISITE_HOPS, _requisite_hops))
        if self._spent is not None:
            chain.append(_budget_rule(self._spent))
        if self._types is not None:
            chain.append(self._types.rule)
        if rules.exclude:
            chain.append(matching(EXCLUDE, rules.exclude, accepted=False))
        return chain + self._ignored[1]

    def _scope_rule(self, seed: int) -> Rule:
        holds = self._areas.holds

        def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict:
            if kind not in FOLLOWED:
                return _FROM_ANYWHERE
            if seed <= 0 and depth == 0:
                return _SUBMITTED
            return ACCEPTED if holds(url, seed) else OUT_OF_SCOPE

        return Rule(SCOPE, judge)


def _offsite_rule(most: int) -> Rule:
    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        return _NEAR_ENOUGH if kind in FOLLOWED and 0 < offsite <= most else None

    return Rule(OFFSITE, judge)


def _for_links(rule: Rule) -> Rule:
    """The rule, but not for what was submitted itself."""

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        submitted = depth == 0 and kind is Kind.NAVIGATION
        return None if submitted else rule.judge(url, kind, depth, offsite, nesting)

    return Rule(rule.name, judge)


def _depth_rule(most: int) -> Rule:
    too_deep = Verdict(False, MAX_DEPTH, f"more than {most} links from its seed")

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        return too_deep if kind in FOLLOWED and depth > most else None

    return Rule(MAX_DEPTH, judge)


def _budget_rule(spent: Callable[[str], bool]) -> Rule:
    verdict = Verdict(False, HOST_PAGES, "its host has given all the pages that it may")

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        return verdict if kind is Kind.NAVIGATION and spent(url) else None

    return Rule(HOST_PAGES, judge)


def _requisite_hops(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    return _TOO_FAR if offsite > MAX_OFFSITE_HOPS and kind not in FOLLOWED else None
