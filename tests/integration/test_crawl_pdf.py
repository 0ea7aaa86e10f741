"""PDFs in a crawl: their links are followed; whatever becomes of the reader, they are archived, and it is told."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

from crawler.model import OutcomeKind
from crawler.pdf import links
from tests.support import pdfs
from tests.support.engine import crawl
from tests.support.kept import metadata
from tests.support.web import Web, ok, page

A = "http://a.test"
DOCUMENT = pdfs.linking(f"{A}/1", "2", "www.b.test/x", "mailto:a@b.test", info="/Title (The report)")


def told_of(directory: Path, url: str) -> dict[str, list[str]]:
    (told,) = metadata(directory, url)
    return told


def why(directory: Path, url: str) -> str:
    """What the metadata record says of links that were not found."""
    return " ".join(told_of(directory, url).get("extraction", []))


async def test_links_are_followed(crawl_dir: Path) -> None:
    body = gzip.compress(DOCUMENT)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    answers = {
        f"{A}/": page("/d/plain", "/coded"),
        f"{A}/d/plain": ok(DOCUMENT, "Link: </3>; rel=next", type_="application/pdf"),
        f"{A}/coded": b"HTTP/1.1 200 OK\r\nContent-Type: application/x-pdf\r\nContent-Encoding: gzip\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunked,
        **{f"{A}{path}": ok() for path in ("/1", "/2", "/3", "/d/2")},
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == sorted(answers)
    assert ran.by_url[f"{A}/d/plain"].title == "The report"
    assert told_of(crawl_dir, f"{A}/d/plain")["outlink"] == [
        f"{A}/3 L header/link",
        f"{A}/1 L pdf/uri",
        f"{A}/d/2 L pdf/uri",
        "http://www.b.test/x L pdf/uri",
    ]


async def test_one_without_a_type_is_known_by_its_beginning(crawl_dir: Path) -> None:
    untyped = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DOCUMENT) + DOCUMENT
    with Web({f"{A}/": untyped, f"{A}/1": ok(), f"{A}/2": ok()}) as web:
        await crawl(web, crawl_dir, f"{A}/")
        assert sorted(web.urls) == [f"{A}/", f"{A}/1", f"{A}/2"]


async def test_not_when_told_not_to(crawl_dir: Path) -> None:
    with Web({f"{A}/": ok(DOCUMENT, type_="application/pdf"), f"{A}/1": ok()}) as web:
        await crawl(web, crawl_dir, f"{A}/", pdf=False)
        assert web.urls == [f"{A}/"]


async def test_a_hostile_one_is_archived_and_what_was_given_up_is_told(crawl_dir: Path) -> None:
    answers = {
        f"{A}/": page("/bomb", "/torn", "/empty"),
        f"{A}/bomb": ok(pdfs.bomb(256 << 20), type_="application/pdf"),
        f"{A}/torn": ok(DOCUMENT[:300], type_="application/pdf"),
        f"{A}/empty": ok(b"", type_="application/pdf"),
    }
    with Web(answers) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}
    assert why(crawl_dir, f"{A}/bomb").startswith("the PDF is damaged: LimitReachedError")
    assert why(crawl_dir, f"{A}/torn").startswith("the PDF cannot be read: ")
    assert why(crawl_dir, f"{A}/empty").startswith("the PDF cannot be read: EmptyFileError")


async def test_too_long_a_one_is_not_read(crawl_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_BYTES", 1 << 20)
    with Web({f"{A}/": ok(DOCUMENT + b"%" * (1 << 20), type_="application/pdf")}) as web:
        await crawl(web, crawl_dir, f"{A}/")
    assert why(crawl_dir, f"{A}/") == "the PDF is longer than 1 MiB"


async def test_a_host_whose_pdfs_waste_the_readers_time_is_not_read_any_more(
    crawl_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_WASTED", 0.0)
    torn = ok(DOCUMENT[:300], type_="application/pdf")
    answers = {f"{A}/": page("/1", "/2", "http://b.test/"), f"{A}/1": torn, f"{A}/2": torn}
    with Web({**answers, "http://b.test/": ok(DOCUMENT, type_="application/pdf")}) as web:
        await crawl(web, crawl_dir, f"{A}/", "http://b.test/", per_host=1)
    told = [why(crawl_dir, f"{A}/{number}") for number in (1, 2)]
    assert told.count("not read: PDFs of a.test took more than 0 s in vain") == 1
    assert why(crawl_dir, "http://b.test/") == ""


async def test_nothing_is_started_without_a_pdf(crawl_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.pdf.process.subprocess.Popen", None)
    with Web({f"{A}/": page("/x.zip"), f"{A}/x.zip": ok(zlib.compress(b"x"), type_="application/zip")}) as web:
        ran = await crawl(web, crawl_dir, f"{A}/")
    assert len(ran.by_url) == 2
