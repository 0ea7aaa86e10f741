"""Which URLs a crawl takes: single ones, and the links of a page. No I/O.

The rules and their order are in crawler/rules/chain.py. Here stands what a link's place adds to them: its depth, its
hops beyond the scope, what is known of it already, and where redirects lead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from crawler.config import CrawlConfig
from crawler.frontier import rank
from crawler.model import CrawlURL, Kind, Links, Outlink, Role
from crawler.rules.areas import Areas
from crawler.rules.chain import ACCEPTED, FLEETING, OUT_OF_SCOPE, SCOPE, Chains
from crawler.rules.ignores import Ignores
from crawler.rules.ownrules import own_rules
from crawler.rules.traps import trap_rules
from crawler.rules.types import TypeFilter, type_filter
from crawler.rules.values import FOLLOWED, RuleSaid, SeedRules, Verdict
from crawler.scopekind import ScopeKind

MAX_REDIRECTS = 20
NEVER_SEEN = 1 << 62
REMEMBERED_REJECTIONS = 50_000
_REDIRECT_LOOP = Verdict(False, "redirects", f"more than {MAX_REDIRECTS} redirects in a row")
_NO_RULE = Verdict(True, "seed", "seeds and robots.txt are asked for whatever the rules say")


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
        self._areas = Areas(seeds, lambda seed: self._rules(seed).scope)
        traps = () if year is None else trap_rules(year)
        self._chains = Chains(self._areas, self._rules, traps, spent, types)
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
            own=own_rules(config, seeds),
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
        self._chains.ignore(ignores)
        self._rejected.clear()

    # -- one URL -----------------------------------------------------------------------------------------------

    def in_scope(self, url: str, seed: int) -> bool:
        """Whether the seed's scope holds the URL; all other rules aside."""
        return self._areas.holds(url, seed)

    def seed_for(self, url: str) -> int | None:
        """The seed whose scope holds the URL, or else one on the same host; see Areas."""
        return self._areas.seed_for(url)

    def verdict(self, url: str, kind: Kind, depth: int, offsite: int, seed: int, nesting: int = 0) -> Verdict:
        """What the rules say of a URL on its own; see Chains."""
        return self._chains.verdict(url, kind, depth, offsite, seed, nesting)

    def explain(self, url: str, kind: Kind, depth: int, offsite: int, seed: int, nesting: int = 0) -> list[RuleSaid]:
        """The chain in its order, with what each rule says of the URL; the one that `decided` is `verdict`'s."""
        return self._chains.explain(url, kind, depth, offsite, seed, nesting)

    def still_wanted(self, url: CrawlURL) -> Verdict:
        """Judges a queued URL again by the rules now in force: options may have changed since it was queued."""
        if url.via is None or url.kind is Kind.ROBOTS:
            return _NO_RULE
        return self.verdict(url.url, url.kind, url.depth, url.offsite, url.seed, url.nesting)

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
        verdict = self._chains.verdict(url, kind, parent.depth + 1, offsite, seed)
        if verdict.accepted:
            return Outlink(url, kind, parent.depth + 1, offsite, 0, seed)
        lasting = verdict.rule not in FLEETING or (verdict is OUT_OF_SCOPE and not further)
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


def _rank_of(link: Outlink) -> int:
    return rank(link.kind, link.offsite, link.depth)
