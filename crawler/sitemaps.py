"""Where a site's sitemaps are, and what becomes of the URLs they list. Pure.

A sitemap is fetched through the frontier and archived like any URL, but it is no page: it counts for no limit of
pages, and what it lists is judged as if its seed linked to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from crawler.frontier import rank
from crawler.links.roles import SITEMAP
from crawler.model import CrawlURL, Kind, Links, Outlink, Role
from crawler.robotstxt import sitemaps_in
from crawler.scope import NEVER_SEEN, Scope
from crawler.urls import join, origin_text

MAX_NESTING = 3
"""The protocol wants no index in an index; some sites have them."""
_DEPTH = 1
"""Of what a sitemap lists: one link away from the seed."""


def usual_places(seeds: Mapping[int, Sequence[str]], scope: Scope) -> list[Outlink]:
    """`/sitemap.xml` of each seed's origin, and of where a seed's redirects led: a guess, tried once."""
    tried: dict[str, Outlink] = {}
    for number, urls in seeds.items():
        for url in urls:
            place = f"{origin_text(url)}/sitemap.xml"
            if place not in tried:
                link = scope.judge_sitemap(CrawlURL(url, seed=number), place, 0)
                if link is not None:
                    tried[place] = link
    return list(tried.values())


def declared(robots: CrawlURL, text: str, scope: Scope) -> tuple[dict[str, Role], list[Outlink]]:
    """The sitemaps that a robots.txt names, and those to fetch: all of them, if the robots.txt is a seed's host's."""
    joined = (join(robots.url, reference) for reference in sitemaps_in(text))
    links = {url: SITEMAP for url in joined if url is not None}
    seed = scope.seed_for(robots.url)
    if seed is None:
        return links, []
    parent = replace(robots, seed=seed, depth=0, offsite=0)
    outlinks = (scope.judge_sitemap(parent, url, 0) for url in links)
    return links, [outlink for outlink in outlinks if outlink is not None]


def judge_listed(parent: CrawlURL, links: Links, scope: Scope, known: Mapping[str, int]) -> list[Outlink]:
    """What to queue of the links of a sitemap: further sitemaps, pages in the scope of any seed, their pictures."""
    accepted: list[Outlink] = []
    requisites: dict[str, Role] = {}
    good_enough = rank(Kind.NAVIGATION, 0, _DEPTH)
    for url, role in links.items():
        outlink = None
        if role.kind is Kind.REQUISITE:
            requisites[url] = role
        elif role.kind is Kind.SITEMAP:
            nesting = parent.depth + 1
            outlink = scope.judge_sitemap(parent, url, nesting) if nesting <= MAX_NESTING else None
        elif known.get(url, NEVER_SEEN) > good_enough:
            seed = scope.seed_for(url) or parent.seed
            if scope.verdict(url, Kind.NAVIGATION, _DEPTH, 0, seed).accepted:
                outlink = Outlink(url, Kind.NAVIGATION, _DEPTH, 0, 0, seed)
        if outlink is not None:
            accepted.append(outlink)
    return accepted + scope.judge(replace(parent, depth=_DEPTH), requisites, known)
