"""`--respect-nofollow`: which links a page asks robots not to follow. Pure.

What a page needs to be shown is fetched all the same. `noindex`, `noarchive` and `nosnippet` speak to search engines
about their results, not to archives about their crawl, and are not looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec.structs import replace

from crawler.links.roles import nofollow
from crawler.model import Exchange, Extraction, Kind, Links, Role

_FORBIDDING = frozenset(("nofollow", "none"))  # https://www.robotstxt.org/meta.html; none is noindex with nofollow
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
_NAMED = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*:(.*)", re.DOTALL)
_FOLLOWED_BY_PEOPLE = (Kind.NAVIGATION, Kind.GUESS)


def page_forbids(exchange: Exchange, extraction: Extraction, agent: str) -> bool:
    """Whether the page's meta elements or its X-Robots-Tag ask this crawler, or all, not to follow its links.

    What is said to all holds beside what is said to the crawler by name."""
    agent = agent.lower()
    named = (content for name, content in extraction.robots if name.lower() in ("robots", agent))
    if any(_forbids(content) for content in named):
        return True
    return any(_header_forbids(value, agent) for name, value in exchange.headers if name.lower() == "x-robots-tag")


def marked(links: Links) -> dict[str, Role]:
    """The links of a page that forbids all of them to be followed."""
    return {url: nofollow(role) if role.kind in _FOLLOWED_BY_PEOPLE else role for url, role in links.items()}


def allowed(links: Links) -> dict[str, Role]:
    """Without the links not to be followed; one that its page shows as well stays as a requisite."""
    kept = {url: role for url, role in links.items() if not role.nofollow or role.embedded}
    return {url: _shown(role) if role.nofollow else role for url, role in kept.items()}


@lru_cache(maxsize=256)
def _shown(role: Role) -> Role:
    return replace(role, kind=Kind.REQUISITE, embedded=False)


def _forbids(directives: str) -> bool:
    return any(directive.strip().lower() in _FORBIDDING for directive in directives.split(","))


def _header_forbids(value: str, agent: str) -> bool:
    """A name before directives makes them speak to that robot alone, up to the next name."""
    concerned = True
    for part in value.split(","):
        directive = part
        named = _NAMED.match(part)
        if named is not None and named[1].lower() not in _WITH_VALUE:
            concerned, directive = named[1].lower() == agent, named[2]
        if concerned and directive.strip().lower() in _FORBIDDING:
            return True
    return False
