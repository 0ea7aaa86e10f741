"""Goes through an archive and tells, page by page, which requisites of it were never captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from msgspec import Struct

from crawler.audit.needs import needs_of, redirect_need
from crawler.audit.reading import capture_of, document_of, location_of, may_need_something
from crawler.frontier.asking import Kept, Stand, Standing, Standings
from crawler.model import Outlink
from crawler.querystrip import QueryStrip
from crawler.scope import Scope
from storage import Archive, ArchiveError

_REMEMBERED = 100_000
"""Requisites whose standing is not asked for again: most pages of a site need the same."""

_WORDS = {
    Standing.UNKNOWN: "never asked for",
    Standing.QUEUED: "still queued",
    Standing.FAILED: "failed",
}


class Missing(Struct, frozen=True):
    """A requisite that is not in the archive."""

    link: Outlink
    stand: Stand

    @property
    def why(self) -> str:
        words = _WORDS[self.stand.standing]
        return f"{words}: {self.stand.reason}" if self.stand.reason else words


class Audited(Struct, frozen=True):
    """One document and what is missing of it."""

    kept: Kept
    missing: tuple[Missing, ...] = ()
    unreadable: str | None = None
    """Why its record could not be read."""


@dataclass(slots=True)
class Figures:
    """What an audit found in all; each requisite counts once, however many pages need it."""

    documents: int = 0
    incomplete: int = 0
    """Documents of which something is missing."""
    unreadable: int = 0
    captured: int = 0
    errors: int = 0
    """Of the captured: answered with a status of 400 or more."""
    missing: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    """Left out by a rule (robots.txt, an exclude …), by its name; these are not missing."""

    @property
    def completeness(self) -> float | None:
        """The part of the requisites that is in the archive, 0 to 1; 1 if nothing was needed, and None where nobody
        knows what was, since documents cannot be read."""
        if self.unreadable:
            return None
        needed = self.captured + self.missing
        return self.captured / needed if needed else 1.0


class Audit:
    """One pass over the archive of a crawl directory. Reads only."""

    def __init__(self, standings: Standings, archive: Archive, scope: Scope, strip: QueryStrip | None) -> None:
        self._standings, self._archive, self._scope, self._strip = standings, archive, scope, strip
        self.figures = Figures()
        self._counted: set[int] = set()
        """Hashes of the requisites that are in the figures: a number each, since there may be millions."""
        self._stand = lru_cache(_REMEMBERED)(standings.stand)

    def run(self) -> Iterator[Audited]:
        """Every document that may need something, in the order in which they were archived.

        Raises LedgerError; what is wrong with a record is told of its document."""
        for kept in self._standings.kept():
            if may_need_something(kept):
                self.figures.documents += 1
                yield self._audited(kept)

    def _audited(self, kept: Kept) -> Audited:
        try:
            needs = self._needs(kept)
        except _Unreadable as error:
            self.figures.unreadable += 1
            return Audited(kept, unreadable=str(error))
        missing = []
        for link in needs:
            stand = self._stand(link.url)
            self._count(link.url, stand)
            if stand.standing in _WORDS:
                missing.append(Missing(link, stand))
        self.figures.incomplete += bool(missing)
        return Audited(kept, tuple(missing))

    def _needs(self, kept: Kept) -> list[Outlink]:
        try:
            capture = capture_of(self._archive, kept)
            if capture is None:
                raise _Unreadable("the archive does not have it")
            location = location_of(capture)
            if location is not None:
                link = redirect_need(kept.url, location, self._scope, self._strip)
                return [] if link is None else [link]
            return needs_of(kept.url, document_of(capture), self._scope, self._strip)
        except (ArchiveError, OSError) as error:
            raise _Unreadable(str(error)) from error

    def _count(self, url: str, stand: Stand) -> None:
        name = hash(url)
        if name in self._counted:
            return
        self._counted.add(name)
        figures = self.figures
        if stand.standing is Standing.CAPTURED:
            figures.captured += 1
            figures.errors += stand.status is not None and stand.status >= 400
        elif stand.standing is Standing.EXCLUDED:
            figures.excluded[stand.reason or "a rule"] += 1
        else:
            figures.missing += 1


class _Unreadable(Exception):
    """A record that cannot be read."""
