"""Which links a crawl follows: a chain of named rules over values, no I/O.

A *seed's scope* is decided by the crawl's scope kind from the seed's URL and from the URLs that its redirects led to.
Page requisites are wanted from anywhere, up to two hops beyond the scope; the hop count of a redirect's target and of
a style sheet's import is that of the URL it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from publicsuffixlist import PublicSuffixList

from crawler.config import ScopeKind
from crawler.frontier import rank
from crawler.model import CrawlURL, Kind, Links, Outlink, Role

MAX_OFFSITE_HOPS = 2
MAX_REDIRECTS = 20
MAX_PREFIX_DEPTH = 64
"""Directories of a URL that are compared with the seeds' prefixes."""
NEVER_SEEN = 1 << 62
REMEMBERED_REJECTIONS = 50_000
_IP_ADDRESS = re.compile(r"\[.*\]|\d+\.\d+\.\d+\.\d+")
"""As the URL Standard serialises hosts: any other host that looks like this would not have been a valid URL."""
_DEFAULT_PORTS = {"http://": ":80", "https://": ":443"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules said, and which of them."""

    accepted: bool
    rule: str


ACCEPTED = Verdict(True, "scope")
_OUT_OF_SCOPE = Verdict(False, "scope")
_EXCLUDED = Verdict(False, "exclude")
_INCLUDED = Verdict(True, "include")
_TOO_DEEP = Verdict(False, "max-depth")
_TOO_FAR = Verdict(False, "requisite hops")
_REDIRECT_LOOP = Verdict(False, "redirects")


class Scope:
    """The rules of one crawl. `seeds` maps each seed's number to its URL and the URLs that joined it."""

    def __init__(
        self,
        kind: ScopeKind,
        seeds: Mapping[int, Sequence[str]],
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        max_depth: int | None = None,
    ) -> None:
        self._kind, self._max_depth = kind, max_depth
        self._include = [re.compile(pattern) for pattern in include]
        self._exclude = [re.compile(pattern) for pattern in exclude]
        self._suffixes = PublicSuffixList() if kind is ScopeKind.DOMAIN else None
        self._seeds = {number: list(urls) for number, urls in seeds.items()}
        self._areas: dict[int, frozenset[str]] = {}
        self._homes: dict[str, int] | None = None
        self._origins: dict[tuple[str, int], bool] = {}
        self._rejected: dict[tuple[str, int], Verdict] = {}

    def add_seeds(self, seeds: Mapping[int, Sequence[str]]) -> None:
        """Seeds that came later."""
        for number, urls in seeds.items():
            for url in urls:
                self.join(number, url)

    def join(self, seed: int, url: str) -> None:
        """The seed's redirect led here: from now on this is in its scope, too."""
        urls = self._seeds.setdefault(seed, [])
        if url not in urls:
            urls.append(url)
            self._areas.pop(seed, None)
            self._homes = None
            self._origins.clear()
            self._rejected.clear()

    # -- one URL -----------------------------------------------------------------------------------------------

    def in_scope(self, url: str, seed: int) -> bool:
        """Whether the seed's scope holds the URL; includes and excludes aside."""
        if self._kind is ScopeKind.ANY:
            return True
        if self._kind is ScopeKind.PAGE:
            return url in self._area(seed)
        if self._kind is ScopeKind.PREFIX:
            return any(url.startswith(prefix) for prefix in self._area(seed))
        return self._on_seeds_host(url, seed)

    def _on_seeds_host(self, url: str, seed: int) -> bool:
        origin = url[: url.index("/", 8)]
        found = self._origins.get((origin, seed))
        if found is None:
            area = {self._place(u) for u in self._seeds.get(seed, ())}
            found = self._place(url) in area
            if len(self._origins) > REMEMBERED_REJECTIONS:
                self._origins.clear()
            self._origins[origin, seed] = found
        return found

    def seed_for(self, url: str) -> int | None:
        """The seed whose scope holds the URL, or else one on the same host (scope `domain`: in the same domain); None
        where no seed is. For a URL that the site itself names, in a sitemap."""
        if self._homes is None:
            self._homes = {}
            for number, urls in self._seeds.items():
                for home in (*self._area(number), *map(self._place, urls)):
                    self._homes.setdefault(home, number)
        homes = self._homes
        if self._kind is ScopeKind.PREFIX:
            slash = url.find("/", 8)
            for _ in range(MAX_PREFIX_DEPTH):
                if slash < 0:
                    break
                if url[: slash + 1] in homes:
                    return homes[url[: slash + 1]]
                slash = url.find("/", slash + 1)
        return homes.get(url) or homes.get(self._place(url))

    def _area(self, seed: int) -> frozenset[str]:
        area = self._areas.get(seed)
        if area is None:
            urls = self._seeds.get(seed, [])
            if self._kind is ScopeKind.PREFIX:
                urls = [url.partition("?")[0].rpartition("/")[0] + "/" for url in urls]
            area = self._areas[seed] = frozenset(urls)
        return area

    def _place(self, url: str) -> str:
        """Host and port, the default ports of http and https being one; for `domain` the registrable domain."""
        scheme = url[: url.index("//") + 2]
        authority = url[len(scheme) : url.index("/", 8)]
        if self._suffixes is not None:
            host = re.sub(r":\d+$", "", authority).rstrip(".")
            if _IP_ADDRESS.fullmatch(host):
                return host  # its numbers are no labels: 192.0.2.1 and 198.51.2.1 have no domain in common
            return self._suffixes.privatesuffix(host) or host
        return authority.removesuffix(_DEFAULT_PORTS[scheme])

    def verdict(self, url: str, kind: Kind, depth: int, offsite: int, seed: int) -> Verdict:
        """What the rules say of a URL on its own: the last rule that decides wins."""
        verdict = ACCEPTED
        if kind in (Kind.NAVIGATION, Kind.GUESS):
            if self._max_depth is not None and depth > self._max_depth:
                return _TOO_DEEP
            if not self.in_scope(url, seed):
                verdict = _OUT_OF_SCOPE
        elif offsite > MAX_OFFSITE_HOPS:
            return _TOO_FAR
        if any(pattern.search(url) for pattern in self._include):
            verdict = _INCLUDED
        if any(pattern.search(url) for pattern in self._exclude):
            verdict = _EXCLUDED
        return verdict

    def still_wanted(self, url: CrawlURL) -> Verdict:
        """Judges a queued URL again by the rules now in force: options may have changed since it was queued."""
        if url.via is None or url.kind is Kind.ROBOTS:
            return ACCEPTED
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
        if parent.offsite:
            return None  # a page that came along as a requisite is not a place to go on from
        verdict = self.verdict(url, kind, parent.depth + 1, 0, parent.seed)
        if verdict.accepted:
            return Outlink(url, kind, parent.depth + 1, 0, 0, parent.seed)
        if kind is Kind.NAVIGATION and verdict is not _TOO_DEEP:
            if len(self._rejected) >= REMEMBERED_REJECTIONS:
                self._rejected.clear()
            self._rejected[url, parent.seed] = verdict
        return None

    def judge_sitemap(self, parent: CrawlURL, url: str, nesting: int) -> Outlink | None:
        """A sitemap to fetch, `nesting` indexes deep. It may lie on another host: what it lists is judged by itself."""
        useless = self._max_depth == 0 or (self._kind is ScopeKind.PAGE and not self._include)
        if useless or not self.verdict(url, Kind.SITEMAP, nesting, 0, parent.seed).accepted:
            return None
        return Outlink(url, Kind.SITEMAP, nesting, 0, 0, parent.seed)

    def hops(self, parent: CrawlURL, url: str, role: Role) -> int:
        """Requisite hops beyond the scope after this link; the seed's own host is never beyond it."""
        if self._kind is ScopeKind.ANY or self._on_seeds_host(url, parent.seed):
            return 0
        return max(1, parent.offsite + (0 if role.same_hop else 1))

    def judge_redirect(self, source: CrawlURL, target: str) -> tuple[Outlink | None, Verdict, bool]:
        """A redirect's target as a link, the verdict, and whether it joins the seed's scope.

        It keeps depth and kind and counts one more redirect; a seed's redirect may lead anywhere."""
        redirects = source.redirects + 1
        if redirects > MAX_REDIRECTS:
            return None, _REDIRECT_LOOP, False
        offsite = source.offsite
        joins = False
        if source.kind is Kind.REQUISITE:
            here = self._kind is ScopeKind.ANY or self._on_seeds_host(target, source.seed)
            offsite = 0 if here else max(1, source.offsite)
        elif source.kind is Kind.NAVIGATION and source.depth == 0 and source.offsite == 0:
            joins = not self.in_scope(target, source.seed)
        verdict = self.verdict(target, source.kind, source.depth, offsite, source.seed)
        if joins and verdict is _OUT_OF_SCOPE:
            verdict = ACCEPTED
        if not verdict.accepted:
            return None, verdict, False
        return Outlink(target, source.kind, source.depth, offsite, redirects, source.seed), verdict, joins


def _rank_of(link: Outlink) -> int:
    return rank(link.kind, link.offsite, link.depth)
