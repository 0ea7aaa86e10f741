"""All there is to say of one URL, put together from the ledger and the rules. No output."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from crawler.clock import SystemClock, utc
from crawler.config import CrawlConfig
from crawler.frontier import StoredPace
from crawler.frontier.asking import Inquiry, Known, Origin
from crawler.hostbudget import HostBudget
from crawler.identity.agent import product_token
from crawler.ignorefile import IgnoreFile
from crawler.model import Kind
from crawler.politeness import Pace
from crawler.robotstxt import RobotsRules
from crawler.rules.values import RuleSaid
from crawler.scope import Scope
from crawler.seedoptions import HostLimits, host_limits, options_by_url, page_budgets
from crawler.urls import host_of


class RobotsSays(enum.StrEnum):
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    """It was not asked for yet."""
    IGNORED = "not obeyed"


class Assumed(Struct, frozen=True):
    """As what a URL is judged of which nothing is known: a link on a page of this seed."""

    seed: int
    seed_url: str


class Explanation(Struct, frozen=True):
    """The answer; times are seconds since the epoch."""

    url: str
    now: float
    round: int
    known: Known | None
    assumed: Assumed | None
    """Set when `known` is None and there is a seed."""
    rules: Sequence[RuleSaid]
    """The chain in its order, judged by the options in force."""
    robots: RobotsSays
    origin: Origin | None
    host: StoredPace | None
    delay: float
    """Seconds between two requests to its host, as things stand."""

    @property
    def accepted(self) -> bool:
        """Whether rules and robots.txt would take it as things stand."""
        said = [rule.accepted for rule in self.rules if rule.decided]
        return all(said) and self.robots not in (RobotsSays.FORBIDDEN, RobotsSays.UNREACHABLE)


def explain(url: str, inquiry: Inquiry, config: CrawlConfig, directory: Path, now: float) -> Explanation:
    """`url` is normalised. Reads DIR/ignores, too."""
    known, origin, host = inquiry.known(url), inquiry.origin(url), inquiry.host(url)
    seeds = inquiry.seeds()
    budgets = page_budgets(options_by_url(config.seed_options))
    limited = config.host_pages is not None or bool(budgets)
    budget = HostBudget(config.host_pages, budgets, inquiry.pages_by_host()) if limited else None
    scope = Scope.of(config, seeds, utc(now).year, None if budget is None else budget.spent)
    IgnoreFile(directory, config.ignore_sets, scope, SystemClock())
    assumed = None
    if known is None and seeds:
        number = scope.seed_for(url) or min(seeds)
        assumed = Assumed(number, seeds[number][0])
    return Explanation(
        url, now, inquiry.round, known, assumed, _rules(url, known, assumed, scope, config),
        _robots(url, origin, config), origin, host, _delay(url, origin, host, config),
    )  # fmt: skip


def _rules(
    url: str, known: Known | None, assumed: Assumed | None, scope: Scope, config: CrawlConfig
) -> Sequence[RuleSaid]:
    if known is not None:
        if known.kind is Kind.ROBOTS or (known.depth == 0 and not known.via and known.kind is Kind.NAVIGATION):
            return [RuleSaid("seed", True, "seeds and robots.txt are asked for whatever the rules say", decided=True)]
        return scope.explain(url, known.kind, known.depth, known.offsite, known.seed, known.nesting)
    if assumed is None:
        return []
    beyond = config.offsite_links > 0 and not scope.in_scope(url, assumed.seed)
    return scope.explain(url, Kind.NAVIGATION, 1, int(beyond), assumed.seed)


def _robots(url: str, origin: Origin | None, config: CrawlConfig) -> RobotsSays:
    if not config.robots:
        return RobotsSays.IGNORED
    if origin is None or (origin.robots is None and origin.robots_refusal is None):
        return RobotsSays.UNKNOWN
    if origin.robots_refusal is not None:
        return RobotsSays.UNREACHABLE
    allowed = RobotsRules(product_token(config)).allows(url, origin.robots or "")
    return RobotsSays.ALLOWED if allowed else RobotsSays.FORBIDDEN


def _delay(url: str, origin: Origin | None, host: StoredPace | None, config: CrawlConfig) -> float:
    usual = HostLimits(config.delay, config.per_host)
    limits = host_limits(options_by_url(config.seed_options), usual).get(host_of(url), usual)
    pace = Pace("", limits.delay, limits.per_host)
    if host is not None:
        pace.smoothed, pace.backoff = host.smoothed, host.backoff
    if origin is not None and config.robots:
        pace.crawl_delay = origin.robots_delay
    return pace.delay
