"""A crawl.db that an earlier version began is brought to this version's format, and keeps what it holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from crawler.clock import utc
from crawler.frontier.schema import FORMAT
from crawler.frontier.sqlite import SqliteFrontier
from crawler.frontier.store import Store
from tests.support.fakeclock import START, FakeClock
from tests.support.formats import FORMAT_1
from tests.support.frontiers import NOON, claim_one, item, link, settle

ROW = (1, 1, 1, 5, "http://a.test/", "archived", None, None, NOON.timestamp(), 200, "text/html", 10, 5, 1, 0, 0)
REST = (None, 1, "A title", 0, "s-1.warc.gz", 3, 77, "<urn:uuid:1>", "sha256:1", 40)


def columns(path: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in tables}


async def test_format_1_is_upgraded_and_its_outcomes_stay(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as db:
        db.executescript(FORMAT_1)
        db.execute(f"INSERT INTO ledger VALUES ({', '.join('?' * 26)})", (*ROW, *REST))
        db.commit()
    frontier = await SqliteFrontier.open(old, delay=0.0, per_host=1, robots=False)
    (outcome,) = frontier.outcomes(0)
    await frontier.close()
    assert (outcome.url, outcome.started, outcome.fetched, outcome.archived) == ("http://a.test/", NOON, None, None)
    Store(tmp_path / "new.db").close()
    assert columns(old) == columns(tmp_path / "new.db")
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)


async def test_an_outcome_knows_when_it_was_asked_for_fetched_and_archived(tmp_path: Path) -> None:
    """As it is told at once, and as it is read back."""
    frontier = await SqliteFrontier.open(
        tmp_path / "crawl.db", delay=0.0, per_host=1, robots=False, clock=FakeClock(START)
    )
    await frontier.add([link("http://a.test/")])
    url = await claim_one(frontier, "http://a.test/")

    (told,) = await settle(frontier, replace(item(url), fetched=NOON + timedelta(seconds=2)))
    (read,) = frontier.outcomes(0)
    await frontier.close()
    assert told is not None
    for outcome in (told, read):
        assert (outcome.started, outcome.fetched, outcome.archived) == (NOON, NOON + timedelta(seconds=2), utc(START))
