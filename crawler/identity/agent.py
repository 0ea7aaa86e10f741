"""Who asks: the name that a crawl gives itself to servers and to robots.txt."""

from __future__ import annotations

from crawler.config import CrawlConfig
from crawler.version import NAME, VERSION


def user_agent(config: CrawlConfig) -> str:
    """The User-Agent header: `--user-agent` or the program's own, and behind it, where it does not tell it already, the
    contact address as a comment, as other crawlers do (RFC 9110 section 10.1.5)."""
    name = config.user_agent or f"{NAME}/{VERSION}"
    return name if config.contact is None or config.contact in name else f"{name} (+{config.contact})"


def product_token(config: CrawlConfig) -> str:
    """What robots.txt groups are matched against (RFC 9309 section 2.2.1): the agent's first product, no version."""
    words = user_agent(config).split()
    return words[0].partition("/")[0] if words else NAME
