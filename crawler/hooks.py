"""Coroutines of the user's that take part in a crawl: `Crawl(config, hooks=Hooks(accept=…, extract=…))`.

Each is called for one URL and may take its time: only that URL waits for it. What one raises is that URL's failure. A
hook that is None costs nothing. None of them is asked about robots.txt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec import Struct

from crawler.model import CrawlURL, Exchange, Extraction, Outcome

Accept = Callable[[CrawlURL], Awaitable[bool | str]]
BeforeRequest = Callable[[CrawlURL], Awaitable[Mapping[str, str] | None]]
OnResponse = Callable[[CrawlURL, Exchange], Awaitable[None]]
Extract = Callable[[CrawlURL, Exchange, Extraction], Awaitable[Extraction | Iterable[str] | None]]
OnOutcome = Callable[[Outcome], Awaitable[None]]
Login = Callable[[CrawlURL, Exchange], Awaitable[Mapping[str, str] | None]]


class Hooks(Struct, frozen=True, kw_only=True):
    """All optional; coroutine functions, or anything that returns an awaitable."""

    accept: Accept | None = None
    """Asked before each fetch, after all rules. False excludes the URL, a text excludes it with that as its rule."""
    before_request: BeforeRequest | None = None
    """Returns headers to send along. Authorization and Cookie are masked in the archive, unless `redact` is off."""
    on_response: OnResponse | None = None
    """Sees what came back, of any status, before anything is decided by it; also when that is no whole answer."""
    extract: Extract | None = None
    """Sees an answer and what was found in it. Returns further links (absolute URLs), an Extraction in place of the one
    found, or None. Links go through the rules like any others. Redirects and failures are not shown."""
    on_outcome: OnOutcome | None = None
    """Called after the commit, as a done-callback is."""
    login: Login | None = None
    """Called on a 401. Returns headers for all further requests to that scheme, host and port, masked in the archive;
    the URL is then asked for once more, and so are those that met a 401 meanwhile. None: the 401 stands. One call at a
    time a host."""
