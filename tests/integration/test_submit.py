"""URLs that a program submits: a receipt means durable, a failure is the URL's own, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.crawl import Crawl
from crawler.errors import (
    AddressBarred,
    ArchiverDied,
    BadAnswer,
    ConnectFailed,
    DNSFailed,
    Excluded,
    FetchFailed,
    Interrupted,
    InvalidURL,
    NotArchived,
    RobotsExcluded,
    TimedOut,
    TooLong,
)
from crawler.frontier.sqlite import SqliteFrontier
from crawler.model import Outcome, OutcomeKind, Receipt
from storage import AppendFile, DiskFiles, read_record
from tests.support.archive_check import read_log
from tests.support.engine import at_rest, config_of, engine, opened
from tests.support.kept import kept
from tests.support.serving import until
from tests.support.web import Answer, Web, ok, page, redirect, robots

A = "http://a.test/"
SITE: dict[str, Answer] = {
    A: page("/1", "/2"),
    f"{A}1": page(),
    f"{A}2": page(),
    "http://b.test/": page("/deep", images=["/i.png"]),
    "http://b.test/i.png": ok(b"png", type_="image/png"),
    "http://b.test/deep": page("/deeper"),
}


def at(directory: Path, receipt: Receipt) -> bytes:
    """The block that a receipt names, read from the open or sealed segment."""
    path = directory / "archive" / receipt.segment
    return read_record(path if path.exists() else path.with_name(f"{path.name}.open"), receipt.offset).block


async def test_a_crawl_without_seeds_archives_what_is_submitted(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
            receipt = await crawl.submit(f"{A}1")
            # Durable already, and in the ledger, while the crawl goes on.
            assert at(crawl_dir, receipt) == SITE[f"{A}1"]
            (line,) = (line for line in read_log(crawl_dir) if line["seq"] == receipt.seq)
            assert (line["url"], line["outcome"]) == (f"{A}1", "archived")
            again = await crawl.submit(f"{A}1#fragment")
            assert again == receipt
        summary = await crawl.wait()
    assert web.urls == [f"{A}1"]
    assert (summary.exit_code, summary.finished, summary.already_complete) == (0, True, False)
    assert receipt.digest is not None
    assert receipt.record_id.startswith("<urn:uuid:")
    assert receipt.length > 0


async def test_a_crawl_without_seeds_takes_options_for_what_will_be_submitted(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        config = config_of(crawl_dir, seed_options=(f"{A} delay=0",))
        async with opened(config, resolver=web.resolver()) as crawl:
            receipt = await crawl.submit(f"{A}1")
            assert at(crawl_dir, receipt) == SITE[f"{A}1"]


async def test_a_submitted_page_brings_its_requisites_and_only_links_in_a_seeds_scope(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            await crawl.submit("http://b.test/")
        assert sorted(web.urls) == [A, f"{A}1", f"{A}2", "http://b.test/", "http://b.test/i.png"]


async def test_links_of_a_submitted_page_in_a_seeds_scope_are_followed(crawl_dir: Path) -> None:
    site = {**SITE, f"{A}hidden": page("/beyond"), f"{A}beyond": page()}
    with Web(site) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            await crawl.submit(f"{A}hidden")
        assert f"{A}beyond" in web.urls


async def test_a_redirect_of_a_submitted_url_is_followed_but_widens_no_scope(crawl_dir: Path) -> None:
    site = {**SITE, f"{A}out": redirect("http://b.test/")}
    with Web(site) as web:
        async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
            receipt = await crawl.submit(f"{A}out")
            assert at(crawl_dir, receipt) == site[f"{A}out"]
        assert {"http://b.test/", "http://b.test/i.png"} <= set(web.urls)
        assert "http://b.test/deep" not in web.urls
    with sqlite3.connect(crawl_dir / "crawl.db") as db:
        assert db.execute("SELECT count(*) FROM joined").fetchone() == (0,)
    db.close()


def test_the_command_line_goes_on_with_what_a_library_left(crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though its crawl.toml names no seeds."""

    async def leave_one_queued(web: Web) -> None:
        async with opened(config_of(crawl_dir, grace=0.0), resolver=web.resolver()) as crawl:
            crawl.pause()
            submit = asyncio.ensure_future(crawl.submit(f"{A}1"))
            await until(lambda: crawl._opened.frontier.current_counts.queued)
            crawl.stop()
            with pytest.raises(Interrupted):
                await submit

    with Web(SITE) as web:
        asyncio.run(leave_one_queued(web))
        assert main(["--output", str(crawl_dir), "--quiet"], engine=engine(web)) == 0, capsys.readouterr().err
        assert web.urls == [f"{A}1"]


