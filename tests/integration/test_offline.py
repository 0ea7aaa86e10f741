"""A crawl run again from its own archive: without network, without waiting, with the same bytes."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.config import CrawlConfig
from crawler.crawl import Crawl
from crawler.errors import FetchFailed, UsageError
from crawler.hooks import Hooks
from crawler.model import CrawlURL, Exchange, Extraction, FailureKind, Outcome, OutcomeKind
from storage import verify_chain
from tests.support.archive_check import read_log
from tests.support.engine import QuickClock, Ran, config_of, crawl
from tests.support.kept import kept
from tests.support.web import UNAVAILABLE, Answer, Web, css, ok, page, redirect, robots

A = "http://a.test/"


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + body + b"0\r\n\r\n"


SITE: dict[str, Answer] = {
    f"{A}robots.txt": robots("User-agent: *\nDisallow: /secret\nCrawl-delay: 30"),
    A: page("/chunked", "/gzip", "/moved", "/later", "/secret", "/twin", "/junk", "/cut", "/gone", "/set",
            images=["/big.png"], markup="<link rel=stylesheet href=/style.css>"),
    f"{A}chunked": chunked(b'<a href="/from', b'-chunks">x</a>'),
    f"{A}gzip": ok(gzip.compress(b'<a href="/from-gzip">x</a>', mtime=0), "Content-Encoding: gzip", type_="text/html"),
    f"{A}from-chunks": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"after an interim head"),
    f"{A}from-gzip": ok(b"twin" * 500),
    f"{A}twin": ok(b"twin" * 500),
    f"{A}moved": redirect("/target"),
    f"{A}target": page("/from-target"),
    f"{A}from-target": ok(b"end"),
    f"{A}later": [UNAVAILABLE, ok(b"now", "Retry-After: 500")],
    f"{A}junk": b"\x00\x01 no HTTP at all\r\n\r\n",
    f"{A}cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.",
    f"{A}gone": ok(b"", status="410 Gone"),
    f"{A}set": [redirect("/set").replace(b"\r\n\r\n", b"\r\nSet-Cookie: seen=1\r\n\r\n"), ok(b"cookie taken")],
    f"{A}big.png": ok(bytes(range(256)) * 6000, type_="image/png"),
    f"{A}style.css": css("@import '/more.css'; body { background: url(/bg.png) }"),
    f"{A}more.css": css("b { color: red }"),
    f"{A}bg.png": ok(b"bg", type_="image/png"),
}  # fmt: skip


@dataclass(frozen=True)
class First:
    """A finished crawl, which all that come after only read."""

    directory: Path
    ran: Ran


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    directory = tmp_path_factory.mktemp("first") / "crawl"
    ran = asyncio.run(first_crawl(directory))
    before = files_of(directory)
    yield First(directory, ran)
    assert files_of(directory) == before


def files_of(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def first_crawl(directory: Path) -> Ran:
    with Web({**SITE, "http://dead.test/": ok()}, dead=["dead.test"]) as web:
        seeds = (A, "http://dead.test/")
        return await crawl(web, directory, *seeds, retries=1, timeout=0.5, per_host=8, clock=QuickClock(3000.0))


async def again(archive: Path, directory: Path, *seeds: str, hooks: Hooks | None = None, **options: Any) -> Ran:
    """The same crawl without any network."""
    told: list[Outcome] = []
    config = config_of(directory, *(seeds or (A, "http://dead.test/")), retries=1, from_archive=archive, **options)
    async with Crawl(config, hooks=hooks) as running:
        running.add_done_callback(told.append)
        summary = await running.wait()
    return Ran(summary, told)


def bytes_of(directory: Path) -> Counter[tuple[object, ...]]:
    """What went over the wire, record by record: all but ids and what was noted beside it."""
    return Counter(
        (each.type, each.url, each.header("WARC-Date"), each.header("WARC-Truncated"), each.header("WARC-IP-Address"),
         each.header("WARC-Payload-Digest"), each.block)
        for each in kept(directory)
        if each.type in ("request", "response", "revisit", "resource")
    )  # fmt: skip


def told(ran: Ran) -> dict[str, tuple[object, ...]]:
    return {
        o.url: (o.kind, o.reason, o.failure, o.status, o.media_type, o.bytes, o.title, o.time) for o in ran.outcomes
    }


async def test_the_same_bytes_and_the_same_outcomes(first: First, tmp_path: Path) -> None:
    assert first.ran.summary.finished
    assert first.ran.by_url[f"{A}secret"].reason == "robots.txt"
    assert first.ran.by_url["http://dead.test/"].failure is not None
    assert any(each.type == "revisit" for each in kept(first.directory))
    # Real time: neither the Crawl-delay of 30 s nor the retry's seconds are waited for.
    second = await again(first.directory, tmp_path / "2")
    assert second.summary.finished
    assert sorted(told(second)) == sorted(told(first.ran))
    for url, expected in told(first.ran).items():
        if expected[0] is not OutcomeKind.EXCLUDED and url in told(second):
            assert told(second)[url][:7] == expected[:7], url
    one, two = bytes_of(first.directory), bytes_of(tmp_path / "2")
    assert two - one == Counter()
    assert one - two == Counter()
    assert verify_chain(tmp_path / "2") == []


async def test_and_again_from_the_copy(first: First, tmp_path: Path) -> None:
    await again(first.directory, tmp_path / "2")
    await again(tmp_path / "2", tmp_path / "3")
    assert bytes_of(tmp_path / "3") == bytes_of(first.directory)


async def test_a_url_that_is_not_there_fails(first: First, tmp_path: Path) -> None:
    config = config_of(tmp_path / "2", from_archive=first.directory, robots=False)
    async with Crawl(config) as running:
        with pytest.raises(FetchFailed, match=r"http://a\.test/never: not in the archive") as caught:
            await running.submit(f"{A}never")
        assert (await running.submit(f"{A}twin")).seq
    assert caught.value.outcome is not None
    assert caught.value.outcome.failure is FailureKind.NOT_IN_ARCHIVE


async def test_an_extractor_is_developed_against_it(first: First, tmp_path: Path) -> None:
    seen: dict[str, bytes] = {}

    async def extract(url: CrawlURL, exchange: Exchange, found: Extraction) -> list[str] | None:
        seen[url.url] = exchange.content
        return ["/from-target"] if url.url == A else None

    ran = await again(first.directory, tmp_path / "2", A, hooks=Hooks(extract=extract), max_depth=1, robots=False)
    assert seen[f"{A}gzip"] == b'<a href="/from-gzip">x</a>'
    assert seen[f"{A}chunked"] == b'<a href="/from-chunks">x</a>'
    assert ran.by_url[f"{A}from-target"].depth == 1


async def test_an_archive_of_another_kind_is_read_too(first: First, tmp_path: Path) -> None:
    """A single WARC file."""
    (segment,) = (first.directory / "archive").iterdir()
    await again(segment, tmp_path / "2")
    assert bytes_of(tmp_path / "2") == bytes_of(first.directory)


async def test_a_resumed_crawl_goes_on_where_it_was(first: First, tmp_path: Path) -> None:
    begun = await again(first.directory, tmp_path / "2", max_pages=3)
    assert not begun.summary.finished
    second = await again(first.directory, tmp_path / "2")
    assert second.summary.finished
    assert bytes_of(tmp_path / "2") == bytes_of(first.directory)


@pytest.mark.parametrize("what", ["missing", "empty", "itself"])
async def test_what_is_no_archive_is_refused_in_one_sentence(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=rf"--from-archive .*{what}"):
        async with Crawl(config_of(tmp_path / "itself", from_archive=tmp_path / what)):
            pass


def test_on_the_command_line(first: First, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--from-archive", str(first.directory), "--output", str(tmp_path / "2")]
    code = main([A, *places, "--no-sitemaps", "--retries", "1", "--min-free-disk", "0", "--quiet"])
    assert code == 0, capsys.readouterr().err
    assert {line["url"] for line in read_log(tmp_path / "2")} == {
        line["url"] for line in read_log(first.directory) if "dead.test" not in str(line["url"])
    }
    assert CrawlConfig(from_archive=first.directory).from_archive == first.directory
