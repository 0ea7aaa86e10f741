"""A visit with hooks: crawler/visit.py, with the user's coroutines called where they belong."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec.structs import replace

from crawler.capture import Capture
from crawler.clock import utc
from crawler.config import check_headers
from crawler.earlier.recrawl import Earlier
from crawler.frontier import Disposition, Finished, RetryAt, Settled
from crawler.hooks import Hooks
from crawler.identity.logins import Logins
from crawler.model import CrawlURL, Exchange, Extraction, FailureKind, Kind, OutcomeKind, Role
from crawler.retry import host_report
from crawler.urls import join
from crawler.visit import NOT_ASKED, Visitor

T = TypeVar("T")
_LINK = Role(Kind.NAVIGATION, "hook", "L")
_SECRET = frozenset({"authorization", "cookie"})


class HookFailed(Exception):
    """What a hook raised, or that it returned what it may not."""


@dataclass
class HookedVisitor(Visitor):
    """A Visitor that calls the hooks."""

    hooks: Hooks = field(default_factory=Hooks)
    logins: Logins | None = None

    async def _ask(self, url: CrawlURL) -> Capture:
        if url.kind is Kind.ROBOTS:
            return await super()._ask(url)
        try:
            rule = await self._refused(url)
            if rule is not None:
                return self._without_fetch(url, OutcomeKind.EXCLUDED, rule, None)
            asked, generation = await self._dressed(url)
        except HookFailed as error:
            return self._without_fetch(url, OutcomeKind.FAILED, str(error), FailureKind.HOOK)
        asked, earlier = await self._conditional(asked)
        exchange = await self.fetcher.fetch(asked)
        try:
            return await self._heard(url, exchange, generation, earlier)
        except BaseException:
            if exchange.response is not None:
                exchange.response.close()
            raise

    async def _refused(self, url: CrawlURL) -> str | None:
        """The rule by which the user does not want the URL."""
        if self.hooks.accept is None:
            return None
        said = await _called("accept", self.hooks.accept(url))
        if isinstance(said, str):
            return said
        return None if said else "accept hook"

    async def _dressed(self, url: CrawlURL) -> tuple[CrawlURL, int]:
        """The URL with the headers to ask for it with, and the generation of its login."""
        held, generation = ({}, 0) if self.logins is None else self.logins.held(url.url)
        headers = _checked("login", held)
        if self.hooks.before_request is not None:
            headers |= _checked("before_request", await _called("before_request", self.hooks.before_request(url)))
        if not headers:
            return url, generation
        secret = {*map(str.lower, held), *(_SECRET & set(map(str.lower, headers)))}
        return replace(url, headers=tuple(headers.items()), secret=tuple(sorted(secret))), generation

    async def _heard(self, url: CrawlURL, exchange: Exchange, generation: int, earlier: Earlier | None) -> Capture:
        """What follows from the answer. The host is free meanwhile: hooks may take their time."""
        host = host_report(exchange, utc(self.clock.time()))
        self.frontier.fetched(url, NOT_ASKED if self.offline else host)
        failed = ""
        try:
            if self.hooks.on_response is not None:
                await _called("on_response", self.hooks.on_response(url, exchange))
            if self.logins is not None and exchange.status != 401:
                self.logins.answered(url.url)
            elif self.logins is not None and not url.again:
                again = await _called("login", self.logins.again(url, exchange, generation))
                if again:
                    retry = RetryAt(0.0, "status 401; logged in since")
                    return Capture(url, retry, exchange.started, exchange, host=host)
        except HookFailed as error:
            failed = str(error)
        capture = await self._judged(url, exchange, earlier)
        if failed and isinstance(capture.disposition, Finished):
            disposition = Finished(OutcomeKind.FAILED, failed)
            return replace(capture, disposition=disposition, failure=FailureKind.HOOK, outlinks=(), joins=None)
        return capture

    async def _extraction(self, url: CrawlURL, exchange: Exchange) -> Extraction:
        found = await super()._extraction(url, exchange)
        if self.hooks.extract is None:
            return found
        said = await _called("extract", self.hooks.extract(url, exchange, found))
        if said is None or isinstance(said, Extraction):
            return said or found
        return _with(found, url.url, said)

    def _search_failed(
        self, url: CrawlURL, disposition: Disposition, error: Exception
    ) -> tuple[Disposition, FailureKind | None]:
        if not isinstance(error, HookFailed):
            return super()._search_failed(url, disposition, error)
        settled = isinstance(disposition, Settled)
        return (disposition if settled else Finished(OutcomeKind.FAILED, str(error))), FailureKind.HOOK


def _with(found: Extraction, base: str, links: Iterable[str]) -> Extraction:
    """What was found, and the links that a hook adds to it; what is no web address is no link."""
    more = dict(found.links)
    for link in links:
        if not isinstance(link, str):
            raise HookFailed(f"the extract hook returned {link!r}, which is no link")
        target = join(base, link)
        if target is not None:
            more.setdefault(target, _LINK)
    return replace(found, links=more)


async def _called(name: str, result: Awaitable[T]) -> T:
    try:
        return await result
    except Exception as error:
        raise HookFailed(f"the {name} hook raised {type(error).__name__}: {error}") from error


def _checked(name: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that may be sent."""
    if not headers:
        return {}
    try:
        check_headers(tuple(headers.items()))
    except (ValueError, TypeError, AttributeError) as error:
        raise HookFailed(f"the {name} hook returned headers that cannot be sent: {error}") from error
    return dict(headers)
