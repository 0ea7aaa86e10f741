"""Who asks: the name that a crawl gives itself to servers and to robots.txt."""

from __future__ import annotations

from crawler.config import CrawlConfig
from crawler.version import NAME, VERSION


def user_agent(config: CrawlConfig) -> str:
    """The User-Agent header: `--user-agent`, or the program's own, with the contact address as other crawlers do."""
    if config.user_agent is not None:
        return config.user_agent
    return f"{NAME}/{VERSION} (+{config.contact})" if config.contact else f"{NAME}/{VERSION}"


def product_token(config: CrawlConfig) -> str:
    """What robots.txt groups are matched against (RFC 9309 section 2.2.1): the agent's first product, no version."""
    words = user_agent(config).split()
    return words[0].partition("/")[0] if words else NAME
