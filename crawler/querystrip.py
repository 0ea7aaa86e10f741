"""Query parameters that make no difference: taken out of every URL before it is judged, queued and asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from urllib.parse import unquote_plus

from crawler.links.roles import better
from crawler.model import Links, Role


class QueryStrip:
    """Patterns of names, as a shell writes them (`utm_*`, `PHPSESSID`); case counts, percent-encoding does not."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._unwanted = re.compile("|".join(translate(pattern) for pattern in patterns))

    def url(self, url: str) -> str:
        """The normalised URL without them; the others keep their order and spelling, and no lone `?` is left behind."""
        path, mark, query = url.partition("?")
        if not mark:
            return url
        parameters = query.split("&")
        kept = [each for each in parameters if not self._unwanted.match(unquote_plus(each.partition("=")[0]))]
        if len(kept) == len(parameters):
            return url
        return f"{path}?{'&'.join(kept)}" if kept else path

    def links(self, links: Links) -> Links:
        """A document's links without them, each with its best role."""
        if not any("?" in url for url in links):
            return links
        stripped: dict[str, Role] = {}
        for spelled, role in links.items():
            url = self.url(spelled)
            known = stripped.get(url)
            stripped[url] = role if known is None or known is role else better(known, role)
        return stripped
