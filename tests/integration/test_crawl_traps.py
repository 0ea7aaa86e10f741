"""A site without end: the crawl of it ends by itself, and what is worth having is fetched."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from crawler.model import OutcomeKind
from tests.support.engine import crawl
from tests.support.trapsite import HOST, TrapSite, content

MOST_FETCHES = 2500
"""For 55 pages of content among two calendars, sessions, links that go astray, frames in frames and
style sheets that import style sheets."""
CALENDAR = f"{HOST}/calendar?offset=0"
"""Its months alone are more than 400 pages."""


async def test_it_ends_by_itself_and_misses_nothing(crawl_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TrapSite() as web:
        ran = await crawl(web, crawl_dir, f"{HOST}/", max_pages=2 * MOST_FETCHES, robots=False)
        asked = web.urls
    assert ran.summary.stopped_by is None
    assert len(asked) <= MOST_FETCHES
    assert content() - set(asked) == set()
    ends = {(outcome.kind, outcome.reason) for outcome in ran.outcomes}
    kept = (OutcomeKind.ARCHIVED, None)
    assert ends == {kept, (OutcomeKind.EXCLUDED, "trap-nesting")}, "what was fetched of a trap is kept"
    assert sum(outcome.kind is OutcomeKind.ARCHIVED for outcome in ran.outcomes) == len(asked)
    told = [record.getMessage().split("?")[0] for record in caplog.records if "are not followed" in record.getMessage()]
    assert f"{HOST}/calendar" in told
    assert len(told) == len(set(told)), "each kind of page is named once"
    segments = b"".join(gzip.decompress(path.read_bytes()) for path in (crawl_dir / "archive").iterdir())
    assert b"unfollowed: nearly the same as many pages" in segments


async def test_without_the_rules_it_would_not_end(crawl_dir: Path) -> None:
    with TrapSite() as web:
        ran = await crawl(web, crawl_dir, CALENDAR, traps=False, exclude=("/event",), max_pages=400, robots=False)
    assert ran.summary.stopped_by is not None


async def test_what_is_included_is_followed_on_and_on(crawl_dir: Path) -> None:
    with TrapSite() as web:
        ran = await crawl(web, crawl_dir, CALENDAR, include=("/calendar",), max_pages=400, robots=False)
    assert ran.summary.stopped_by is not None
