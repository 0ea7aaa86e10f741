"""The embedded frontier conforms; and what is its own: the file, the bounded working set, the errors of SQLite."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import LedgerError
from crawler.frontier import Commit, CommitFailed, Frontier, HostReport, Readiness, RobotsAnswer, StoredPace, Tallies
from crawler.frontier import claiming as claiming_module
from crawler.frontier import loading as loading_module
from crawler.frontier import sqlite as sqlite_module
from crawler.frontier.schema import FORMAT
from crawler.frontier.sqlite import SqliteFrontier
from crawler.frontier.store import Store
from crawler.liveness import UNKNOWN
from tests.support.fakeclock import FakeClock, turns
from tests.support.frontier_model import FrontierModel, Web
from tests.support.frontiers import (
    ALLOW,
    Bench,
    answer_robots,
    claim_all,
    claim_one,
    finish_all,
    idle,
    item,
    link,
    retry,
    settle,
    urls,
)
from tests.unit.frontier_conformance import FrontierConformance

A = "http://a.test/"


@pytest.fixture
def path(memory_path: Path) -> Path:
    return memory_path / "crawl.db"


@pytest.fixture
async def bench(path: Path) -> AsyncIterator[Bench]:
    async def opener(**options: object) -> Frontier:
        return await SqliteFrontier.open(path, **options)

    bench = Bench(opener)
    yield bench
    await bench.close()


class TestSqliteFrontier(FrontierConformance):
    pass


def small_sizes(monkeypatch: pytest.MonkeyPatch, *, working_set: int, turn: int = 2, prefetch: int = 3) -> None:
    monkeypatch.setattr(loading_module, "WORKING_SET", working_set)
    monkeypatch.setattr(loading_module, "PREFETCH", prefetch)
    monkeypatch.setattr(claiming_module, "TURN", turn)


def loaded(frontier: Frontier) -> int:
    """How many origins are in memory."""
    assert isinstance(frontier, SqliteFrontier)
    return len(frontier._claiming._set)


class TestWorkingSet:
    @pytest.mark.parametrize("working_set", [1, 2, 5])
    @pytest.mark.parametrize("robots", [False, True])
    async def test_the_model_holds_with_room_for_few(
        self, bench: Bench, rng: random.Random, rounds: Callable[[int], int], monkeypatch: pytest.MonkeyPatch,
        working_set: int, robots: bool,
    ) -> None:  # fmt: skip
        small_sizes(monkeypatch, working_set=working_set)
        web = Web(rng, hosts=8, pages=50)
        model = FrontierModel(bench, rng, web, depth_matters=True, robots=robots, may_withhold=True)
        await model.begin()
        for _ in range(rounds(150)):
            await model.step()
            assert loaded(model.frontier) <= working_set
        await model.finish()
        await model.check_end()

    async def test_all_origins_are_served_and_memory_holds_few(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small_sizes(monkeypatch, working_set=8)
        frontier = await bench.open(robots=True, delay=1.0)
        hosts = [f"http://h{n}.test/" for n in range(60)]
        await frontier.add_seeds([f"{host}{k}" for host in hosts for k in range(3)])
        served: Counter[str] = Counter()
        waits = 0
        while True:
            claimed = await frontier.claim(4)
            assert loaded(frontier) <= 8
            if not claimed:
                waits += 1
                assert waits < 400, "a busy loop"
                if await idle(frontier) is Readiness.EMPTY:
                    break
                await bench.clock.advance(1)
                continue
            served.update(url.url for url in claimed)
            await settle(frontier, *(item(url, robots=RobotsAnswer(text="")) for url in claimed))
        assert served == Counter([f"{host}{k}" for host in hosts for k in (0, 1, 2, "robots.txt")])
        assert loaded(frontier) == 0

    async def test_nobody_starves_behind_a_host_that_is_never_done(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small_sizes(monkeypatch, working_set=2, turn=4)
        frontier = await bench.open(per_host=2)
        endless = [f"http://big{n}.test/" for n in range(3)]
        small = [f"http://h{n}.test/" for n in range(6)]
        await frontier.add_seeds([*endless, *small])
        done: list[str] = []
        running = list(await frontier.claim(2))
        for number in range(200):
            # Two are always in flight, so the endless hosts are never without a claim.
            url = running.pop(0)
            more = [link(f"{endless[n]}{number}") for n in range(3)] if "big" in url.url else []
            await settle(frontier, item(url, links=more))
            done.append(url.url)
            running += await frontier.claim(2 - len(running))
        assert set(small) <= set(done)
        assert len([url for url in done[:100] if "big" in url]) > 20

    async def test_hosts_that_must_wait_long_make_room(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        small_sizes(monkeypatch, working_set=4)
        frontier = await bench.open(per_host=1)
        slow = [f"http://slow{n}.test/" for n in range(4)]
        quick = [f"http://quick{n}.test/" for n in range(12)]
        await frontier.add_seeds([f"{host}{k}" for host in slow for k in range(2)])
        held = HostReport(pushback=True, retry_after=3000)
        await settle(frontier, *(item(url, host=held) for url in await frontier.claim(4)))
        await frontier.add_seeds(quick)
        assert sorted(urls(await finish_all(frontier))) == sorted(quick)
        assert await idle(frontier) is None
        await bench.clock.advance(2999)
        assert await claim_all(frontier) == []
        await bench.clock.advance(1)
        assert len(await finish_all(frontier)) == 4
        assert await idle(frontier) is Readiness.EMPTY

    async def test_an_origin_put_off_for_a_retry_comes_back_at_once_for_a_new_link(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small_sizes(monkeypatch, working_set=1)
        frontier = await bench.open()
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), retry(1000)))
        await frontier.add_seeds(["http://b.test/"])
        b = await claim_one(frontier, "http://b.test/")
        assert loaded(frontier) == 1
        await settle(frontier, item(b, links=[link(A + "x")]))
        assert urls(await finish_all(frontier)) == [A + "x"]
        assert await idle(frontier) is None
        await bench.clock.advance(1000)
        assert urls(await finish_all(frontier)) == [A]

    async def test_an_origin_with_nothing_left_leaves_memory_and_comes_back(self, bench: Bench) -> None:
        frontier = await bench.open()
        hosts = [f"http://h{n}.test/" for n in range(50)]
        await frontier.add_seeds(hosts)
        await finish_all(frontier)
        assert loaded(frontier) == 0
        await frontier.add_seeds([hosts[7] + "x"])
        assert urls(await finish_all(frontier)) == [hosts[7] + "x"]

    async def test_what_a_host_taught_comes_back_with_it(self, bench: Bench) -> None:
        frontier = await bench.open(delay=None)
        await frontier.add_seeds([A])
        await settle(frontier, item(await claim_one(frontier, A), host=HostReport(answer_ms=1000)))
        assert await idle(frontier) is Readiness.EMPTY
        assert loaded(frontier) == 0
        await frontier.add_seeds([A + "x", A + "y"])
        await claim_one(frontier, A + "x")
        assert await claim_all(frontier) == []
        await bench.clock.advance(4.9)
        assert await claim_all(frontier) == []
        await bench.clock.advance(0.1)
        await claim_one(frontier, A + "y")

    async def test_known_is_bounded(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite_module, "KNOWN_LIMIT", 100)
        frontier = await bench.open()
        await frontier.add_seeds([f"{A}{n}" for n in range(250)])
        assert len(frontier.known) <= 100
        assert f"{A}249" in frontier.known
        await frontier.add_seeds([f"{A}x{n}" for n in range(90)])
        assert len(frontier.known) <= 100


class TestFile:
    async def test_a_file_that_is_no_database(self, path: Path) -> None:
        path.write_bytes(b"not a database, but long enough to be read as the header of one" * 20)
        with pytest.raises(LedgerError, match=r"crawl\.db: cannot be opened"):
            await SqliteFrontier.open(path, delay=None, per_host=2)

    async def test_the_format_before_is_taken_over(self, path: Path) -> None:
        Store(path).close()
        with sqlite3.connect(path) as db:
            for column in ("silences", "silent_until", "answered", "dead", "dead_failure"):
                db.execute(f"ALTER TABLE origins DROP COLUMN {column}")
            db.execute("ALTER TABLE hosts DROP COLUMN address")
            db.execute("INSERT INTO origins (name, host, queued) VALUES ('http://a.test', 'a.test', 0)")
            db.execute("INSERT INTO hosts VALUES ('a.test', 0.5, 1.0, 2.0, 3)")
            db.execute("PRAGMA user_version = 3")
        db.close()
        store = Store(path)
        assert store.load_origin(1).life == UNKNOWN
        assert store.load_host("a.test") == StoredPace("a.test", 0.5, 1.0, 2.0, 3, None)
        assert store.db.execute("PRAGMA user_version").fetchone() == (FORMAT,)
        store.close()

    async def test_a_later_format(self, path: Path) -> None:
        Store(path).close()
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(LedgerError, match=r"crawl\.db: is of format 99"):
            Store(path)

    async def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(LedgerError, match="nowhere"):
            Store(tmp_path / "nowhere" / "crawl.db")

    async def test_a_full_disk_says_so_and_the_same_commit_can_be_made_when_there_is_room(
        self, bench: Bench, path: Path
    ) -> None:
        frontier = await bench.open()
        assert isinstance(frontier, SqliteFrontier)
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        commit = Commit([item(url, links=[link(f"{A}{n}/{'x' * 500}") for n in range(500)])])
        db = frontier._store.db
        db.execute("PRAGMA max_page_count = 40")
        before = await frontier.counts()
        with pytest.raises(CommitFailed, match=r"crawl\.db: database or disk is full") as caught:
            await frontier.commit(commit)
        assert caught.value.full
        assert not caught.value.held
        assert await frontier.counts() == before
        frontier._store.db.execute("PRAGMA max_page_count = 100000")
        [outcome] = await frontier.commit(commit)
        assert outcome is not None
        assert outcome.seq == 1
        assert len(await claim_all(frontier)) == 500

    async def test_a_commit_that_finds_no_room_is_not_taken_for_the_one_before_it(self, bench: Bench) -> None:
        """What was submitted meanwhile is in the file; the commit behind it is not, and may be made again."""
        frontier = await bench.open()
        assert isinstance(frontier, SqliteFrontier)
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        commit = Commit([item(url, links=[link(f"{A}{n}/{'x' * 500}") for n in range(500)])])
        frontier._store.db.execute("PRAGMA max_page_count = 40")
        gate = threading.Event()
        held_up = asyncio.create_task(frontier._thread.run(gate.wait))
        await turns()
        submitted = asyncio.create_task(frontier.submit([link(A + "late")]))
        committed = asyncio.create_task(frontier.commit(commit))
        await turns()  # both wait for the thread now
        gate.set()
        await held_up
        assert await submitted == [None]
        with pytest.raises(CommitFailed) as caught:
            await committed
        assert (caught.value.held, caught.value.full) == (False, True)
        frontier._store.db.execute("PRAGMA max_page_count = 100000")
        [outcome] = await frontier.commit(commit)
        assert outcome is not None
        assert len(await claim_all(frontier)) == 501

    @pytest.mark.parametrize("takes_effect", [False, True])
    async def test_a_commit_that_fails_asks_the_file_what_holds(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, takes_effect: bool
    ) -> None:
        class Faulty(sqlite3.Connection):
            broken = False

            def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
                if sql == "COMMIT" and Faulty.broken:
                    Faulty.broken = False
                    if takes_effect:
                        super().execute(sql)
                    raise sqlite3.OperationalError("disk I/O error")
                return super().execute(sql, *parameters)  # type: ignore[arg-type]

        monkeypatch.setattr(Store, "connection", Faulty)
        frontier = await bench.open()
        await frontier.add_seeds([A])
        url = await claim_one(frontier, A)
        frontier.fetched(url)
        commit = Commit([item(url, links=[link("http://new.test/")])])
        Faulty.broken = True
        with pytest.raises(CommitFailed) as caught:
            await frontier.commit(commit)
        assert (caught.value.held, caught.value.full) == (takes_effect, False)
        assert (await frontier.counts()).seq == int(takes_effect)
        if not takes_effect:
            await frontier.commit(commit)
            await claim_one(frontier, "http://new.test/")

    async def test_outcomes_are_read_beside_a_running_transaction(self, bench: Bench) -> None:
        frontier = await bench.open()
        assert isinstance(frontier, SqliteFrontier)
        await frontier.add_seeds([A, A + "x"])
        first, second = await claim_all(frontier)
        await settle(frontier, item(first))
        db = frontier._store.db
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE ledger SET url = 'not committed'")
        assert [outcome.url for outcome in frontier.outcomes(0)] == [A]
        db.execute("ROLLBACK")
        await settle(frontier, item(second))

    async def test_seen_holds_no_more_than_the_urls_accepted(self, bench: Bench, path: Path) -> None:
        frontier = await bench.open(robots=True)
        await frontier.add_seeds([A, A + "x"])
        await answer_robots(frontier)
        await finish_all(frontier)
        with sqlite3.connect(path) as db:
            rows = db.execute("SELECT count(*), min(place), max(place) FROM seen").fetchone()
            left = [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("queue", "waiting")]
            lengths = db.execute("SELECT sum(queued) FROM origins").fetchone()[0]
        db.close()
        assert rows == (3, 1, 3)
        assert left == [0, 0]
        assert lengths == 0


class TestFigures:
    async def test_hosts_seeds_and_tallies(self, bench: Bench) -> None:
        frontier = await bench.open(robots=True)
        assert isinstance(frontier, SqliteFrontier)
        numbers = await frontier.add_seeds([A, "http://b.test/"])
        robots = await claim_all(frontier)
        await settle(frontier, *(item(url, robots=RobotsAnswer(text=""), status=404) for url in robots))
        a = next(url for url in await claim_all(frontier) if url.url == A)
        lines = {pace.name: (pace.active, pace.done, queued) for pace, queued in frontier.paces()}
        assert lines == {"a.test": (1, 1, 1), "b.test": (1, 1, 1)}
        await settle(frontier, item(a, status=200))
        assert [outcome.url for outcome in await frontier.seed_outcomes(numbers)] == [A]
        assert await frontier.tallies() == Tallies({200: 1, 404: 2}, {"text/html": 3}, absent=2)
        assert frontier.current_counts == await frontier.counts()
        assert frontier._claiming.in_flight == 1

    async def test_a_clock_set_back_holds_no_url_up_for_ever(self, bench: Bench) -> None:
        """Retries, robots.txt to be asked for again, silent hosts, and those that were just served."""
        frontier = await bench.open(robots=True)
        hosts = ["retry", "robots", "silent", "queued"]
        await frontier.add_seeds([f"http://{host}.test/" for host in hosts])
        asked = {url.url.split("/")[2].removesuffix(".test"): url for url in await claim_all(frontier)}
        silent = HostReport(silence="no connection")
        await settle(
            frontier,
            item(asked["robots"], retry(60.0)),
            *(item(asked[host], robots=ALLOW) for host in ("retry", "silent", "queued")),
        )
        given = {url.url: url for url in await claim_all(frontier)}
        await settle(
            frontier,
            item(given["http://retry.test/"], retry(60.0)),
            item(given["http://silent.test/"], retry(1.0), host=silent),
        )
        for _ in range(3):
            await bench.clock.advance(10)
            [again] = [url for url in await claim_all(frontier) if "silent" in url.url]
            await settle(frontier, item(again, retry(1.0), host=silent))
        bench.clock = FakeClock(bench.clock.now - 10 * 365 * 86_400)
        reopened = await bench.open(robots=True)
        await bench.clock.advance(3600)
        assert {url.url for url in await claim_all(reopened)} == {
            "http://retry.test/", "http://robots.test/robots.txt", "http://queued.test/", "http://silent.test/robots.txt",
        }  # fmt: skip

    async def test_a_clock_set_back_does_not_park_a_host_for_ever(self, bench: Bench) -> None:
        frontier = await bench.open(delay=1.0)
        await frontier.add_seeds([A, A + "x"])
        await settle(frontier, item(await claim_one(frontier, A)))
        bench.clock = FakeClock(bench.clock.now - 10 * 365 * 86_400)
        reopened = await bench.open(delay=1.0)
        assert await claim_all(reopened) == []
        await bench.clock.advance(3600)
        await claim_one(reopened, A + "x")


async def test_cookies_are_for_the_owner_alone(bench: Bench, path: Path) -> None:
    usual = os.umask(0)
    try:
        await bench.open()
    finally:
        os.umask(usual)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["crawl.db", "crawl.db-wal", "crawl.db-shm"], 0o600)


class HeldUp(sqlite3.Connection):
    """A connection whose every question waits for its disk, while that is slow."""

    quick: threading.Event
    asked: threading.Event
    still_open: set[int]

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self.still_open.add(id(self))
        self.asked.set()
        assert self.quick.wait(10)
        return super().execute(*arguments)

    def close(self) -> None:
        super().close()
        self.still_open.discard(id(self))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> type[HeldUp]:
    for name, value in {"quick": threading.Event(), "asked": threading.Event(), "still_open": set()}.items():
        monkeypatch.setattr(HeldUp, name, value, raising=False)
    monkeypatch.setattr(Store, "connection", HeldUp)
    return HeldUp


@pytest.mark.parametrize("cancels", [1, 3])
async def test_an_opening_that_is_cancelled_ends_when_nothing_is_open(
    cancels: int, path: Path, disk: type[HeldUp]
) -> None:
    opening = asyncio.create_task(SqliteFrontier.open(path, delay=0.0, per_host=2))
    await asyncio.to_thread(disk.asked.wait)
    for _ in range(cancels):
        opening.cancel()
        await turns()
    assert not opening.done()
    assert disk.still_open
    disk.quick.set()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert not disk.still_open


async def test_a_close_that_is_cancelled_closes_behind_what_is_under_way(path: Path, disk: type[HeldUp]) -> None:
    disk.quick.set()
    frontier = await SqliteFrontier.open(path, delay=0.0, per_host=2)
    disk.quick.clear()
    disk.asked.clear()
    asking = asyncio.create_task(frontier.cookies())
    await asyncio.to_thread(disk.asked.wait)
    closing = asyncio.create_task(frontier.close())
    await turns()
    closing.cancel()
    await turns()
    assert not closing.done()
    disk.quick.set()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert not disk.still_open
    assert await asking is None


async def test_claims_come_from_memory_between_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked for the rows of an origin in pieces, not one by one."""
    frontier = await bench.open()
    await frontier.add_seeds([f"{A}{n}" for n in range(200)])
    asked = 0
    load_urls = Store.load_urls

    def counting(*arguments: object, **options: object) -> object:
        nonlocal asked
        asked += 1
        return load_urls(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "load_urls", counting)
    assert len(await claim_all(frontier)) == 200
    assert asked <= 200 // loading_module.PREFETCH + 2


