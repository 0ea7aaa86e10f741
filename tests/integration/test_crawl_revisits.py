"""Identical payloads are kept once: what becomes a revisit, what it says, and what reads it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastArchiveIterator
from fastwarc.warc import WarcRecordType
from warcio.archiveiterator import ArchiveIterator

from crawler.hooks import Hooks
from crawler.model import CrawlURL, Exchange, OutcomeKind
from tests.integration.test_crawl_segments import get, serving_archive
from tests.support.archive_check import read_archive, read_log
from tests.support.engine import QuickClock, Ran, config_of, crawl, opened
from tests.support.kept import Kept, kept, metadata, segments
from tests.support.programs import require_program
from tests.support.web import Answer, Web, ok, page

BODY = bytes(range(256)) * 5
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
A, B, C = (f"http://a.test/{name}" for name in ("a", "b", "c"))
IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"


def chunked(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


async def crawled(directory: Path, answers: dict[str, Answer], *seeds: str, **options: Any) -> Ran:
    with Web(answers) as web:
        return await crawl(web, directory, *(seeds or answers), concurrency=1, robots=False, **options)


def originals(directory: Path) -> dict[str | None, Kept]:
    return {record.header("WARC-Record-ID"): record for record in kept(directory, type_="response")}


async def test_a_revisit_has_the_head_and_refers_to_the_record_with_the_payload(crawl_dir: Path) -> None:
    answer = ok(BODY, "X-Own: b", type_="image/png")
    ran = await crawled(crawl_dir, {A: ok(BODY, type_="image/gif"), B: answer})
    first, second = ran.by_url[A], ran.by_url[B]
    assert (first.kind, second.kind) == (OutcomeKind.ARCHIVED, OutcomeKind.REVISITED)
    assert second.receipt is not None
    assert (second.status, second.media_type, second.receipt.digest) == (200, "image/png", DIGEST)
    [record] = kept(crawl_dir, type_="revisit")
    [original] = kept(crawl_dir, type_="response")
    assert record.url == B
    assert record.block == answer[: -len(BODY)]
    assert record.header("Content-Length") == str(len(record.block))
    assert record.header("Content-Type") == "application/http;msgtype=response"
    assert record.header("WARC-Profile") == IDENTICAL
    assert record.header("WARC-Refers-To") == original.header("WARC-Record-ID")
    assert record.header("WARC-Refers-To-Target-URI") == A
    assert record.header("WARC-Refers-To-Date") == original.header("WARC-Date")
    assert record.header("WARC-Payload-Digest") == original.header("WARC-Payload-Digest") == DIGEST
    assert record.header("WARC-Truncated") is None
    assert record.header("WARC-IP-Address") == "127.0.0.1"
    assert [line["outcome"] for line in read_log(crawl_dir)] == ["archived", "revisited"]
    assert ran.summary.outcomes[OutcomeKind.REVISITED] == 1
    assert ran.summary.bytes == first.bytes + second.bytes


async def test_the_links_of_a_revisit_are_followed_and_kept(crawl_dir: Path) -> None:
    same = page("next", markup="<p>" + "words " * 200)
    ran = await crawled(crawl_dir, {"http://a.test/1/": same, "http://a.test/2/": same})
    assert set(ran.by_url) == {f"http://a.test/{name}" for name in ("1/", "2/", "1/next", "2/next")}
    [fields] = metadata(crawl_dir, "http://a.test/2/")
    assert fields["outlink"] == ["http://a.test/2/next L a/@href"]
    pages = (crawl_dir / "pages" / "pages.jsonl").read_text()
    assert '"http://a.test/2/"' in pages


@pytest.mark.parametrize("batches", [False, True], ids=["one batch", "a batch each"])
async def test_in_one_batch_and_in_several(crawl_dir: Path, batches: bool) -> None:
    with Web({A: ok(BODY), B: ok(BODY), C: ok(BODY)}, pause=0.15 if batches else 0.0) as web:
        await crawl(web, crawl_dir, A, B, C, concurrency=1 if batches else 3, robots=False)
    found = originals(crawl_dir)
    assert len(found) == 1
    assert [record.header("WARC-Refers-To") for record in kept(crawl_dir, type_="revisit")] == list(found) * 2


async def test_the_payload_counts_and_not_its_framing(crawl_dir: Path) -> None:
    await crawled(crawl_dir, {A: ok(BODY), B: chunked(BODY)})
    [record] = kept(crawl_dir, type_="revisit")
    assert record.url == B
    assert record.block == chunked(BODY)[: -len(chunked(BODY).partition(b"\r\n\r\n")[2])]


async def test_a_large_body_that_was_spooled(crawl_dir: Path) -> None:
    body = bytes(range(256)) * 12_000
    await crawled(crawl_dir, {A: ok(body), B: chunked(body), C: ok(body)})
    assert [record.url for record in kept(crawl_dir, type_="response")] == [A]
    assert {url: block.partition(b"\r\n\r\n")[2] == body for url, block in read_archive(crawl_dir).responses} == {
        A: True, B: True, C: True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        pytest.param(ok(b""), {}, id="empty"),
        pytest.param(ok(BODY[:511]), {}, id="short"),
        pytest.param(ok(BODY), {"dedupe": False}, id="switched off"),
        pytest.param(ok(BODY), {"max_body": 600}, id="cut off"),
        pytest.param(ok(BODY)[:-1], {}, id="closed early"),
    ],
)
async def test_what_is_kept_each_time(crawl_dir: Path, answer: bytes, options: dict[str, Any]) -> None:
    with Web({A: answer, B: answer}) as web:
        # Nothing more comes after a short answer: the server's silence ends it.
        await crawl(web, crawl_dir, A, B, concurrency=1, robots=False, timeout=0.3, **options)
    assert len(kept(crawl_dir, type_="response")) == 2
    assert kept(crawl_dir, type_="revisit") == []


async def test_nothing_refers_to_a_record_that_was_cut_off(crawl_dir: Path) -> None:
    await crawled(crawl_dir, {A: ok(BODY)}, max_body=len(BODY) - 256)
    ran = await crawled(crawl_dir, {A: ok(BODY), B: ok(BODY[:-256])})  # the very bytes that were kept of A
    assert ran.by_url[B].kind is OutcomeKind.ARCHIVED
    assert kept(crawl_dir, type_="revisit") == []


async def test_a_later_session_refers_to_what_an_earlier_one_kept(crawl_dir: Path) -> None:
    await crawled(crawl_dir, {A: ok(BODY)})
    ran = await crawled(crawl_dir, {A: ok(BODY), B: ok(BODY)})
    assert ran.by_url[B].kind is OutcomeKind.REVISITED
    [record] = kept(crawl_dir, type_="revisit")
    assert record.header("WARC-Refers-To") in originals(crawl_dir)
    assert len(segments(crawl_dir)) == 2


async def test_of_repeated_answers_the_one_that_settled_the_url_is_referred_to(crawl_dir: Path) -> None:
    """Attempts before it have no row in the ledger that could be referred to later."""
    busy = ok(BODY, status="503 Service Unavailable")
    with Web({A: busy, B: busy}) as web:
        ran = await crawl(web, crawl_dir, A, robots=False, retries=2, clock=QuickClock(500))
        await crawl(web, crawl_dir, A, B, robots=False, clock=QuickClock(500))
    last = ran.by_url[A].receipt
    assert last is not None
    assert len(kept(crawl_dir, A, "response")) == 3
    [record] = kept(crawl_dir, B, "revisit")
    assert record.header("WARC-Refers-To") == last.record_id
    read_archive(crawl_dir)


async def test_a_failure_that_a_hook_found_stays_one(crawl_dir: Path) -> None:
    async def heard(url: CrawlURL, exchange: Exchange) -> None:
        if url.url == B:
            raise ValueError("not this one")

    with Web({A: ok(BODY), B: ok(BODY)}) as web:
        config = config_of(crawl_dir, A, B, concurrency=1, robots=False)
        async with opened(config, resolver=web.resolver(), hooks=Hooks(on_response=heard)) as running:
            await running.wait()
    assert [line["outcome"] for line in read_log(crawl_dir)] == ["archived", "failed"]
    assert [record.url for record in kept(crawl_dir, type_="revisit")] == [B]


async def test_other_readers_read_them(crawl_dir: Path) -> None:
    await crawled(crawl_dir, {A: ok(BODY), B: ok(BODY, "X-Own: b"), C: chunked(BODY)})
    [path] = segments(crawl_dir)
    data = path.read_bytes()
    with_warcio = [
        (record.rec_headers.get_header("WARC-Target-URI"), record.http_headers.get_statuscode())
        for record in ArchiveIterator(io.BytesIO(data))
        if record.rec_type == "revisit"
    ]
    assert with_warcio == [(B, "200"), (C, "200")]
    with_fastwarc = [
        (record.headers["WARC-Target-URI"], record.http_headers.status_code)
        for record in FastArchiveIterator(io.BytesIO(data), record_types=WarcRecordType.revisit, parse_http=True)
    ]
    assert with_fastwarc == [(B, 200), (C, 200)]
    command = [sys.executable, "-m", "cdxj_indexer.main", "--sort", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours = (crawl_dir / "indexes" / f"{path.name}.cdxj").read_text()
    assert ours == theirs
    assert ours.count('"mime": "warc/revisit"') == 2
    assert ours.count(DIGEST) == 3


async def test_pywb_shows_them(tmp_path: Path) -> None:
    wayback = require_program("wayback")
    (tmp_path / "collections").mkdir()
    ran = await crawled(tmp_path / "collections" / "it", {A: ok(BODY), B: ok(BODY), C: chunked(BODY)})
    assert [outcome.kind.value for outcome in ran.outcomes] == ["archived", "revisited", "revisited"]
    with serving_archive(wayback, tmp_path) as root:
        for outcome in ran.outcomes:
            assert outcome.time is not None
            assert get(f"{root}/it/{outcome.time:%Y%m%d%H%M%S}id_/{outcome.url}") == (200, BODY)
