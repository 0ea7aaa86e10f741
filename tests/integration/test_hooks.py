"""Hooks: each where it belongs, slow ones slow their own URL, and what they raise is that URL's failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crawler.crawl import Crawl
from crawler.errors import Excluded, HookFailed
from crawler.hooks import Hooks
from crawler.model import CrawlURL, Exchange, Extraction, FailureKind, Outcome, OutcomeKind
from tests.support.engine import Ran, config_of, opened
from tests.support.kept import kept, metadata
from tests.support.serving import until
from tests.support.web import Answer, Web, ok, page

A = "http://a.test/"
SITE: dict[str, Answer] = {
    A: page("/1", "/2", "/3"),
    **{f"{A}{n}": page() for n in (1, 2, 3)},
    f"{A}hidden": ok(b"found by the hook"),
    f"{A}data": ok(b"no document", type_="application/x-data"),
}
DENIED = ok(b"who are you?", 'WWW-Authenticate: Bearer realm="x"', status="401 Unauthorized")


async def run(web: Web, directory: Path, *seeds: str, hooks: Hooks, **options: Any) -> Ran:
    told: list[Outcome] = []
    config = config_of(directory, *(seeds or (A,)), **options)
    async with opened(config, resolver=web.resolver(), hooks=hooks) as crawl:
        crawl.add_done_callback(told.append)
        summary = await crawl.wait()
    return Ran(summary, told)


async def test_accept_is_asked_before_each_fetch_and_names_its_rule(crawl_dir: Path) -> None:
    asked: list[str] = []

    async def accept(url: CrawlURL) -> bool | str:
        asked.append(url.url)
        return "too dull" if url.url.endswith("/1") else not url.url.endswith("/2")

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(accept=accept))
        assert sorted(web.urls) == [A, f"{A}3"]
    assert sorted(asked) == [A, f"{A}1", f"{A}2", f"{A}3"]  # not about robots.txt
    assert (ran.by_url[f"{A}1"].kind, ran.by_url[f"{A}1"].reason) == (OutcomeKind.EXCLUDED, "too dull")
    assert ran.by_url[f"{A}2"].reason == "accept hook"


async def test_a_submitter_hears_of_the_rule(crawl_dir: Path) -> None:
    async def accept(url: CrawlURL) -> bool | str:
        return "not today"

    with Web(SITE) as web:
        async with opened(config_of(crawl_dir), resolver=web.resolver(), hooks=Hooks(accept=accept)) as crawl:
            with pytest.raises(Excluded) as caught:
                await crawl.submit(A)
    assert caught.value.rule == "not today"


async def test_before_request_gives_headers_and_secrets_are_masked(crawl_dir: Path) -> None:
    async def before(url: CrawlURL) -> Mapping[str, str] | None:
        return {"X-Depth": str(url.depth), "authorization": "Bearer s3cret"} if url.url != A else None

    with Web(SITE) as web:
        await run(web, crawl_dir, hooks=Hooks(before_request=before))
        (sent,) = web.asked(f"{A}1")
    assert b"\r\nX-Depth: 1\r\n" in sent.request
    assert b"\r\nauthorization: Bearer s3cret\r\n" in sent.request
    (request,) = kept(crawl_dir, f"{A}1", "request")
    assert b"X-Depth: 1" in request.block
    assert b"s3cret" not in request.block
    assert b"REDACTED" in request.block


async def test_on_response_sees_every_answer_and_failure(crawl_dir: Path) -> None:
    seen: dict[str, int | None] = {}

    async def on_response(url: CrawlURL, exchange: Exchange) -> None:
        seen[url.url] = exchange.status

    site = {**SITE, f"{A}1": ok(b"", status="500 Oh"), "http://dead.test/": ok()}
    with Web(site, dead=["dead.test"]) as web:
        await run(web, crawl_dir, A, "http://dead.test/", hooks=Hooks(on_response=on_response), robots=False)
    assert seen == {A: 200, f"{A}1": 500, f"{A}2": 200, f"{A}3": 200, "http://dead.test/": None}


async def test_extract_adds_links_or_replaces_what_was_found(crawl_dir: Path) -> None:
    async def extract(url: CrawlURL, exchange: Exchange, found: Extraction) -> Extraction | list[str] | None:
        if url.url == A:
            assert f"{A}1" in found.links
            assert b"<a href=" in exchange.content
            return ["/hidden", f"{A}data#part", "mailto:x@y", "http://elsewhere.test/"]
        if url.url == f"{A}1":
            return Extraction(title="my own title")
        return None

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(extract=extract))
        assert {f"{A}hidden", f"{A}data", f"{A}3"} <= set(web.urls)
        assert "http://elsewhere.test/" not in web.urls  # the rules apply
    assert ran.by_url[f"{A}1"].title == "my own title"
    assert any("hook" in link for link in metadata(crawl_dir, A)[0]["outlink"])


async def test_on_outcome_is_called_after_the_commit(crawl_dir: Path) -> None:
    heard: list[int] = []

    async def on_outcome(outcome: Outcome) -> None:
        heard.append(outcome.seq)

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(on_outcome=on_outcome))
    assert sorted(heard) == [outcome.seq for outcome in ran.outcomes]


@pytest.mark.parametrize("name", ["accept", "before_request", "on_response", "extract", "on_outcome"])
async def test_a_slow_hook_slows_its_own_url_only(crawl_dir: Path, name: str) -> None:
    gate = asyncio.Event()
    waiting: list[str] = []

    async def slow(url: CrawlURL | Outcome, *_: object) -> Any:
        if url.url == f"{A}1":
            waiting.append(url.url)
            await gate.wait()
        return True if name == "accept" else None

    with Web(SITE) as web:
        config = config_of(crawl_dir, A, per_host=2)
        async with opened(config, resolver=web.resolver(), hooks=Hooks(**{name: slow})) as crawl:
            done: list[str] = []
            crawl.add_done_callback(lambda outcome: done.append(outcome.url))
            await until(lambda: waiting and {A, f"{A}2", f"{A}3"} <= set(done))
            assert name == "on_outcome" or f"{A}1" not in done
            gate.set()
            assert (await crawl.wait()).finished
    assert done.count(f"{A}1") == 1


@pytest.mark.parametrize("name", ["on_response", "extract"])
async def test_after_the_answer_a_slow_hook_holds_no_slot_of_its_host(crawl_dir: Path, name: str) -> None:
    gate = asyncio.Event()

    async def slow(url: Any, *_: object) -> Any:
        if url.url == f"{A}1":
            await gate.wait()

    with Web(SITE) as web:
        async with opened(config_of(crawl_dir, A, per_host=1), resolver=web.resolver(), hooks=Hooks(**{name: slow})):
            await until(lambda: len(web.urls) == 4)
            gate.set()


@pytest.mark.parametrize("name", ["accept", "before_request", "on_response", "extract"])
async def test_what_a_hook_raises_is_that_urls_failure(crawl_dir: Path, name: str) -> None:
    async def broken(url: Any, *_: object) -> Any:
        if url.url == f"{A}1":
            raise KeyError("mine")
        return True if name == "accept" else None

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(**{name: broken}))
        async with opened(config_of(crawl_dir), resolver=web.resolver()) as crawl:
            with pytest.raises(HookFailed, match=f"the {name} hook raised KeyError: 'mine'"):
                await crawl.submit(f"{A}1")
    assert ran.summary.finished
    failed = ran.by_url[f"{A}1"]
    assert (failed.kind, failed.failure) == (OutcomeKind.FAILED, FailureKind.HOOK)
    assert {outcome.kind for url, outcome in ran.by_url.items() if url != f"{A}1"} == {OutcomeKind.ARCHIVED}
    # What was received is kept all the same.
    received = name in ("on_response", "extract")
    assert len(kept(crawl_dir, f"{A}1", "response")) == received
    assert metadata(crawl_dir, f"{A}1")[0]["failure"] == ["hook"]


async def test_an_on_outcome_hook_that_raises_is_reported_and_counted(
    crawl_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(outcome: Outcome) -> None:
        raise KeyError("mine")

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(on_outcome=broken))
    assert ran.summary.callback_errors == len(ran.outcomes) == 5
    assert f"{A}2: a callback raised" in caplog.text


@pytest.mark.parametrize("headers", [{"Host": "x"}, {"X-A": "line\r\nbreak"}, {"bad name": "x"}, {"X": 1}, "text"])
async def test_headers_that_cannot_be_sent(crawl_dir: Path, headers: Any) -> None:
    async def before(url: CrawlURL) -> Any:
        return headers

    with Web(SITE) as web:
        ran = await run(web, crawl_dir, hooks=Hooks(before_request=before))
        assert web.urls == []
    assert "the before_request hook returned headers that cannot be sent" in (ran.by_url[A].reason or "")


class Guarded:
    """A site that wants a token, which changes."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.logins: list[str] = []
        self.active = self.most = 0

    async def login(self, url: CrawlURL, exchange: Exchange) -> Mapping[str, str] | None:
        assert exchange.status == 401
        self.logins.append(url.url)
        self.active += 1
        self.most = max(self.most, self.active)
        await asyncio.sleep(0.02)
        self.active -= 1
        return {"Authorization": f"Bearer {self.token}"}


