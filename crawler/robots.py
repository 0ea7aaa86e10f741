"""robots.txt by RFC 9309: what an answer means for its host, and what its rules say of a URL. Pure."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import urlsplit

from protego import Protego

from crawler.frontier import RobotsAnswer
from crawler.model import Exchange, FailureKind
from crawler.urls import location_target

MAX_SIZE = 500 * 1024
"""RFC 9309 section 2.5: at least 500 KiB are parsed."""
MAX_HOPS = 5
"""RFC 9309 section 2.3.1.2: at least five redirects are followed."""
CACHE_SECONDS = 86_400.0
"""RFC 9309 section 2.4: not longer than 24 hours."""
UNREACHABLE_SECONDS = 3_600.0
"""How long a host counts as unreachable before its robots.txt is asked for again."""
CACHED_HOSTS = 500


def answer_of(exchange: Exchange, hops: int, agent: str) -> RobotsAnswer:
    """What the final attempt for a robots.txt means (RFC 9309 section 2.3.1)."""
    status = exchange.status
    if not exchange.whole or status is None:
        if exchange.message is not None and exchange.truncated == "length" and status == 200:
            return _rules(exchange, agent)
        kind = exchange.failure.kind if exchange.failure is not None else FailureKind.ROBOTS
        if kind is FailureKind.ADDRESS and hops:
            return RobotsAnswer(text="")  # a redirect that cannot be followed, as below
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
    if status < 500:
        return RobotsAnswer(text="")  # section 2.3.1.3: unavailable, anything may be asked
    reason = f"robots.txt answered {status}"  # section 2.3.1.4: unreachable, nothing may be asked
    return RobotsAnswer(refusal=reason, failure=FailureKind.ROBOTS, expires_in=UNREACHABLE_SECONDS)


def _rules(exchange: Exchange, agent: str) -> RobotsAnswer:
    text = exchange.content[:MAX_SIZE].decode("utf-8", "replace").removeprefix("\ufeff")
    delay = Protego.parse(text).crawl_delay(agent)
    return RobotsAnswer(text=text, expires_in=CACHE_SECONDS, crawl_delay=min(float(delay or 0.0), 3600.0))


class RobotsRules:
    """Asks the rules of many hosts for one user agent; parsed rules are kept for the hosts asked last."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._parsed: OrderedDict[str, Protego] = OrderedDict()

    def allows(self, url: str, text: str) -> bool:
        """Whether the rules in `text`, those of the URL's host, allow it."""
        if not text:
            return True
        parsed = self._parsed.get(text)
        if parsed is None:
            parsed = self._parsed[text] = Protego.parse(text)
            if len(self._parsed) > CACHED_HOSTS:
                self._parsed.popitem(last=False)
        else:
            self._parsed.move_to_end(text)
        return bool(parsed.can_fetch(url, self._agent))


def is_robots_url(url: str) -> bool:
    """True for a URL that is some host's robots.txt: always allowed (RFC 9309 section 2.2.2)."""
    return urlsplit(url).path == "/robots.txt"
