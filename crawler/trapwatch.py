"""Watches the pages of a run for traps whose URLs look like any others, and says where it stopped following links."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from crawler.model import CrawlURL, Extraction, Kind, Outlink
from crawler.rules.patterns import pattern_of
from crawler.rules.repeats import Repeats, concerns
from crawler.scope import Scope

log = logging.getLogger(__name__)


class TrapWatch:
    """What `--include` matches is followed in any case."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._repeats = Repeats()
        self._told: set[str] = set()
        """Patterns that the log names: each of them once."""

    def watch(
        self, url: CrawlURL, extraction: Extraction, content: bytes, outlinks: list[Outlink]
    ) -> tuple[Extraction, list[Outlink]]:
        """The extraction and those of its accepted new links that are to be followed."""
        if not any(concerns(url.kind, link.kind) for link in outlinks):
            return extraction, outlinks
        requisites = (link for link, role in extraction.links.items() if role.kind is Kind.REQUISITE)
        unwanted = self._repeats.unwanted(url, extraction.title, requisites, content, outlinks)
        dropped = {link.url for link in unwanted if not self._included(link)}
        if not dropped:
            return extraction, outlinks
        why = f"nearly the same as many pages with such addresses before: {len(dropped)} new links to more of them"
        pattern = pattern_of(url.url)
        log.log(logging.DEBUG if pattern in self._told else logging.WARNING, "%s: %s are not followed", url.url, why)
        self._told.add(pattern)
        kept = [link for link in outlinks if link.url not in dropped]
        return replace(extraction, unfollowed=why), kept

    def _included(self, link: Outlink) -> bool:
        return self._scope.verdict(link.url, link.kind, link.depth, link.offsite, link.seed).rule == "include"
