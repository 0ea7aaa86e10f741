"""One URL, from claim to Capture: asks the rules, fetches, extracts, judges; all is decided before it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from msgspec.structs import replace

from crawler.capture import Capture
from crawler.clock import Clock, utc
from crawler.concurrency.threads import in_thread
from crawler.content import charset_of
from crawler.earlier.recrawl import Earlier, Recrawl
from crawler.fetcher import Fetcher
from crawler.frontier import Disposition, Finished, HostReport, Knowledge, RetryAt, Settled
from crawler.guesses import Guesses
from crawler.hostbudget import RULE as HOST_PAGES
from crawler.hostbudget import HostBudget
from crawler.ignorefile import IgnoreFile
from crawler.links import extract
from crawler.links.document import Document
from crawler.links.effort import takes_long
from crawler.links.sitemap import extract_sitemap
from crawler.model import (
    REDIRECT,
    REDIRECT_STATUSES,
    CrawlURL,
    Exchange,
    Extraction,
    FailureKind,
    Kind,
    Links,
    OutcomeKind,
    Outlink,
    Role,
)
from crawler.nofollow import allowed, marked, page_forbids
from crawler.pdf.links import PdfLinks, is_pdf
from crawler.querystrip import QueryStrip
from crawler.retry import NOT_KEPT, RetryPolicy, failure_kind, host_report
from crawler.robots import answer_of
from crawler.robotstxt import HEAVY, RobotsRules
from crawler.scope import Scope
from crawler.sitemaps import declared, judge_listed, usual_places
from crawler.trapwatch import TrapWatch
from crawler.urls import Joiner, host_of, location_target

log = logging.getLogger(__name__)
JUDGED_AT_ONCE = 1000
"""Links."""
NOT_ASKED = HostReport(asked=False)
"""No request went out: the host is owed no delay."""

ReadOutlinks = Callable[[str, int], Awaitable[dict[str, Role]]]


@dataclass(slots=True)
class Visitor:
    """All that a visit needs, handed in by the crawl."""

    fetcher: Fetcher
    frontier: Knowledge
    scope: Scope
    retry: RetryPolicy
    robots: RobotsRules | None
    """None when robots.txt is not obeyed."""
    agent: str
    read_outlinks: ReadOutlinks
    clock: Clock
    sitemaps: bool = True
    """Fetch them and follow what they list."""
    respect_nofollow: bool = False
    """Do not follow links that their page asks robots not to follow."""
    guesses: Guesses | None = None
    """None when strings in scripts are not taken for links."""
    strip: QueryStrip | None = None
    ignores: IgnoreFile | None = None
    pdf: PdfLinks | None = None
    """None when PDFs are not searched."""
    traps: TrapWatch | None = None
    recrawl: Recrawl | None = None
    """None in the first round."""
    budget: HostBudget | None = None
    offline: bool = False
    """Nobody is asked: nothing need be waited for."""

    async def visit(self, url: CrawlURL) -> Capture:
        """Never raises for what a page or server does; raises OSError when the local disk fails, and CancelledError."""
        try:
            if self.budget is None or url.kind is not Kind.NAVIGATION or url.again or url.rejudge:
                return await self._visit(url)
            return await self._visit_within(self.budget, url)
        except OSError:
            raise
        except Exception as error:
            log.exception("%s: internal error", url.url)
            return self._without_fetch(url, OutcomeKind.FAILED, f"internal error: {error!r}", FailureKind.INTERNAL)

    async def _visit_within(self, budget: HostBudget, url: CrawlURL) -> Capture:
        if not await budget.reserve(url.url):
            return self._without_fetch(url, OutcomeKind.EXCLUDED, HOST_PAGES, None)
        counted = False
        try:
            capture = await self._visit(url)
            counted = _is_page(capture)
            return capture
        finally:
            budget.settle(url.url, counted=counted)

    async def _visit(self, url: CrawlURL) -> Capture:
        if url.rejudge:
            return await self._rejudge(url)
        if self.ignores is not None:
            self.ignores.refresh()
        await self._read_rules(url)
        refusal = self._refusal(url)
        if refusal is not None:
            return refusal
        capture = await self._ask(url)
        return _at_once(capture) if self.offline else capture

    async def _ask(self, url: CrawlURL) -> Capture:
        asked, earlier = await self._conditional(url)
        return await self._judged(url, await self.fetcher.fetch(asked), earlier)

    async def _conditional(self, url: CrawlURL) -> tuple[CrawlURL, Earlier | None]:
        """The URL as it is to be asked for, and the capture of an earlier round that a 304 would speak of."""
        return (url, None) if self.recrawl is None else await self.recrawl.conditional(url)

    async def _judged(self, url: CrawlURL, exchange: Exchange, earlier: Earlier | None = None) -> Capture:
        """What an answer means and what follows from it."""
        if url.kind is Kind.GUESS and self.guesses is not None:
            self.guesses.note(host_of(url.url), exchange.status)
        now = utc(self.clock.time())
        disposition = self.retry.decide(self._tries(url), exchange, now)
        if isinstance(disposition, Finished) and url.again:
            disposition = Settled()
        host = host_report(exchange, now)
        failure = failure_kind(exchange)
        if failure in NOT_KEPT:
            robots = answer_of(exchange, url.redirects, self.agent) if url.kind is Kind.ROBOTS else None
            return Capture(url, disposition, now, failure=failure, robots=robots, host=host)
        if isinstance(disposition, RetryAt):
            return Capture(url, disposition, exchange.started, exchange, failure=failure, host=host)
        if earlier is not None and exchange.status == 304:
            return await self._not_modified(url, exchange, earlier, host)
        if url.kind is Kind.ROBOTS:
            weighty = len(exchange.content) > HEAVY
            asked = (exchange, url.redirects, self.agent)
            answer = await in_thread(None, answer_of, *asked) if weighty else answer_of(*asked)
            links, outlinks = declared(url, answer.text or "", self.scope)
            return Capture(
                url, disposition, exchange.started, exchange, Extraction(links), outlinks if self.sitemaps else [],
                failure, robots=answer, host=host,
            )  # fmt: skip
        try:
            extraction, outlinks, joins = await self._follow(url, exchange)
        except Exception as error:  # a page that breaks the search for links costs its links, not its record
            disposition, blamed = self._search_failed(url, disposition, error)
            failure = blamed or failure
            extraction, outlinks, joins = Extraction(failure=f"{error!r}"), [], None
        else:
            disposition = _telling(disposition, extraction.failure)
        if exchange.content:
            exchange = replace(exchange, content=b"")  # searched; the bytes to archive are in the response
        return Capture(
            url, disposition, exchange.started, exchange, extraction, outlinks, failure, joins=joins, host=host
        )

    async def _read_rules(self, url: CrawlURL) -> None:
        """Sees to it that asking a long robots.txt will take no time."""
        answer = None if self.robots is None or url.kind is Kind.ROBOTS else self.frontier.robots_text(url)
        if self.robots is not None and answer is not None and answer.text and self.robots.is_heavy(answer.text):
            self.robots.keep(answer.text, await in_thread(None, self.robots.parse, answer.text))

    def _search_failed(
        self, url: CrawlURL, disposition: Disposition, error: Exception
    ) -> tuple[Disposition, FailureKind | None]:
        """How the outcome tells that the search for links broke down."""
        log.error("%s: links not extracted", url.url, exc_info=error)
        return _telling(disposition, f"internal error: {error!r}"), None

    async def _not_modified(self, url: CrawlURL, exchange: Exchange, earlier: Earlier, host: HostReport) -> Capture:
        """A 304: nothing to search, but the links of the capture that it speaks of are judged as they are now."""
        assert self.recrawl is not None
        found = await self.recrawl.unchanged(url, exchange, earlier)
        if found is None:
            again = RetryAt(0.0, "304 that cannot be referred to an earlier capture")
            return Capture(url, again, exchange.started, exchange, host=host)
        exchange, extraction, revisit = found
        outlinks = await self._judge(url, extraction.links)
        return Capture(
            url, Finished(OutcomeKind.REVISITED), exchange.started, exchange, extraction, outlinks, host=host,
            revisit=revisit,
        )  # fmt: skip

    def _tries(self, url: CrawlURL) -> int:
        """The attempt's number in its series: each `--retry-failed` begins another."""
        # A fetch beyond the outcome is not repeated: the URL has its answer.
        beyond = url.again and url.kind is not Kind.ROBOTS
        return self.retry.attempts if beyond else (url.attempt - 1) % self.retry.attempts + 1

    def _refusal(self, url: CrawlURL) -> Capture | None:
        """The capture that says no without asking the host, or None."""
        verdict = self.scope.still_wanted(url)
        if not verdict.accepted:
            return self._without_fetch(url, OutcomeKind.EXCLUDED, verdict.rule, None)
        if url.kind is Kind.SITEMAP and not self.sitemaps:
            return self._without_fetch(url, OutcomeKind.EXCLUDED, "no-sitemaps", None)
        if url.kind is Kind.GUESS and (self.guesses is None or self.guesses.are_futile(host_of(url.url))):
            return self._without_fetch(url, OutcomeKind.EXCLUDED, "guesses", None)
        dead = self.frontier.verdict(url)
        if dead is not None:
            return self._without_fetch(url, OutcomeKind.FAILED, f"host is dead: {dead[0]}", dead[1])
        if self.robots is None or url.kind is Kind.ROBOTS:
            return None
        answer = self.frontier.robots_text(url)
        if answer is None:
            return None
        if answer.refusal is not None:
            if answer.failure is FailureKind.ADDRESS:
                return self._without_fetch(url, OutcomeKind.EXCLUDED, answer.refusal, answer.failure)
            reason = f"its robots.txt could not be had: {answer.refusal}"
            return self._without_fetch(url, OutcomeKind.FAILED, reason, answer.failure)
        if not self.robots.allows(url.url, answer.text or ""):
            return self._without_fetch(url, OutcomeKind.EXCLUDED, "robots.txt", None)
        return None

    def _without_fetch(self, url: CrawlURL, kind: OutcomeKind, reason: str, failure: FailureKind | None) -> Capture:
        disposition = Settled() if url.again else Finished(kind, reason)
        return Capture(url, disposition, utc(self.clock.time()), failure=failure, host=NOT_ASKED)

    async def _follow(self, url: CrawlURL, exchange: Exchange) -> tuple[Extraction, list[Outlink], str | None]:
        """The document's links, those the rules accept, and the URL that joins the seed's scope, if one does."""
        if exchange.status in REDIRECT_STATUSES:
            target = self._redirect_target(exchange)
            if target is not None:
                target = target if self.strip is None else self.strip.url(target)
                outlink, _, joins = self.scope.judge_redirect(url, target)
                if outlink is not None and exchange.cookies_changed:
                    outlink = replace(outlink, again=True)  # "take this cookie, then go back to where you were"
                outlinks = [] if outlink is None else [outlink]
                if joins:
                    self.scope.join(url.seed, target)
                    outlinks += usual_places({url.seed: [target]}, self.scope) if self.sitemaps else []
                return Extraction({target: REDIRECT}), outlinks, target if joins else None
        if exchange.message is None:
            return Extraction(), [], None
        extraction = await self._extraction(url, exchange)
        outlinks = await self._judge(url, extraction.links)
        if outlinks and self.traps is not None and exchange.status == 200:
            return *self.traps.watch(url, extraction, exchange.content, outlinks), None
        return extraction, outlinks, None

    async def _extraction(self, url: CrawlURL, exchange: Exchange) -> Extraction:
        """What a document that is no redirect holds."""
        charset = charset_of(exchange.header("content-type"))
        document = Document(
            url.url, exchange.media_type, charset, exchange.content, exchange.headers, self.guesses is not None
        )
        if url.kind is Kind.SITEMAP:
            extraction = await self._list(document) if exchange.status == 200 else Extraction()
        elif self.pdf is not None and is_pdf(exchange):
            extraction = await self.pdf.extract(exchange)
        elif takes_long(document):
            extraction = await in_thread(None, extract, document)
        else:
            extraction = extract(document)
        if self.strip is not None:
            extraction = replace(extraction, links=self.strip.links(extraction.links))
        if self.respect_nofollow and page_forbids(exchange, extraction, self.agent):
            extraction = replace(extraction, links=marked(extraction.links))
        return extraction

    @staticmethod
    async def _list(document: Document) -> Extraction:
        """What a sitemap lists. Its URLs are not kept for joining the links of pages: most of them are met once."""
        # In a thread of its own: a few kilobytes may unpack to 50 MiB.
        return await in_thread(None, extract, document, Joiner(), extract_sitemap)

    async def _judge(self, url: CrawlURL, links: Links) -> list[Outlink]:
        """What to queue of a document's links."""
        if self.respect_nofollow:
            links = allowed(links)
        judge = partial(judge_listed, scope=self.scope) if url.kind is Kind.SITEMAP else self.scope.judge
        if len(links) <= JUDGED_AT_ONCE:
            return judge(url, links, known=self.frontier.known)
        outlinks: list[Outlink] = []
        pairs = iter(links.items())
        while part := dict(islice(pairs, JUDGED_AT_ONCE)):
            outlinks += judge(url, part, known=self.frontier.known)
            await asyncio.sleep(0)  # a long list must not hold the other fetches up
        return outlinks

    @staticmethod
    def _redirect_target(exchange: Exchange) -> str | None:
        location = exchange.header("location")
        return None if location is None else location_target(exchange.url, location)

    async def _rejudge(self, url: CrawlURL) -> Capture:
        place = await self.frontier.stored_outlinks(url)
        links = {} if place is None else await self.read_outlinks(*place)
        # A meta refresh has the code of a redirect, too, but stands among the links of a page.
        redirects = [target for target, role in links.items() if role.context == REDIRECT.context]
        if redirects:
            outlink, _, joins = self.scope.judge_redirect(url, redirects[0])
            outlinks = [] if outlink is None else [outlink]
            joined = redirects[0] if joins else None
            if joined is not None:
                self.scope.join(url.seed, joined)
            moment = utc(self.clock.time())
            return Capture(url, Settled(), moment, outlinks=outlinks, joins=joined, host=NOT_ASKED)
        outlinks = await self._judge(url, links)
        return Capture(url, Settled(), utc(self.clock.time()), outlinks=outlinks, host=NOT_ASKED)


def _at_once(capture: Capture) -> Capture:
    """The capture without anything that would make a host, or the URL itself, wait."""
    disposition, robots = capture.disposition, capture.robots
    if isinstance(disposition, RetryAt):
        disposition = RetryAt(0.0, disposition.reason)
    if robots is not None:
        robots = replace(robots, crawl_delay=0.0)
    return replace(capture, disposition=disposition, robots=robots, host=NOT_ASKED)


def _telling(disposition: Disposition, failure: str | None) -> Disposition:
    """The disposition of an answer that is kept, though the search for links in it ended early."""
    if failure is None or not isinstance(disposition, Finished) or disposition.reason is not None:
        return disposition
    return replace(disposition, reason=f"links not extracted: {failure}")


def _is_page(capture: Capture) -> bool:
    """Whether a URL wanted as a page became one: an answer that is no redirect."""
    disposition, exchange = capture.disposition, capture.exchange
    kept = isinstance(disposition, Finished) and disposition.kind in (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)
    status = None if exchange is None else exchange.status
    return kept and (status is None or not 300 <= status < 400 or status == 304)