async def test_any_status_is_archived(crawl_dir: Path) -> None:
    with Web({A: ok(b"gone", status="410 Gone")}) as web:
        async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
            receipt = await crawl.submit(A)
            assert at(crawl_dir, receipt).startswith(b"HTTP/1.1 410 Gone")


async def test_a_url_of_an_earlier_session_gives_the_receipt_it_has(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
            first = await crawl.submit(f"{A}1")
        async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
            assert await crawl.submit(f"{A}1") == first
            later = await crawl.submit(f"{A}2")
        assert web.urls == [f"{A}1", f"{A}2"]
    assert later.seq > first.seq


async def test_a_url_in_flight_or_queued_is_waited_for(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        web.hold(f"{A}1")
        async with opened(config_of(crawl_dir, A, per_host=1), resolver=web.resolver()) as crawl:
            await until(lambda: web.asked(f"{A}1"))
            both = [asyncio.ensure_future(crawl.submit(f"{A}1")), asyncio.ensure_future(crawl.submit(f"{A}1"))]
            queued = asyncio.ensure_future(crawl.submit(f"{A}2"))
            await at_rest(crawl)
            assert not any(task.done() for task in (*both, queued))
            web.let_go(f"{A}1")
            one, two = await asyncio.gather(*both)
            assert one == two
            await queued
        assert Counter(web.urls).most_common(1)[0][1] == 1


class TestFailures:
    """Each is raised as the URL's own, with its outcome."""

    async def submit(self, web: Web, directory: Path, url: str, **options: Any) -> NotArchived:
        async with opened(config_of(directory, **options), resolver=web.resolver()) as crawl:
            with pytest.raises(NotArchived) as caught:
                await crawl.submit(url)
        assert str(caught.value).startswith(caught.value.url)
        return caught.value

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://dead.test/", ConnectFailed),
            ("http://a.test/cut", TimedOut),
            ("http://a.test/junk", BadAnswer),
            ("http://a.test/long", TooLong),
            ("https://a.test/", FetchFailed),
            ("http://no-such-host.invalid/", DNSFailed),
        ],
    )
    async def test_what_goes_wrong_on_the_wire(self, crawl_dir: Path, url: str, expected: type[NotArchived]) -> None:
        site = {
            A: ok(),
            "http://a.test/junk": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
            "http://a.test/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nten bytes.",
            "http://a.test/long": ok(b"x" * 5000),
        }
        with Web({**site, "http://dead.test/": ok()}, dead=["dead.test"]) as web:
            error = await self.submit(web, crawl_dir, url, max_body=1000, timeout=0.5, robots=False)
        assert isinstance(error, expected), repr(error)
        assert error.outcome is not None
        assert (error.outcome.kind, error.outcome.url) == (OutcomeKind.FAILED, url)
        assert error.outcome.seq == read_log(crawl_dir)[-1]["seq"]

    async def test_silence(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            web.hold(A)
            error = await self.submit(web, crawl_dir, A, timeout=0.2)
            web.let_go(A)
        assert isinstance(error, TimedOut)

    async def test_robots_txt(self, crawl_dir: Path) -> None:
        with Web({**SITE, f"{A}robots.txt": robots("User-agent: *\nDisallow: /1")}) as web:
            error = await self.submit(web, crawl_dir, f"{A}1")
        assert isinstance(error, RobotsExcluded)
        assert error.rule == "robots.txt"
        assert web.urls == []

    async def test_an_exclude_names_its_rule_and_leaves_nothing_behind(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            error = await self.submit(web, crawl_dir, f"{A}1", exclude=("/1",))
        assert isinstance(error, Excluded)
        assert (error.rule, error.outcome) == ("exclude", None)
        assert web.requests == []

    async def test_a_private_address(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            url = f"http://127.0.0.1:{web.port}/"
            error = await self.submit(web, crawl_dir, url, allow_private=False, robots=False)
        assert isinstance(error, AddressBarred)

    @pytest.mark.parametrize("text", ["", "ftp://a.test/", "http://", "http://a b/", "mailto:x@y"])
    async def test_what_is_no_url(self, crawl_dir: Path, text: str) -> None:
        with Web(SITE) as web:
            error = await self.submit(web, crawl_dir, text)
        assert isinstance(error, InvalidURL)

    async def test_a_failure_of_an_earlier_session_is_the_same(self, crawl_dir: Path) -> None:
        with Web({**SITE, "http://dead.test/": ok()}, dead=["dead.test"]) as web:
            errors = [await self.submit(web, crawl_dir, "http://dead.test/", robots=False) for _ in range(2)]
        assert [type(error) for error in errors] == [ConnectFailed, ConnectFailed]


class TestTheEnd:
    """Nobody hangs, whatever becomes of the crawl."""

    async def test_a_stop_interrupts_and_the_next_session_fetches_what_is_queued(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            web.hold(f"{A}1")
            config = config_of(crawl_dir, grace=0.1, per_host=1)
            async with opened(config, resolver=web.resolver()) as crawl:
                tasks = [asyncio.ensure_future(crawl.submit(f"{A}{n}")) for n in (1, 2)]
                await until(lambda: web.asked(f"{A}1"))
                crawl.stop()
                with pytest.raises(Interrupted, match="not queued: stopped"):
                    await crawl.submit("http://b.test/")
                done = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(each) for each in done] == [Interrupted, Interrupted]
            assert "it stays queued" in str(done[1])
            web.let_go(f"{A}1")
            async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
                pass
            assert sorted(set(web.urls)) == [f"{A}1", f"{A}2"]

    async def test_after_the_end_a_submit_is_refused(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
                await crawl.wait()
                with pytest.raises(Interrupted, match="not queued"):
                    await crawl.submit(A)
            with pytest.raises(Interrupted, match="not queued"):
                await crawl.submit(A)

    async def test_before_it_is_entered_there_is_no_crawl(self, crawl_dir: Path) -> None:
        with pytest.raises(RuntimeError, match="was not entered"):
            await Crawl(config_of(crawl_dir)).submit(A)
        with pytest.raises(RuntimeError, match="was not entered"):
            Crawl(config_of(crawl_dir)).progress()

    async def test_the_archiver_dies(self, crawl_dir: Path) -> None:
        class Files(DiskFiles):
            async def open_append(self, path: Path, *, create: bool) -> AppendFile:
                file = await super().open_append(path, create=create)

                class Broken:
                    write, cut, close = file.write, file.cut, file.close
                    syncs = 0

                    async def sync(self) -> None:
                        self.syncs += 1
                        if self.syncs > 1:
                            raise OSError(5, "Input/output error")
                        await file.sync()

                broken: AppendFile = Broken()
                return broken

        done: list[Receipt | BaseException] = []

        async def main(web: Web) -> None:
            async with opened(config_of(crawl_dir), resolver=web.resolver(), files=Files()) as crawl:
                tasks = [asyncio.ensure_future(crawl.submit(url)) for url in SITE]
                async with asyncio.timeout(10):
                    done.extend(await asyncio.gather(*tasks, return_exceptions=True))
                with pytest.raises(ArchiverDied):
                    await crawl.submit(f"{A}2")

        with Web(SITE) as web, pytest.raises(ArchiverDied):
            await main(web)
        assert {type(each) for each in done} == {ArchiverDied}

    async def test_a_limit_ends_it(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir, max_pages=1), resolver=web.resolver()) as crawl:
                tasks = [asyncio.ensure_future(crawl.submit(f"{A}{n}")) for n in (1, 2)]
                async with asyncio.timeout(10):
                    done = await asyncio.gather(*tasks, return_exceptions=True)
                summary = await crawl.wait()
        assert [type(each) for each in done] == [Receipt, Interrupted]
        assert "--max-pages" in str(done[1])
        assert summary.queued == 1

    async def test_a_cancelled_submit_leaves_the_url_queued(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            web.hold(A)
            async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
                task = asyncio.ensure_future(crawl.submit(A))
                await until(lambda: web.asked(A))
                task.cancel()
                await asyncio.wait([task])
                web.let_go(A)
                receipt = await crawl.submit(A)
        assert len(kept(crawl_dir, A, "response")) == 1
        assert receipt.seq

    async def test_leaving_the_block_finishes_what_is_queued(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
                tasks = [asyncio.ensure_future(crawl.submit(f"{A}{n}")) for n in (1, 2)]
                await asyncio.sleep(0)
            assert [type(each) for each in await asyncio.gather(*tasks)] == [Receipt, Receipt]


class TestStayingOpen:
    async def test_it_waits_for_submits_until_wait_lets_it_end(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
                await until(lambda: len(read_log(crawl_dir)) == 4)
                await at_rest(crawl)
                assert crawl.progress().state == "crawling"
                await crawl.submit("http://b.test/deep")
                assert (await crawl.wait()).finished

    async def test_kept_open_it_outlasts_wait_until_finish(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            config = config_of(crawl_dir)
            async with Crawl(config, keep_open=True) as crawl:
                waiting = asyncio.ensure_future(crawl.wait())
                await at_rest(crawl)
                assert not waiting.done()
                with pytest.raises(DNSFailed):
                    await crawl.submit("http://no-such-host.invalid/")
                assert not waiting.done()
                crawl.finish()
                assert (await waiting).finished
        assert web.requests == []

    async def test_a_complete_crawl_takes_more(self, crawl_dir: Path) -> None:
        with Web(SITE) as web:
            async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
                pass
            async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
                assert (await crawl.wait()).already_complete
            async with opened(config_of(crawl_dir, A), resolver=web.resolver()) as crawl:
                await crawl.submit("http://b.test/deep")
                assert not (await crawl.wait()).already_complete


async def test_queueing_that_is_cancelled_before_it_began_is_told_and_the_next_one_goes_well(crawl_dir: Path) -> None:
    with Web({A: ok(b"one"), f"{A}2": ok(b"two")}) as web:
        async with opened(config_of(crawl_dir, robots=False), resolver=web.resolver()) as crawl:
            submitted = asyncio.ensure_future(crawl.submit(A))
            await asyncio.sleep(0)
            [queueing] = [task for task in asyncio.all_tasks() if task.get_name() == "queueing"]
            queueing.cancel()
            with pytest.raises(Interrupted, match="before it was queued"):
                await asyncio.wait_for(submitted, 10)
            assert (await crawl.submit(f"{A}2")).seq == 1


async def test_many_at_once_are_queued_in_few_transactions(crawl_dir: Path) -> None:
    site = {f"http://h{n}.test/": ok(b"%d" % n) for n in range(300)}
    told: list[Outcome] = []
    with Web(site) as web:
        async with opened(config_of(crawl_dir, robots=False), resolver=web.resolver()) as crawl:
            crawl.add_done_callback(told.append)
            frontier = crawl._opened.frontier
            assert isinstance(frontier, SqliteFrontier)
            commits = frontier._store.commits
            tasks = [asyncio.ensure_future(crawl.submit(url)) for url in site]
            await until(lambda: frontier.current_counts.queued > 0)
            assert frontier._store.commits - commits <= 3
            receipts = await asyncio.gather(*tasks)
    assert sorted(receipt.seq for receipt in receipts) == list(range(1, 301))
    assert [outcome.seq for outcome in told] == list(range(1, 301))


async def test_no_more_are_pending_than_allowed(crawl_dir: Path) -> None:
    site = {f"{A}{n}": ok(b"%d" % n) for n in range(40)}
    with Web(site) as web:
        async with opened(config_of(crawl_dir, robots=False), resolver=web.resolver(), most_pending=3) as crawl:
            most = 0

            async def one(url: str) -> Receipt:
                nonlocal most
                receipt = await crawl.submit(url)
                most = max(most, len(crawl._pipeline.parts.intake._awaited))
                return receipt

            receipts = await asyncio.gather(*map(one, site))
    assert len(receipts) == 40
    assert most <= 3
