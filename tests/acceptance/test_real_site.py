"""A real site, whole: Debian's python3-doc behind nginx, crawled by the command line.

Two witnesses that share no code with the crawler judge the archive: a link walk of the same site, which says what must
be there, and a relay between crawler and nginx, which says what each byte was. warcio reads the archive.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.support.linkwalk import Page, walk
from tests.support.nginx import nginx
from tests.support.programs import require_program, require_python_docs
from tests.support.recording_proxy import HttpExchange, recording_proxy

CRAWL_SECONDS = 100
ELSEWHERE = r"^(?!http://127\.0\.0\.1:)"
"""Every URL that would leave this machine."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the crawl left and what the witnesses saw, all by request target."""

    directory: Path
    exit_code: int
    told: str
    seen: list[HttpExchange] = field(repr=False)
    reachable: dict[str, Page] = field(repr=False)


async def crawl_python_docs(tmp_path: Path) -> Result:
    root, home = require_python_docs(), tmp_path / "nginx"
    home.mkdir()
    directory = tmp_path / "crawl"
    with nginx(require_program("nginx"), root, home, gzip=True) as server:
        async with recording_proxy(server.port) as proxy:
            walking = asyncio.create_task(asyncio.to_thread(walk, server.url + "index.html"))
            exit_code, told = await crawl(proxy.url + "index.html", directory)
            found = await walking
            reachable = {target_of(url): page for url, page in found.pages.items()}
        return Result(directory, exit_code, told, proxy.exchanges(), reachable)


async def crawl(seed: str, directory: Path) -> tuple[int, str]:
    """Runs the command line to its end; returns its exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crawler", seed, "--output", str(directory), "--exclude", ELSEWHERE, "--no-sitemaps"),
        *("--delay", "0", "--per-host", "16", "--min-free-disk", "1M"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(CRAWL_SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, told.decode("utf-8", "replace")


def blocks(directory: Path, record_type: str, *, decoded: bool = False) -> Iterator[tuple[str, bytes]]:
    """The request target and the block of every record of one type; with `decoded`, the body as a browser sees it."""
    for segment in sorted((directory / "archive").glob("*.warc.gz")):
        with segment.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=not decoded):
                if record.rec_type == record_type:
                    content = record.content_stream() if decoded else record.raw_stream
                    yield target_of(record.rec_headers.get_header("WARC-Target-URI")), content.read()


def target_of(url: str) -> str:
    """An absolute URL as a request line names it: path and query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.mark.timeout(240)
async def test_python_docs_are_archived_whole_once_and_byte_for_byte(tmp_path: Path) -> None:
    result = await crawl_python_docs(tmp_path)
    assert result.exit_code == 0, result.told
    assert len([page for page in result.reachable.values() if page.media_type == "text/html"]) > 500
    expected = {*result.reachable, "/robots.txt"}

    responses = list(blocks(result.directory, "response"))
    requests = list(blocks(result.directory, "request"))
    _same_once("the response records", (target for target, _ in responses), expected)
    _same_once("the request records", (target for target, _ in requests), expected)
    _same_once("the exchanges on the wire", (exchange.target for exchange in result.seen), expected)

    sent = {exchange.target: exchange.request for exchange in result.seen}
    received = {exchange.target: exchange.response for exchange in result.seen}
    assert [target for target, block in requests if block != sent[target]] == []
    assert [target for target, block in responses if block != received[target]] == []
    chunked = [block for block in received.values() if b"\r\nTransfer-Encoding: chunked\r\n" in block]
    assert len(chunked) > 500, "nginx was meant to compress, and so to send chunks"

    bodies = dict(blocks(result.directory, "response", decoded=True))
    wrong = [target for target, page in result.reachable.items() if bodies[target] != page.body]
    assert wrong == []
    _log_is_unbroken(result.directory, result.reachable)


def _same_once(what: str, targets: Iterator[str], expected: set[str]) -> None:
    counts = Counter(targets)
    assert {target: count for target, count in counts.items() if count != 1} == {}, f"{what}: more than once"
    assert expected - counts.keys() == set(), f"{what}: missing"
    assert counts.keys() - expected == set(), f"{what}: not reachable by the walk"


def _log_is_unbroken(directory: Path, reachable: dict[str, Page]) -> None:
    lines = [json.loads(line) for line in (directory / "logs" / "urls.jsonl").read_text("utf-8").splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    archived = [line for line in lines if line["outcome"] == "archived"]
    statuses = {target_of(line["url"]): line["status"] for line in archived}
    assert len(statuses) == len(archived), "an address has two outcomes"
    assert {each: statuses.get(each) for each in reachable} == {each: page.status for each, page in reachable.items()}
