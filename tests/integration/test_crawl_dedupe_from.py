"""Payloads that another archive holds are not kept again: what refers to it, and what cannot be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from crawler.config import CrawlConfig, InvalidSetting
from crawler.errors import UsageError
from crawler.model import OutcomeKind
from storage import index_path
from tests.integration.test_crawl_revisits import BODY, DIGEST, IDENTICAL
from tests.integration.test_crawl_segments import get, serving_archive
from tests.support.engine import Ran, crawl
from tests.support.kept import Kept, kept, segments
from tests.support.programs import require_program
from tests.support.web import Web, ok

A, B, C = "http://a.test/a", "http://a.test/b", "http://a.test/c"
ANSWERS = {A: ok(BODY), B: ok(BODY, "X-Own: b"), C: ok(BODY + b"c")}


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


async def crawled(directory: Path, *seeds: str, **options: Any) -> Ran:
    with Web(ANSWERS) as web:
        return await crawl(web, directory, *seeds, concurrency=1, robots=False, **options)


def revisit(directory: Path) -> Kept:
    [record] = kept(directory, type_="revisit")
    assert record.header("WARC-Profile") == IDENTICAL
    assert record.header("WARC-Payload-Digest") == DIGEST
    assert record.header("WARC-Refers-To-Target-URI") == A
    return record


def content(directory: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(directory.rglob("*"))}


async def test_a_revisit_names_the_record_of_the_other_archive(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A)
    ran = await crawled(crawl_dir, B, C, dedupe_from=[other])
    assert [outcome.kind for outcome in ran.outcomes] == [OutcomeKind.REVISITED, OutcomeKind.ARCHIVED]
    [original] = kept(other, type_="response")
    record = revisit(crawl_dir)
    assert record.url == B
    assert record.block == ANSWERS[B][: -len(BODY)]
    assert record.header("WARC-Refers-To") == original.header("WARC-Record-ID")
    assert record.header("WARC-Refers-To-Date") == original.header("WARC-Date")


async def test_an_index_alone_gives_address_and_date(crawl_dir: Path, other: Path, tmp_path: Path) -> None:
    await crawled(other, A)
    [segment] = segments(other)
    index = tmp_path / "index.cdxj"
    shutil.move(index_path(other, segment.name), index)
    await crawled(crawl_dir, B, dedupe_from=[str(index)])
    [original] = kept(other, type_="response")
    record = revisit(crawl_dir)
    assert record.header("WARC-Refers-To") is None
    date = record.header("WARC-Refers-To-Date")
    assert date is not None
    assert date[:19] == str(original.header("WARC-Date"))[:19]


async def test_an_archive_without_its_index_is_read_and_left_as_it_is(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A)
    [segment] = segments(other)
    index_path(other, segment.name).unlink()
    before = content(other)
    await crawled(crawl_dir, B, dedupe_from=[other])
    assert revisit(crawl_dir).header("WARC-Refers-To") is not None
    assert content(other) == before


async def test_an_index_that_lies_about_the_file_is_not_referred_to(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A)
    [segment] = segments(other)
    index = index_path(other, segment.name)
    index.write_text(index.read_text().replace(A, "http://a.test/never"))
    await crawled(crawl_dir, B, dedupe_from=[other])
    assert kept(crawl_dir, type_="revisit") == []


async def test_an_address_that_no_header_may_carry_is_not_referred_to(crawl_dir: Path, tmp_path: Path) -> None:
    index = tmp_path / "odd.cdxj"
    fields = {"url": "http://a.test/\r\nX: y", "digest": DIGEST, "filename": "f", "offset": "0", "length": "1"}
    index.write_text(f"test,a)/ 20260102030405 {json.dumps(fields)}\n")
    ran = await crawled(crawl_dir, B, dedupe_from=[index])
    assert ran.by_url[B].kind is OutcomeKind.ARCHIVED


async def test_what_the_other_cut_off_or_revisits_is_no_original(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A, max_body=600)
    with Web({A: ok(BODY[:600])}) as web:
        await crawl(web, crawl_dir, A, robots=False, dedupe_from=[other])
    assert kept(crawl_dir, type_="revisit") == []


async def test_the_archives_own_records_come_first(crawl_dir: Path, other: Path) -> None:
    await crawled(crawl_dir, A)
    await crawled(other, A)
    await crawled(crawl_dir, A, B, dedupe_from=[other])
    assert revisit(crawl_dir).header("WARC-Refers-To") == kept(crawl_dir, type_="response")[0].header("WARC-Record-ID")


async def test_indexes_are_read_once(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A)
    await crawled(crawl_dir, B, dedupe_from=[other])
    made = (crawl_dir / "dedupe.db").stat()
    await crawled(crawl_dir, B, C, dedupe_from=[other])
    assert (crawl_dir / "dedupe.db").stat().st_mtime_ns == made.st_mtime_ns


async def test_another_digest_algorithm_is_said_before_anything_is_begun(crawl_dir: Path, other: Path) -> None:
    await crawled(other, A, digest="sha1")
    with pytest.raises(UsageError, match=r"--dedupe-from: .*cdxj:1: has digests of sha1, and this .* of sha256"):
        await crawled(crawl_dir, B, dedupe_from=[other])
    assert not (crawl_dir / "crawl.toml").exists()
    await crawled(crawl_dir, B, dedupe_from=[other], digest="sha1")
    [record] = kept(crawl_dir, type_="revisit")
    [original] = kept(other, type_="response")
    assert record.header("WARC-Payload-Digest") == original.header("WARC-Payload-Digest")


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "there is no such file"), ("", "is the archive of this crawl"), ("..", "holds no archive")],
)
async def test_what_is_no_source(crawl_dir: Path, source: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"--dedupe-from.*{message}"):
        await crawled(crawl_dir, A, dedupe_from=[crawl_dir / source])


def test_it_contradicts_no_dedupe() -> None:
    with pytest.raises(InvalidSetting, match="contradicts --no-dedupe"):
        CrawlConfig(dedupe_from=("x",), dedupe=False)
    with pytest.raises(InvalidSetting, match="takes a sequence"):
        CrawlConfig(dedupe_from="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="is not the name"):
        CrawlConfig(dedupe_from=("",))


async def test_pywb_shows_it_where_it_has_both(tmp_path: Path, other: Path) -> None:
    wayback = require_program("wayback")
    (tmp_path / "collections").mkdir()
    directory = tmp_path / "collections" / "it"
    await crawled(other, A)
    ran = await crawled(directory, B, dedupe_from=[other])
    for part in ("archive", "indexes"):
        shutil.copytree(other / part, directory / part, dirs_exist_ok=True)
    moment = ran.by_url[B].time
    assert moment is not None
    with serving_archive(wayback, tmp_path) as root:
        assert get(f"{root}/it/{moment:%Y%m%d%H%M%S}id_/{B}") == (200, BODY)
