"""A crawl from a synchronous program: blocking, or in a thread of its own that can be started and joined at will."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from crawler import BackgroundCrawl, CrawlConfig, Receipt, run
from crawler.errors import DirectoryLocked, Excluded, Interrupted, UsageError
from crawler.model import Outcome
from tests.support.archive_check import assert_complete, read_log
from tests.support.engine import config_of
from tests.support.site import Site, small_site


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "waited in vain"
        sleep(0.005)


@pytest.fixture
def site() -> Any:
    with Site(small_site()) as running:
        yield running


@pytest.fixture
def config(site: Site, crawl_dir: Path) -> CrawlConfig:
    return config_of(crawl_dir, f"{site.root}/", per_host=8)


def empty(config: CrawlConfig) -> CrawlConfig:
    return config_of(Path(config.output))


class TestRun:
    def test_it_crawls_to_the_end_and_resumes(self, site: Site, config: CrawlConfig) -> None:
        summary = run(config)
        assert (summary.finished, summary.exit_code) == (True, 0)
        assert_complete(Path(config.output), site.root, site.answers)
        assert run(config).already_complete

    async def test_inside_a_loop_it_is_refused_with_a_clear_sentence(self, config: CrawlConfig) -> None:
        with pytest.raises(RuntimeError, match=r"run\(\) blocks, and an event loop runs in this thread already: use"):
            run(config)
        assert not Path(config.output).exists()

    async def test_in_a_thread_beside_a_loop_it_works(self, config: CrawlConfig) -> None:
        assert (await asyncio.to_thread(run, config)).finished

    def test_what_ends_it_comes_out(self, config: CrawlConfig) -> None:
        with pytest.raises(UsageError, match="seeds"):
            run(config_of(Path(config.output), "http://"))


class TestBackground:
    def test_submit_gives_futures_and_the_block_finishes_what_is_queued(self, site: Site, config: CrawlConfig) -> None:
        told: list[Outcome] = []
        with BackgroundCrawl(empty(config)) as background:
            background.add_done_callback(told.append)
            future = background.submit(f"{site.root}/p/1")
            assert isinstance(future, Future)
            receipt = future.result(10)
            more = [background.submit(f"{site.root}/p/{n}") for n in range(2, 6)]
        assert isinstance(receipt, Receipt)
        assert all(future.result(0).seq for future in more)
        assert background.join().finished
        assert {outcome.url for outcome in told} >= {f"{site.root}/p/{n}" for n in range(1, 6)}
        assert [outcome.seq for outcome in background.outcomes()] == list(range(1, len(told) + 1))

    def test_as_the_documentation_shows_it(self, site: Site, config: CrawlConfig) -> None:
        with BackgroundCrawl(config) as background:
            future = background.submit(f"{site.root}/p/3")
            assert future.result(10).segment
            background.stop()
            summary = background.join(timeout=30)
        assert summary.exit_code in (0, 3)

    def test_a_failure_comes_out_of_the_future(self, site: Site, config: CrawlConfig) -> None:
        with BackgroundCrawl(config_of(Path(config.output), exclude=("/p/1",))) as background:
            future = background.submit(f"{site.root}/p/1")
            with pytest.raises(Excluded):
                future.result(10)
            assert isinstance(future.exception(), Excluded)

    def test_a_join_that_times_out_leaves_it_running(self, site: Site, config: CrawlConfig) -> None:
        site.silent.add("/p/2")
        with BackgroundCrawl(config_of(Path(config.output), f"{site.root}/p/2", timeout=60.0, grace=0.1)) as background:
            until(lambda: site.requests["/p/2"])
            with pytest.raises(TimeoutError, match=r"still runs after 0\.05 s"):
                background.join(timeout=0.05)
            assert background.running
            background.stop()
            summary = background.join()
        assert (summary.exit_code, summary.stopped_by) == (3, "stopped by the program")

    def test_it_can_be_started_stopped_and_joined_any_number_of_times(self, site: Site, config: CrawlConfig) -> None:
        background = BackgroundCrawl(config)
        for _ in range(4):
            background.start()
            background.stop()
            first = background.join()
            assert background.join() == first
        background.start()
        assert background.join().finished
        assert_complete(Path(config.output), site.root, site.answers)

    def test_what_is_queued_at_a_stop_is_fetched_after_the_next_start(self, site: Site, config: CrawlConfig) -> None:
        site.silent.add("/p/2")
        background = BackgroundCrawl(config_of(Path(config.output), timeout=60.0, grace=0.05)).start()
        future = background.submit(f"{site.root}/p/2")
        until(lambda: site.requests["/p/2"])
        background.abort()
        background.join()
        with pytest.raises(Interrupted):
            future.result(0)
        site.silent.clear()
        background.start()
        assert background.submit(f"{site.root}/p/2").result(10).seq
        background.join()

    def test_two_starts_are_one_too_many(self, config: CrawlConfig) -> None:
        with BackgroundCrawl(config) as background, pytest.raises(RuntimeError, match="runs already"):
            background.start()

    def test_before_the_start_there_is_nothing(self, config: CrawlConfig) -> None:
        background = BackgroundCrawl(config)
        background.stop()
        for call in (background.join, lambda: background.submit("http://a.test/"), background.progress):
            with pytest.raises(RuntimeError, match="was not started"):
                call()
        assert list(background.outcomes()) == []

    def test_after_the_end_a_submit_fails_at_once(self, site: Site, config: CrawlConfig) -> None:
        background = BackgroundCrawl(empty(config)).start()
        background.join()
        with pytest.raises(Interrupted):
            background.submit(f"{site.root}/").result(0)

    def test_what_keeps_it_from_opening_is_raised_by_start(self, config: CrawlConfig) -> None:
        with BackgroundCrawl(config):
            other = BackgroundCrawl(config)
            with pytest.raises(DirectoryLocked):
                other.start()
            assert not other.running

    def test_what_ends_it_is_raised_by_join_once(self, site: Site, config: CrawlConfig) -> None:
        with BackgroundCrawl(config) as background:
            background.call(lambda crawl: crawl._pipeline.parts.handoff.fail(ZeroDivisionError("broken"))).result(10)
            with pytest.raises(Exception, match="broken"):
                background.join(10)
        assert not background.running

    def test_or_by_leaving_the_block(self, config: CrawlConfig) -> None:
        def break_it(background: BackgroundCrawl) -> None:
            with background:
                background.call(lambda crawl: crawl._pipeline.parts.handoff.fail(ZeroDivisionError("broken")))

        with pytest.raises(Exception, match="broken"):
            break_it(BackgroundCrawl(config))

    def test_an_error_in_the_block_stops_it_and_goes_on_up(self, site: Site, config: CrawlConfig) -> None:
        site.silent.add("/p/2")
        background = BackgroundCrawl(config_of(Path(config.output), f"{site.root}/p/2", timeout=60.0, grace=0.05))

        def main() -> None:
            with background:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            main()
        assert not background.running
        assert background.join().exit_code == 3

    def test_control_from_the_program(self, site: Site, config: CrawlConfig) -> None:
        with BackgroundCrawl(config) as background:
            background.call(lambda crawl: crawl.pause()).result(10)
            assert background.progress().state == "paused"
            background.call(lambda crawl: crawl.resume()).result(10)
            until(lambda: background.progress().archived >= 19)
        assert_complete(Path(config.output), site.root, site.answers)

    def test_a_callback_may_submit(self, site: Site, config: CrawlConfig) -> None:
        """From the crawl's own thread, where waiting for room would be waiting for oneself."""
        background = BackgroundCrawl(empty(config), most_pending=1)
        more: list[Future[Receipt]] = []

        def again(outcome: Outcome) -> None:
            number = int(outcome.url.rpartition("/")[2]) if "/p/" in outcome.url else 5
            if number < 4:
                more.append(background.submit(f"{site.root}/p/{number + 1}"))

        background.add_done_callback(again)
        with background:
            background.submit(f"{site.root}/p/1").result(10)
            until(lambda: len(more) == 3 and all(future.done() for future in more))
        assert len(read_log(Path(config.output))) >= 4

    def test_submit_blocks_while_too_many_are_pending(self, site: Site, config: CrawlConfig) -> None:
        site.silent.add("/p/2")
        options = {"timeout": 60.0, "grace": 0.05, "per_host": 4}
        with BackgroundCrawl(config_of(Path(config.output), **options), most_pending=1) as background:
            first = background.submit(f"{site.root}/p/2")
            until(lambda: site.requests["/p/2"])
            thread = threading.Thread(target=background.submit, args=(f"{site.root}/p/3",))
            thread.start()
            thread.join(0.1)
            assert thread.is_alive()
            first.cancel()
            thread.join(10)
            assert not thread.is_alive()
            background.abort()

    async def test_beside_a_running_loop_as_in_a_notebook(self, site: Site, config: CrawlConfig) -> None:
        with BackgroundCrawl(empty(config)) as background:
            receipt = await asyncio.wrap_future(background.submit(f"{site.root}/p/1"))
        assert receipt.seq
