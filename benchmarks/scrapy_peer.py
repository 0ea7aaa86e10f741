"""The peer in Scrapy: follows every link and requisite of one host, obeys robots.txt, keeps nothing.

Run by benchmarks/pages.py with a Python that has Scrapy: python scrapy_peer.py URL
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import HtmlResponse, Response
from scrapy.linkextractors import LinkExtractor

SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0,
    "HTTPERROR_ALLOW_ALL": True,
    "LOG_LEVEL": "ERROR",
    "ROBOTSTXT_OBEY": True,
    "TELNETCONSOLE_ENABLED": False,
}


class WholeSite(scrapy.Spider):  # type: ignore[misc]  # Scrapy is not installed where types are checked
    """Every address of one host, once."""

    name = "whole-site"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.start_urls = [url]
        self.links = LinkExtractor(
            allow_domains=[urlsplit(url).netloc],
            tags=("a", "area", "link", "img", "script"),
            attrs=("href", "src"),
            deny_extensions=[],
        )

    def parse(self, response: Response) -> Iterator[scrapy.Request]:
        if isinstance(response, HtmlResponse):
            for link in self.links.extract_links(response):
                yield scrapy.Request(link.url)


if __name__ == "__main__":
    process = CrawlerProcess(SETTINGS)
    process.crawl(WholeSite, url=sys.argv[1])
    process.start()
