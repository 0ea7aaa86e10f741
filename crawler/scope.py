"""Which URLs a crawl takes: a chain of named rules over values, no I/O. docs/scope.md tells it to users.

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

import re
from collections.abc import Callable, Mapping, Sequence

from crawler.config import CrawlConfig
from crawler.frontier import rank
from crawler.model import CrawlURL, Kind, Links, Outlink, Role
from crawler.querystrip import QueryStrip
from crawler.rules.areas import Areas
from crawler.rules.ignores import Ignores
from crawler.rules.traps import trap_rules
from crawler.rules.types import TypeFilter, type_filter
from crawler.rules.values import FOLLOWED, Rule, RuleSaid, SeedRules, Verdict, matching
from crawler.scopekind import ScopeKind
from crawler.seedoptions import SeedOptions, options_by_url

MAX_OFFSITE_HOPS = 2
MAX_REDIRECTS = 20
NEVER_SEEN = 1 << 62
REMEMBERED_REJECTIONS = 50_000

SCOPE, OFFSITE, MAX_DEPTH, HOST_PAGES = "scope", "offsite-links", "max-depth", "host-pages"
ACCEPTED = Verdict(True, SCOPE, "in the seed's scope")
_FROM_ANYWHERE = Verdict(True, SCOPE, "may come from anywhere")
_OUT_OF_SCOPE = Verdict(False, SCOPE, "beyond the seed's scope")
_NEAR_ENOUGH = Verdict(True, OFFSITE, "few enough links beyond the scope")
_TOO_FAR = Verdict(False, "requisite hops", f"more than {MAX_OFFSITE_HOPS} hops beyond the scope")
_REDIRECT_LOOP = Verdict(False, "redirects", f"more than {MAX_REDIRECTS} redirects in a row")
_SUBMITTED = Verdict(True, SCOPE, "submitted, or where what was submitted leads")
_NO_RULE = Verdict(True, "seed", "seeds and robots.txt are asked for whatever the rules say")
_FLEETING = frozenset({SCOPE, OFFSITE, MAX_DEPTH, "requisite hops", HOST_PAGES})
"""What these rules say of a link depends on the page it stands on, or on the moment."""
_NAMES = _FLEETING | {"include", "exclude", "ignores", "media-type"}


def is_rule(name: str) -> bool:
    """True for the name of a rule of the chain, as an excluded URL has it for its reason."""
    return name in _NAMES or name.startswith(("trap-", "ignore-set ", "media-type "))


class Scope:
    """The rules of one crawl. `seeds` maps each seed's number to its URL and the URLs that joined it.

    A submitted URL has minus the number of a seed, or 0: it is wanted itself, wherever it is and leads, but widens no
    scope; its links are judged as that seed's."""

    def __init__(
        self,
        kind: ScopeKind,
        seeds: Mapping[int, Sequence[str]],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_depth: int | None = None,
        offsite_links: int = 0,
        year: int | None = None,
        own: Mapping[int, SeedRules] | None = None,
        spent: Callable[[str], bool] | None = None,
        types: TypeFilter | None = None,
    ) -> None:
        """`year` is the present one, for the trap rules; None leaves them out. `own`: what holds for single seeds
        instead. `spent`: whether the URL's host has given all the pages it may."""
        compiled = (tuple(map(re.compile, patterns)) for patterns in (include, exclude))
        self._default = SeedRules(kind, max_depth, offsite_links, *compiled)
        self._own = own or {}
        self._spent, self._types = spent, types
        self._traps = () if year is None else trap_rules(year)
        self._ignored: tuple[list[Rule], list[Rule]] = ([], [])
        """By sets, and by one's own patterns."""
        self._areas = Areas(seeds, lambda seed: self._rules(seed).scope)
        self._chains: dict[int, tuple[Rule, ...]] = {}
        self._rejected: dict[tuple[str, int], Verdict] = {}

    @classmethod
    def of(
        cls,
        config: CrawlConfig,
        seeds: Mapping[int, Sequence[str]],
        year: int,
        spent: Callable[[str], bool] | None = None,
    ) -> Scope:
        """The rules that a configuration means; `year` and `spent` as above."""
        return cls(
            config.scope,
            seeds,
            include=config.include,
            exclude=config.exclude,
            max_depth=config.max_depth,
            offsite_links=config.offsite_links,
            year=year if config.traps else None,
            own=_own_rules(config, seeds),
            types=type_filter(config.accept_types, config.reject_types),
            spent=spent,
        )

    def _rules(self, seed: int) -> SeedRules:
        return self._own.get(abs(seed), self._default)

    def add_seeds(self, seeds: Mapping[int, Sequence[str]]) -> None:
        """Seeds that came later."""
        for number, urls in seeds.items():
            for url in urls:
                self.join(number, url)

    def join(self, seed: int, url: str) -> None:
        """The seed's redirect led here: from now on this is in its scope, too."""
        if self._areas.join(seed, url):
            self._rejected.clear()

    def ignore(self, ignores: Ignores) -> None:
        """From now on these patterns hold, and no earlier ones."""
        self._ignored = ignores.set_rules, ignores.own_rules
        self._chains.clear()
        self._rejected.clear()

    # -- the chain ---------------------------------------------------------------------------------------------

    def _chain(self, seed: int) -> tuple[Rule, ...]:
        chain = self._chains.get(seed)
        if chain is None:
            chain = self._chains[seed] = tuple(self._make_chain(seed, self._rules(seed)))
        return chain

    def _make_chain(self, seed: int, rules: SeedRules) -> list[Rule]:
        chain = [self._scope_rule(seed)]
        if rules.offsite_links:
            chain.append(_offsite_rule(rules.offsite_links))
        usual = (*self._traps, *self._ignored[0])
        chain += usual if seed > 0 else map(_for_links, usual)
        if rules.include:
            chain.append(matching("include", rules.include, accepted=True))
        if rules.max_depth is not None:
            chain.append(_depth_rule(rules.max_depth))
        chain.append(Rule("requisite hops", _requisite_hops))
        if self._spent is not None:
            chain.append(_budget_rule(self._spent))
        if self._types is not None:
            chain.append(self._types.rule)
        if rules.exclude:
            chain.append(matching("exclude", rules.exclude, accepted=False))
        return chain + self._ignored[1]

    def _scope_rule(self, seed: int) -> Rule:
        holds = self._areas.holds

        def judge(url: str, kind: Kind, depth: int, offsite: int) -> Verdict:
            if kind not in FOLLOWED:
                return _FROM_ANYWHERE
            if seed <= 0 and depth == 0:
                return _SUBMITTED
            return ACCEPTED if holds(url, seed) else _OUT_OF_SCOPE

        return Rule(SCOPE, judge)

    # -- one URL -----------------------------------------------------------------------------------------------

    def in_scope(self, url: str, seed: int) -> bool:
        """Whether the seed's scope holds the URL; all other rules aside."""
        return self._areas.holds(url, seed)

    def seed_for(self, url: str) -> int | None:
        """The seed whose scope holds the URL, or else one on the same host; see Areas."""
        return self._areas.seed_for(url)

    def verdict(self, url: str, kind: Kind, depth: int, offsite: int, seed: int) -> Verdict:
        """What the rules say of a URL on its own. `offsite`: hops beyond the scope, of links or of requisites."""
        for rule in reversed(self._chain(seed)):
            said = rule.judge(url, kind, depth, offsite)
            if said is not None:
                return said
        return ACCEPTED

    def explain(self, url: str, kind: Kind, depth: int, offsite: int, seed: int) -> list[RuleSaid]:
        """The chain in its order, with what each rule says of the URL; the one that `decided` is `verdict`'s."""
        said = [(rule.name, rule.judge(url, kind, depth, offsite)) for rule in self._chain(seed)]
        last = max((index for index, (_, verdict) in enumerate(said) if verdict is not None), default=-1)
        return [
            RuleSaid(name, None, "", decided=False)
            if verdict is None
            else RuleSaid(verdict.rule, verdict.accepted, verdict.why, decided=index == last)
            for index, (name, verdict) in enumerate(said)
        ]

    def still_wanted(self, url: CrawlURL) -> Verdict:
        """Judges a queued URL again by the rules now in force: options may have changed since it was queued."""
        if url.via is None or url.kind is Kind.ROBOTS:
            return _NO_RULE
        return self.verdict(url.url, url.kind, url.depth, url.offsite, url.seed)

    # -- the links of a page -----------------------------------------------------------------------------------

    def judge(self, parent: CrawlURL, links: Links, known: Mapping[str, int]) -> list[Outlink]:
        """The links to queue. `known` spares the work for URLs already queued at least as well."""
        accepted: list[Outlink] = []
        best = {
            Kind.NAVIGATION: rank(Kind.NAVIGATION, 0, parent.depth + 1),
            Kind.REQUISITE: rank(Kind.REQUISITE, 0, parent.depth),
            Kind.GUESS: rank(Kind.GUESS, 0, parent.depth + 1),
            Kind.SITEMAP: rank(Kind.SITEMAP, 0, 0),
        }
        rejected, seed = self._rejected, parent.seed
        for url, role in links.items():
            kind = role.kind
            if known.get(url, NEVER_SEEN) <= best[kind]:
                continue
            if kind is Kind.NAVIGATION and not role.embedded and (url, seed) in rejected:
                continue
            outlink = self._judge_link(parent, url, role)
            # `best` could not know the hops: the style sheet of another host is as good as before on each page.
            if outlink is not None and known.get(url, NEVER_SEEN) > _rank_of(outlink):
                accepted.append(outlink)
        return accepted

    def _judge_link(self, parent: CrawlURL, url: str, role: Role) -> Outlink | None:
        if role.kind is Kind.SITEMAP:
            return None if parent.offsite else self.judge_sitemap(parent, url, 0)
        if role.kind is not Kind.REQUISITE:
            link = self._judge_page(parent, url, role.kind)
            if link is not None or not role.embedded:
                return link
        offsite = self.hops(parent, url, role)
        if self.verdict(url, Kind.REQUISITE, parent.depth, offsite, parent.seed).accepted:
            return Outlink(url, Kind.REQUISITE, parent.depth, offsite, 0, parent.seed)
        return None

    def _judge_page(self, parent: CrawlURL, url: str, kind: Kind) -> Outlink | None:
        if parent.offsite and parent.kind is Kind.REQUISITE:
            return None  # a page that came along as a requisite is not a place to go on from
        seed = parent.seed
        further = self._rules(seed).offsite_links > 0
        offsite = parent.offsite + 1 if further and not self.in_scope(url, seed) else 0
        verdict = self.verdict(url, kind, parent.depth + 1, offsite, seed)
        if verdict.accepted:
            return Outlink(url, kind, parent.depth + 1, offsite, 0, seed)
        lasting = verdict.rule not in _FLEETING or (verdict is _OUT_OF_SCOPE and not further)
        if kind is Kind.NAVIGATION and lasting:
            if len(self._rejected) >= REMEMBERED_REJECTIONS:
                self._rejected.clear()
            self._rejected[url, seed] = verdict
        return None

    def judge_sitemap(self, parent: CrawlURL, url: str, nesting: int) -> Outlink | None:
        """A sitemap to fetch, `nesting` indexes deep. It may lie on another host: what it lists is judged by itself."""
        rules = self._rules(parent.seed)
        useless = rules.max_depth == 0 or (rules.scope is ScopeKind.PAGE and not rules.include)
        if useless or not self.verdict(url, Kind.SITEMAP, nesting, 0, parent.seed).accepted:
            return None
        return Outlink(url, Kind.SITEMAP, nesting, 0, 0, parent.seed)

    def hops(self, parent: CrawlURL, url: str, role: Role) -> int:
        """Requisite hops beyond the scope after this link; the seed's own host is never beyond it."""
        if self._at_home(url, parent.seed):
            return 0
        # A page beyond the scope that was fetched for a link's sake has requisites like any other.
        came = parent.offsite if parent.kind is Kind.REQUISITE else 0
        return max(1, came + (0 if role.same_hop else 1))

    def _at_home(self, url: str, seed: int) -> bool:
        return self._rules(seed).scope is ScopeKind.ANY or self._areas.on_host(url, seed)

    def judge_redirect(self, source: CrawlURL, target: str) -> tuple[Outlink | None, Verdict, bool]:
        """A redirect's target as a link, the verdict, and whether it joins the seed's scope.

        It keeps depth and kind and counts one more redirect; a seed's redirect may lead anywhere."""
        redirects = source.redirects + 1
        if redirects > MAX_REDIRECTS:
            return None, _REDIRECT_LOOP, False
        offsite = source.offsite
        joins = False
        if source.kind is Kind.REQUISITE:
            offsite = 0 if self._at_home(target, source.seed) else max(1, source.offsite)
        elif source.kind is Kind.NAVIGATION and source.depth == 0 and source.offsite == 0:
            joins = source.seed > 0 and not self.in_scope(target, source.seed)
        elif source.kind in FOLLOWED and self._rules(source.seed).offsite_links:
            offsite = 0 if self.in_scope(target, source.seed) else max(1, source.offsite)
        verdict = self.verdict(target, source.kind, source.depth, offsite, source.seed)
        if joins and verdict.rule == SCOPE:
            verdict = ACCEPTED
        if not verdict.accepted:
            return None, verdict, False
        return Outlink(target, source.kind, source.depth, offsite, redirects, source.seed), verdict, joins


