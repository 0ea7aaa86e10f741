"""Further rounds over a finished crawl: what is asked again and how, what is kept, and what the summary says."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawler.model import OutcomeKind
from crawler.progress import Comparison
from storage import verify_chain
from tests.integration.test_crawl_segments import get, serving_archive
from tests.support.archive_check import read_log
from tests.support.engine import Ran, crawl
from tests.support.kept import Kept, kept, metadata, segments
from tests.support.programs import require_program
from tests.support.web import Answer, Web, ok, page, redirect, robots, versioned

A, X, Y, Z = (f"http://a.test/{name}" for name in ("", "x", "y", "z"))
BODY = b"some text " * 100
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
DATES = {"last_modified": "Fri, 02 Jan 2026 03:04:05 GMT", "date": "Sat, 03 Jan 2026 00:00:00 GMT"}


async def again(web: Web, directory: Path, *seeds: str, **options: Any) -> Ran:
    """A round over what is there; only its requests remain in `web`."""
    web.requests.clear()
    return await crawl(web, directory, *(seeds or (A,)), recrawl=True, **options)


def header(request: bytes, name: str) -> str | None:
    lines = request.decode("latin-1").split("\r\n")
    return next((line.split(": ", 1)[1] for line in lines if line.lower().startswith(name.lower() + ": ")), None)


def revisits(directory: Path, url: str) -> list[Kept]:
    return kept(directory, url, "revisit")


async def test_a_304_is_a_revisit_of_the_first_capture_through_all_rounds(crawl_dir: Path) -> None:
    tagged = versioned(page("/x", "/y"), etag='"one"')
    with Web({A: tagged, X: versioned(ok(BODY), **DATES), Y: ok(b"y")}) as web:
        first = await crawl(web, crawl_dir, A)
        for number in (2, 3):
            ran = await again(web, crawl_dir)
            assert sorted(web.urls) == [A, X, Y]  # found by the links of the first round
            assert header(web.asked(A)[0].request, "If-None-Match") == '"one"'
            assert header(web.asked(X)[0].request, "If-Modified-Since") == DATES["last_modified"]
            assert header(web.asked(Y)[0].request, "If-Modified-Since") is None
            assert {url: (o.kind, o.status, o.round) for url, o in ran.by_url.items()} == {
                A: (OutcomeKind.REVISITED, 304, number),
                X: (OutcomeKind.REVISITED, 304, number),
                Y: (OutcomeKind.ARCHIVED, 200, number),
            }
            assert ran.by_url[A].media_type == "text/html"
            assert ran.by_url[A].title == "A page"
            assert ran.summary.comparison == Comparison(new=0, changed=0, unchanged=3, gone=0)
            assert (ran.summary.round, ran.summary.exit_code) == (number, 0)
    original = kept(crawl_dir, A, "response")[0]
    assert original.header("WARC-Record-ID") == first.by_url[A].receipt.record_id  # type: ignore[union-attr]
    assert len(revisits(crawl_dir, A)) == 2
    for record in revisits(crawl_dir, A):
        assert record.header("WARC-Profile") == NOT_MODIFIED
        assert record.header("WARC-Refers-To") == original.header("WARC-Record-ID")
        assert record.header("WARC-Refers-To-Target-URI") == A
        assert record.header("WARC-Refers-To-Date") == original.header("WARC-Date")
        assert record.header("WARC-Payload-Digest") == original.header("WARC-Payload-Digest")
        assert (record.header("Content-Length"), record.block) == ("0", b"")
        assert record.header("WARC-Truncated") is None
    for fields, number in zip(metadata(crawl_dir, A), (1, 2, 3), strict=True):
        assert fields["outlink"] == [f"{X} L a/@href", f"{Y} L a/@href"]
        assert fields.get("round", ["1"]) == [str(number)]
    assert metadata(crawl_dir, A)[1]["notModified"] == ['HTTP/1.1 304 Not Modified\\r\\nEtag: "one"\\r\\n\\r\\n']
    assert "notModified" not in metadata(crawl_dir, A)[0]
    assert [line.get("round", 1) for line in read_log(crawl_dir)] == [1] * 4 + [2] * 3 + [3] * 3
    assert (crawl_dir / "pages" / "pages.jsonl").read_text().count(f'"{A}"') == 3
    assert verify_chain(crawl_dir) == []


async def test_what_changed_what_came_and_what_went(crawl_dir: Path) -> None:
    with Web({A: page("/x", "/y", "/z"), X: ok(BODY), Y: versioned(ok(BODY + b"y"), etag='"1"'), Z: ok(b"z")}) as web:
        await crawl(web, crawl_dir, A)
        web.answers[A] = page("/x", "/y", "/new")
        web.answers[Y] = versioned(ok(BODY + b"other"), etag='"2"')
        web.answers["http://a.test/new"] = ok(b"new")
        ran = await again(web, crawl_dir)
        assert sorted(web.urls) == [A, "http://a.test/new", X, Y]
        assert ran.summary.comparison == Comparison(new=1, changed=2, unchanged=1, gone=1)
        assert ran.by_url[Y].status == 200
        assert ran.by_url[X].kind is OutcomeKind.REVISITED  # no validators, but the same payload
        assert revisits(crawl_dir, X)[0].header("WARC-Profile") != NOT_MODIFIED
        del web.answers[X]
        third = await again(web, crawl_dir)
        assert third.by_url[X].status == 404
        assert third.summary.comparison == Comparison(new=0, changed=0, unchanged=3, gone=1)
        assert header(web.asked(Y)[0].request, "If-None-Match") == '"2"'
        assert third.by_url[Y].status == 304
    assert len(kept(crawl_dir, Z, "response")) == 1  # it remains where it was
    assert revisits(crawl_dir, Y)[0].header("WARC-Refers-To-Date") == kept(crawl_dir, Y, "response")[1].header(
        "WARC-Date"
    )


async def test_without_recrawl_a_finished_crawl_does_nothing(crawl_dir: Path) -> None:
    with Web({A: ok()}) as web:
        await crawl(web, crawl_dir, A)
        assert (await again(web, crawl_dir)).summary.round == 2
        web.requests.clear()
        ran = await crawl(web, crawl_dir, A)
        assert (ran.summary.already_complete, ran.summary.round, web.requests) == (True, 2, [])


async def test_on_a_crawl_that_was_never_begun_it_is_the_first_round(crawl_dir: Path) -> None:
    with Web({A: page("/x"), X: ok()}) as web:
        ran = await again(web, crawl_dir)
    assert (set(ran.by_url), ran.summary.round, ran.summary.comparison) == ({A, X}, 1, None)


async def test_an_unfinished_round_goes_on(crawl_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    pages = {f"http://a.test/{n}": ok(b"%d" % n) for n in range(6)}
    with Web({A: page(*(f"/{n}" for n in range(6))), **pages}) as web:
        stopped = await crawl(web, crawl_dir, A, max_pages=3, concurrency=1)
        assert not stopped.summary.finished
        ran = await again(web, crawl_dir)
        assert (ran.summary.round, ran.summary.finished, len(web.urls)) == (1, True, 4)
        assert "round 1 is not finished" in caplog.text


async def test_limits_count_a_round(crawl_dir: Path) -> None:
    pages = {f"http://a.test/{n}": ok(b"%d" % n) for n in range(6)}
    with Web({A: page(*(f"/{n}" for n in range(6))), **pages}) as web:
        await crawl(web, crawl_dir, A)
        ran = await again(web, crawl_dir, max_pages=3, concurrency=1)
        assert (len(web.urls), ran.summary.finished) == (3, False)
        assert ran.summary.comparison == Comparison(new=0, changed=0, unchanged=3, gone=None)


async def test_rules_and_cookies_stay(crawl_dir: Path) -> None:
    seed = ok(b"hello", "Set-Cookie: k=v; Max-Age=9999")
    with Web({A: seed, "http://a.test/robots.txt": robots("User-agent: *\nDisallow: /no")}) as web:
        await crawl(web, crawl_dir, A)
        await again(web, crawl_dir)
        assert [asked.url for asked in web.requests] == [A]  # the rules are known for a day
        assert header(web.asked(A)[0].request, "Cookie") == "k=v"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ok(b"x", 'Etag: "1"', status="404 Not Found"), id="an error page"),
        pytest.param(redirect("/x"), id="a redirect"),
        pytest.param(ok(BODY, "Etag: one"), id="no entity tag"),
        pytest.param(ok(BODY, 'Etag: "1"')[:-1], id="cut off"),
        pytest.param(ok(BODY, f"Last-Modified: {DATES['date']}", f"Date: {DATES['date']}"), id="a weak date"),
        pytest.param(ok(BODY, f"Last-Modified: {DATES['date']}"), id="a date without Date"),
    ],
)
async def test_what_is_asked_for_whole(crawl_dir: Path, answer: bytes) -> None:
    with Web({A: answer, X: ok()}) as web:
        await crawl(web, crawl_dir, A, timeout=0.3)
        await again(web, crawl_dir, timeout=0.3)
        request = web.asked(A)[0].request
    assert b"If-" not in request


async def test_a_weak_tag_is_sent_as_it_came(crawl_dir: Path) -> None:
    with Web({A: versioned(ok(BODY), etag='W/"1"', **DATES)}) as web:
        await crawl(web, crawl_dir, A)
        ran = await again(web, crawl_dir)
        request = web.asked(A)[0].request
        assert header(request, "If-None-Match") == 'W/"1"'
        assert header(request, "If-Modified-Since") == DATES["last_modified"]
        assert ran.by_url[A].status == 304


async def test_a_304_for_another_version_is_kept_and_the_document_asked_for(crawl_dir: Path) -> None:
    liar = b'HTTP/1.1 304 Not Modified\r\nEtag: "9"\r\n\r\n'
    with Web({A: ok(BODY, 'Etag: "1"')}) as web:
        await crawl(web, crawl_dir, A)
        web.answers[A] = [liar, ok(BODY, 'Etag: "9"')]
        ran = await again(web, crawl_dir)
        assert header(web.asked(A)[0].request, "If-None-Match") == '"1"'
        assert b"If-" not in web.asked(A)[1].request
    assert (ran.by_url[A].status, ran.by_url[A].attempt) == (200, 2)
    assert kept(crawl_dir, A, "response")[1].block == liar


async def test_a_304_that_nobody_asked_for_is_a_response(crawl_dir: Path) -> None:
    with Web({A: b"HTTP/1.1 304 Not Modified\r\n\r\n"}) as web:
        await crawl(web, crawl_dir, A)
        await again(web, crawl_dir)
    assert len(kept(crawl_dir, A, "response")) == 2
    assert revisits(crawl_dir, A) == []


async def test_an_identical_payload_with_new_validators_stands_for_its_original(crawl_dir: Path) -> None:
    with Web({A: versioned(ok(BODY), etag='"1"')}) as web:
        await crawl(web, crawl_dir, A)
        web.answers[A] = versioned(ok(BODY), etag='"2"')
        second = await again(web, crawl_dir)
        third = await again(web, crawl_dir)
        assert header(web.asked(A)[0].request, "If-None-Match") == '"2"'
    assert (second.by_url[A].status, third.by_url[A].status) == (200, 304)
    [original] = kept(crawl_dir, A, "response")
    assert [record.header("WARC-Refers-To") for record in revisits(crawl_dir, A)] == [
        original.header("WARC-Record-ID")
    ] * 2


async def test_a_copy_of_another_url_is_asked_for_whole(crawl_dir: Path) -> None:
    """A 304 would be shown with the headers of the other."""
    with Web({A: versioned(ok(BODY), etag='"1"'), X: versioned(ok(BODY), etag='"2"')}) as web:
        await crawl(web, crawl_dir, A, X, concurrency=1)
        ran = await again(web, crawl_dir, A, X)
        assert header(web.asked(X)[0].request, "If-None-Match") is None
    assert [ran.by_url[url].status for url in (A, X)] == [304, 200]


async def test_a_segment_that_is_not_there_any_more_costs_the_conditions_only(crawl_dir: Path) -> None:
    with Web({A: versioned(page("/x"), etag='"1"'), X: ok()}) as web:
        await crawl(web, crawl_dir, A)
        await again(web, crawl_dir)
        for path in segments(crawl_dir):
            path.chmod(0o644)
            path.write_bytes(bytes(path.stat().st_size))
        ran = await again(web, crawl_dir)
        assert b"If-" not in web.asked(A)[0].request
    assert set(ran.by_url) == {A, X}


async def test_new_seeds_and_those_that_were_dropped(crawl_dir: Path) -> None:
    with Web({A: ok(b"a"), X: ok(b"x"), Y: ok(b"y")}) as web:
        await crawl(web, crawl_dir, A, X)
        ran = await again(web, crawl_dir, X, Y)
    assert set(ran.by_url) == {X, Y}
    assert ran.summary.comparison == Comparison(new=1, changed=0, unchanged=1, gone=1)


async def test_readers_and_pywb(tmp_path: Path) -> None:
    (tmp_path / "collections").mkdir()
    directory = tmp_path / "collections" / "it"
    answers: dict[str, Answer] = {A: versioned(page("/x"), etag='"1"'), X: ok(BODY)}
    with Web(answers) as web:
        await crawl(web, directory, A)
        ran = await again(web, directory)
    path = segments(directory)[1]
    types = [record.rec_type for record in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    assert types == ["warcinfo", *(["request", "revisit", "metadata"] * 2)]
    command = [sys.executable, "-m", "cdxj_indexer.main", "--sort", str(path)]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (directory / "indexes" / f"{path.name}.cdxj").read_text() == theirs
    assert hashlib.sha256(BODY).hexdigest() in theirs
    with serving_archive(require_program("wayback"), tmp_path) as root:
        for url, body in ((A, bytes(page("/x")).partition(b"\r\n\r\n")[2]), (X, BODY)):
            moment = ran.by_url[url].time
            assert moment is not None
            assert get(f"{root}/it/{moment:%Y%m%d%H%M%S}id_/{url}") == (200, body)
