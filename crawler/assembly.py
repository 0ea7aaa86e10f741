"""The parts of a running crawl, put together from an open directory and a configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from crawler.archiver import Archiver
from crawler.capture import Capture
from crawler.clock import Clock
from crawler.concurrency.handoff import Handoff
from crawler.config import CrawlConfig
from crawler.dispatch import Dispatcher
from crawler.earlier.dedupe import Dedupe
from crawler.earlier.recrawl import Recrawl
from crawler.guesses import Guesses
from crawler.hooked import HookedVisitor
from crawler.hooks import Hooks
from crawler.identity.agent import product_token
from crawler.identity.keptcookies import KeptCookies
from crawler.identity.logins import Logins
from crawler.intake import Intake
from crawler.limits import Limits
from crawler.model import CrawlURL, Outcome
from crawler.opening import Opened
from crawler.querystrip import QueryStrip
from crawler.retry import RetryPolicy
from crawler.robotstxt import RobotsRules
from crawler.tally import Tally
from crawler.trapwatch import TrapWatch
from crawler.visit import Visitor

HANDOFF_ITEMS = 128
HANDOFF_BYTES = 16 << 20


class Events(Struct, frozen=True):
    """What the parts tell the crawl."""

    committed: Callable[[Sequence[Capture], Sequence[Outcome | None]], None]
    interrupted: Callable[[CrawlURL], None]


class Parts(Struct, frozen=True):
    tally: Tally
    handoff: Handoff[Capture]
    intake: Intake
    dispatcher: Dispatcher
    archiver: Archiver


def assemble(
    opened: Opened,
    config: CrawlConfig,
    clock: Clock,
    events: Events,
    *,
    on_trouble: Callable[[], None],
    hooks: Hooks | None,
    most_pending: int,
) -> Parts:
    """Nothing runs yet. `on_trouble` is called when a visit shows that the crawl cannot go on."""
    tally = Tally(opened.counts)
    handoff: Handoff[Capture] = Handoff(HANDOFF_ITEMS, HANDOFF_BYTES, lambda capture: capture.weight)
    strip = QueryStrip(config.strip_query) if config.strip_query else None
    intake = Intake(opened.frontier, opened.scope, strip, most=most_pending)
    visitor = visitor_of(opened, config, clock, strip, hooks)
    limits = Limits.of(config, requisites_only=opened.requisites_only)
    dispatcher = Dispatcher(
        opened.frontier, visitor, handoff, opened.guard, limits, tally, clock,
        config.concurrency, events.interrupted, on_trouble, intake,
    )  # fmt: skip
    archiver = Archiver(
        handoff,
        opened.frontier,
        opened.segments,
        opened.guard,
        events.committed,
        cookies=None if opened.cookies is None else KeptCookies(opened.cookies),
        dedupe=Dedupe(config.digest, [opened.frontier, *opened.elsewhere]) if config.dedupe else None,
    )
    return Parts(tally, handoff, intake, dispatcher, archiver)


def visitor_of(
    opened: Opened, config: CrawlConfig, clock: Clock, strip: QueryStrip | None, hooks: Hooks | None
) -> Visitor:
    agent = product_token(config)
    class_: type[Visitor] = Visitor
    more: dict[str, Any] = {}
    if hooks is not None:
        class_, more = HookedVisitor, {"hooks": hooks, "logins": None if hooks.login is None else Logins(hooks.login)}
    return class_(
        fetcher=opened.fetcher,
        frontier=opened.frontier,
        scope=opened.scope,
        retry=RetryPolicy(config.retries),
        robots=RobotsRules(agent) if config.robots else None,
        agent=agent,
        read_outlinks=opened.segments.read_outlinks,
        clock=clock,
        sitemaps=config.sitemaps,
        respect_nofollow=config.respect_nofollow,
        guesses=Guesses() if config.guesses else None,
        strip=strip,
        offline=config.from_archive is not None,
        ignores=opened.ignores,
        budget=opened.budget,
        traps=TrapWatch(opened.scope) if config.traps else None,
        pdf=opened.pdf,
        recrawl=Recrawl(opened.directory, opened.frontier, opened.segments.read_outlinks) if opened.round > 1 else None,
        **more,
    )