def _offsite_rule(most: int) -> Rule:
    def judge(url: str, kind: Kind, depth: int, offsite: int) -> Verdict | None:
        return _NEAR_ENOUGH if kind in FOLLOWED and 0 < offsite <= most else None

    return Rule(OFFSITE, judge)


def _for_links(rule: Rule) -> Rule:
    """The rule, but not for what was submitted itself."""

    def judge(url: str, kind: Kind, depth: int, offsite: int) -> Verdict | None:
        return rule.judge(url, kind, depth, offsite) if depth else None

    return Rule(rule.name, judge)


def _depth_rule(most: int) -> Rule:
    too_deep = Verdict(False, MAX_DEPTH, f"more than {most} links from its seed")

    def judge(url: str, kind: Kind, depth: int, offsite: int) -> Verdict | None:
        return too_deep if kind in FOLLOWED and depth > most else None

    return Rule(MAX_DEPTH, judge)


def _budget_rule(spent: Callable[[str], bool]) -> Rule:
    verdict = Verdict(False, HOST_PAGES, "its host has given all the pages that it may")

    def judge(url: str, kind: Kind, depth: int, offsite: int) -> Verdict | None:
        return verdict if kind is Kind.NAVIGATION and spent(url) else None

    return Rule(HOST_PAGES, judge)


def _own_rules(config: CrawlConfig, seeds: Mapping[int, Sequence[str]]) -> dict[int, SeedRules]:
    """What holds for the seeds that have options of their own."""
    if not config.seed_options:
        return {}
    strip = QueryStrip(config.strip_query).url if config.strip_query else str
    options = {strip(url): own for url, own in options_by_url(config.seed_options).items()}
    return {
        number: _with_options(config, options[urls[0]]) for number, urls in seeds.items() if urls and urls[0] in options
    }


def _with_options(config: CrawlConfig, own: SeedOptions) -> SeedRules:
    return SeedRules(
        own.scope or config.scope,
        config.max_depth if own.depth is None else own.depth,
        config.offsite_links if own.offsite_links is None else own.offsite_links,
        tuple(map(re.compile, (*config.include, *own.include))),
        tuple(map(re.compile, (*config.exclude, *own.exclude))),
    )


def _requisite_hops(url: str, kind: Kind, depth: int, offsite: int) -> Verdict | None:
    return _TOO_FAR if offsite > MAX_OFFSITE_HOPS and kind not in FOLLOWED else None


def _rank_of(link: Outlink) -> int:
    return rank(link.kind, link.offsite, link.depth)
