"""What an answer to a request for robots.txt means for its host (RFC 9309 section 2.3). Pure."""

from __future__ import annotations

from crawler.frontier import RobotsAnswer
from crawler.model import Exchange, FailureKind
from crawler.robotstxt import crawl_delay, decode
from crawler.urls import location_target

MAX_HOPS = 5
"""RFC 9309 section 2.3.1.2: at least five redirects are followed."""
CACHE_SECONDS = 86_400.0
"""RFC 9309 section 2.4: not longer than 24 hours."""
TOO_MANY_REQUESTS = 429
"""A server that asks for fewer requests has not said that anything may be asked; the large search engines agree."""
UNREACHABLE_SECONDS = 3_600.0
"""How long a host counts as unreachable before its robots.txt is asked for again."""

BARRED_SECONDS = 10.0
"""How long an address counts as barred. Asking costs nothing, and `--allow-private` may have been given meanwhile."""


def answer_of(exchange: Exchange, hops: int, agent: str) -> RobotsAnswer:
    """What the final attempt for a robots.txt means (RFC 9309 section 2.3.1)."""
    status = exchange.status
    if not exchange.whole or status is None:
        if exchange.message is not None and exchange.truncated == "length" and status == 200:
            return _rules(exchange, agent)
        kind = exchange.failure.kind if exchange.failure is not None else FailureKind.ROBOTS
        if kind is FailureKind.ADDRESS and hops:
            return RobotsAnswer(text="")  # a redirect that cannot be followed, as below
        if kind is FailureKind.ADDRESS and exchange.failure is not None:
            return RobotsAnswer(refusal=exchange.failure.reason, failure=kind, expires_in=BARRED_SECONDS)
        reason = exchange.failure.reason if exchange.failure is not None else f"truncated: {exchange.truncated}"
        return RobotsAnswer(refusal=reason, failure=kind, expires_in=UNREACHABLE_SECONDS)
    if 300 <= status < 400 and status != 304:
        location = exchange.header("location")
        target = None if location is None else location_target(exchange.url, location)
        if target is None or hops >= MAX_HOPS:
            return RobotsAnswer(text="")  # section 2.3.1.2: may be taken as unavailable
        return RobotsAnswer(next_url=target)
    if 200 <= status < 300:
        return _rules(exchange, agent)
    if status < 500 and status != TOO_MANY_REQUESTS:
        return RobotsAnswer(text="")  # section 2.3.1.3: unavailable, anything may be asked
    reason = f"robots.txt answered {status}"  # section 2.3.1.4: unreachable, nothing may be asked
    return RobotsAnswer(refusal=reason, failure=FailureKind.ROBOTS, expires_in=UNREACHABLE_SECONDS)


def _rules(exchange: Exchange, agent: str) -> RobotsAnswer:
    text = decode(exchange.content)
    return RobotsAnswer(text=text, expires_in=CACHE_SECONDS, crawl_delay=crawl_delay(text, agent))
