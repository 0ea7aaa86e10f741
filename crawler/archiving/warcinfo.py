"""The warcinfo block: who crawled, with what, and how (WARC 1.1 section 6.2)."""

from __future__ import annotations

import socket

from crawler.config import CrawlConfig
from crawler.identity.agent import user_agent
from crawler.network.proxies import without_login
from crawler.version import NAME, VERSION


def warcinfo_block(config: CrawlConfig) -> bytes:
    """application/warc-fields: DCMI terms as the standard lists them, and the options that shape what is captured."""
    fields = [
        ("software", f"{NAME}/{VERSION}"),
        ("format", "WARC File Format 1.1"),
        ("conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"),
        ("hostname", socket.gethostname()),
        ("http-header-user-agent", user_agent(config)),
        ("robots", "classic" if config.robots else "ignore"),
        ("scope", config.scope.value),
        ("max-body", str(config.max_body)),
    ]
    if config.insecure:
        fields.append(("certificates", "not verified"))
    if config.proxy:
        fields.append(("proxy", without_login(config.proxy)))
    if config.contact:
        fields.insert(1, ("operator", config.contact))
    return "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields).encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())
