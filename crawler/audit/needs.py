"""What a document needs to be shown, as the rules of its crawl see it. Pure."""

from __future__ import annotations

from crawler.links import extract
from crawler.links.document import Document
from crawler.model import CrawlURL, Kind, Outlink
from crawler.querystrip import QueryStrip
from crawler.scope import Scope
from crawler.urls import location_target


def needs_of(url: CrawlURL, document: Document, scope: Scope, strip: QueryStrip | None) -> list[Outlink]:
    """The requisites that the document asks for, those left out that a rule forbids."""
    links = extract(document).links
    if strip is not None:
        links = strip.links(links)
    return [link for link in scope.judge(url, links, {}) if link.kind is Kind.REQUISITE]


def redirect_need(url: CrawlURL, location: str, scope: Scope, strip: QueryStrip | None) -> Outlink | None:
    """Where a requisite's redirect leads to is needed as well; a page's is a page of its own."""
    if url.kind is not Kind.REQUISITE:
        return None
    target = location_target(url.url, location)
    if target is None:
        return None
    link, _, _ = scope.judge_redirect(url, target if strip is None else strip.url(target))
    return link
