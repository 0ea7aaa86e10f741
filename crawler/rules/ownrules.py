"""What holds for single seeds: the crawl's options with the seed's own in their place, or beside them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from crawler.config import CrawlConfig
from crawler.querystrip import QueryStrip
from crawler.rules.values import SeedRules
from crawler.seedoptions import SeedOptions, options_by_url
from crawler.urls import seed_url


def own_rules(config: CrawlConfig, seeds: Mapping[int, Sequence[str]]) -> dict[int, SeedRules]:
    """What holds for the seeds that have options of their own."""
    if not config.seed_options:
        return {}
    strip = QueryStrip(config.strip_query).url if config.strip_query else str
    options = {strip(url): own for url, own in options_by_url(config.seed_options).items()}
    return {
        number: _with_options(config, options[urls[0]]) for number, urls in seeds.items() if urls and urls[0] in options
    }


def without_seed(config: CrawlConfig, earlier: Collection[str] = ()) -> str | None:
    """A URL that options were given for though it is no seed, neither of the configuration nor of an earlier run."""
    strip = QueryStrip(config.strip_query).url if config.strip_query else str
    seeds = {strip(seed_url(seed)) for seed in config.seeds}.union(earlier)
    return next((url for url in options_by_url(config.seed_options) if strip(url) not in seeds), None)


def _with_options(config: CrawlConfig, own: SeedOptions) -> SeedRules:
    return SeedRules(
        own.scope or config.scope,
        config.max_depth if own.depth is None else own.depth,
        config.offsite_links if own.offsite_links is None else own.offsite_links,
        tuple(map(re.compile, (*config.include, *own.include))),
        tuple(map(re.compile, (*config.exclude, *own.exclude))),
    )