class GuardedWeb(Web):
    token = "t0"

    def _choose(self, url: str) -> bytes:
        request = self._last
        return super()._choose(url) if f"Bearer {self.token}".encode() in request else DENIED

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bytes:
        self._last = request
        return await super()._answer(request, writer)


class TestLogin:
    async def test_one_refresh_at_a_time_and_those_who_waited_are_retried(self, crawl_dir: Path) -> None:
        guarded = Guarded("t0")
        urls = [f"{A}{n}" for n in (1, 2, 3)]
        with GuardedWeb(SITE) as web:
            ran = await run(web, crawl_dir, *urls, hooks=Hooks(login=guarded.login), robots=False, per_host=8)
        assert {url: outcome.status for url, outcome in ran.by_url.items()} == dict.fromkeys(urls, 200)
        assert (len(guarded.logins), guarded.most) == (1, 1)
        # Both answers are in the archive; the token is not.
        for url in urls:
            assert [record.block[9:12] for record in kept(crawl_dir, url, "response")][-1] == b"200"
        assert not any(b"Bearer t0" in record.block for record in kept(crawl_dir))

    async def test_a_token_that_expires_is_refreshed(self, crawl_dir: Path) -> None:
        guarded = Guarded("t0")
        with GuardedWeb(SITE) as web:
            config = config_of(crawl_dir, robots=False)
            async with opened(config, resolver=web.resolver(), hooks=Hooks(login=guarded.login)) as crawl:
                await crawl.submit(f"{A}1")
                await crawl.submit(f"{A}2")
                assert len(guarded.logins) == 1
                guarded.token = web.token = "t1"
                await crawl.submit(f"{A}3")
        assert guarded.logins == [f"{A}1", f"{A}3"]
        assert kept(crawl_dir, f"{A}3", "response")[-1].block.startswith(b"HTTP/1.1 200")

    @pytest.mark.parametrize("answer", [None, {"Authorization": "Bearer wrong"}])
    async def test_a_401_that_stays_is_archived_as_it_is(self, crawl_dir: Path, answer: Any) -> None:
        calls: list[str] = []

        async def login(url: CrawlURL, exchange: Exchange) -> Any:
            calls.append(url.url)
            return answer

        with GuardedWeb(SITE) as web:
            ran = await run(web, crawl_dir, hooks=Hooks(login=login), robots=False)
            assert len(web.urls) == (1 if answer is None else 2)
        assert (ran.by_url[A].kind, ran.by_url[A].status) == (OutcomeKind.ARCHIVED, 401)
        assert calls == [A]

    async def test_a_login_that_raises_fails_its_url(self, crawl_dir: Path) -> None:
        async def login(url: CrawlURL, exchange: Exchange) -> Any:
            raise ConnectionError("no identity provider")

        with GuardedWeb(SITE) as web:
            ran = await run(web, crawl_dir, hooks=Hooks(login=login), robots=False)
        assert ran.by_url[A].reason == "the login hook raised ConnectionError: no identity provider"
        assert len(kept(crawl_dir, A, "response")) == 1


async def test_without_hooks_the_visitor_is_the_plain_one(crawl_dir: Path) -> None:
    async with Crawl(config_of(crawl_dir)) as crawl:
        assert type(crawl._pipeline.parts.dispatcher._visitor).__name__ == "Visitor"
