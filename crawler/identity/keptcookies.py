"""The cookies as the ledger has them: those that committed answers set, and no others.

The fetcher's own jar is ahead of them. Were it kept as it is, a crawl that is killed between an answer's arrival and
its commit would ask again with the cookie that this answer sets: the answer then changes nothing, and a redirect that
leads back to a page already seen is not followed there.
"""

from __future__ import annotations

from collections.abc import Iterable

from crawler.identity.cookies import CookieJar, set_cookie_fields
from crawler.model import Exchange


class KeptCookies:
    """Goes on from what the fetcher's jar holds before the first answer."""

    def __init__(self, jar: CookieJar) -> None:
        self._kept = jar.copy()

    def after(self, exchanges: Iterable[Exchange | None]) -> CookieJar:
        """The jar as it is once these are committed, in this order; `committed` makes it so."""
        answers = [
            (each, fields) for each in exchanges if each is not None and (fields := set_cookie_fields(each.headers))
        ]
        if not answers:
            return self._kept
        jar = self._kept.copy()
        for exchange, fields in answers:
            jar.receive(exchange.url, fields)
        return jar

    def committed(self, jar: CookieJar, number: int) -> None:
        """The jar that `after` gave is durable, by the number of its snapshot."""
        jar.saved(number)
        self._kept = jar