async def test_claims_by_several_tasks_at_once_give_each_url_to_one(bench: Bench) -> None:
    frontier = await bench.open()
    names = [f"http://h{n % 7}.test/{n}" for n in range(300)]
    await frontier.add_seeds(names)
    batches = await asyncio.gather(*(frontier.claim(40) for _ in range(10)))
    assert Counter(url.url for batch in batches for url in batch) == Counter(names)


async def test_two_urls_of_one_hash_do_not_break_the_store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a crawl of 10⁷ URLs on one host the chance of it is 3 in a million; one of the two is not fetched then."""
    monkeypatch.setattr("crawler.frontier.queueing.url_hash", lambda url: 7)
    frontier = await bench.open()
    await frontier.add_seeds([A, A + "x"])
    await settle(frontier, item(await claim_one(frontier, A), links=[link(A + "y"), link(A + "z")]))
    assert await idle(frontier) is Readiness.EMPTY
    assert (await frontier.counts()).seq == 1


async def test_a_released_row_of_an_unloaded_host_is_not_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    small_sizes(monkeypatch, working_set=1, turn=1)
    frontier = await bench.open()
    await frontier.add_seeds([A, A + "x", "http://b.test/"])
    [first] = await frontier.claim(1)
    frontier.fetched(first)
    await frontier.release([first])
    assert len(await finish_all(frontier)) == 3
