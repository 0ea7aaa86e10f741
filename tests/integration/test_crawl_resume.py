"""What a second run over the same directory does: goes on, applies what changed, leaves alone what is done."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.errors import UsageError
from crawler.model import OutcomeKind
from tests.support.archive_check import read_log
from tests.support.engine import crawl, engine
from tests.support.kept import kept, segments
from tests.support.web import Answer, Web, page

Captured = pytest.CaptureFixture[str]
QUICK = ["--delay", "0", "--min-free-disk", "0", "--allow-private", "--no-sitemaps"]
SITE: dict[str, Answer] = {
    "http://a.test/": page("/1", "/2", "/3", "http://b.test/"),
    **{f"http://a.test/{n}": page(f"/{n}/x") for n in (1, 2, 3)},
    **{f"http://a.test/{n}/x": page() for n in (1, 2, 3)},
    "http://b.test/": page(),
}


def fingerprint(directory: Path) -> dict[str, tuple[str, int]]:
    """Content and time of change of every file."""
    return {
        str(path.relative_to(directory)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def contents(directory: Path) -> dict[str, str]:
    """A derived file may be written anew, if it says the same."""
    return {name: digest for name, (digest, _) in fingerprint(directory).items()}


async def test_a_new_exclude_excludes_what_is_queued(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
        ran = await crawl(web, crawl_dir, "http://a.test/", exclude=("/2",))
        assert sorted(web.urls) == ["http://a.test/", *(f"http://a.test/{p}" for p in ("1", "1/x", "3", "3/x"))]
    outcome = ran.by_url["http://a.test/2"]
    assert (outcome.kind, outcome.reason, outcome.receipt) == (OutcomeKind.EXCLUDED, "exclude", None)
    assert [line["outcome"] for line in read_log(crawl_dir) if line["url"] == "http://a.test/2"] == ["excluded"]


async def test_a_narrower_scope_and_depth_hold_for_what_is_queued(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_pages=1, scope="any")
        ran = await crawl(web, crawl_dir, "http://a.test/", scope="host", max_depth=1)
    assert ran.by_url["http://b.test/"].reason == "scope"
    assert "http://a.test/1/x" not in ran.by_url


async def test_added_seeds_are_fetched_and_old_ones_not_again(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/")
        done = len(web.urls)
        ran = await crawl(web, crawl_dir, "http://a.test/", "http://b.test/")
        assert web.urls[done:] == ["http://b.test/"]
    assert (ran.summary.seeds, ran.summary.seeds_answered) == (2, 2)


async def test_a_run_with_other_seeds_keeps_the_scope_of_the_first(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
        ran = await crawl(web, crawl_dir, "http://b.test/")
        assert sorted(web.urls) == sorted(SITE)
    assert ran.summary.finished


def test_a_complete_crawl_says_so_and_does_nothing(crawl_dir: Path, capsys: Captured) -> None:
    words = ["http://a.test/", *QUICK, "--output", str(crawl_dir)]
    with Web(SITE) as web:
        assert main(words, engine=engine(web)) == 0
        asked = len(web.requests)
        before = fingerprint(crawl_dir / "archive"), contents(crawl_dir / "indexes")
        capsys.readouterr()
        assert main(words, engine=engine(web)) == 0
        assert len(web.requests) == asked
    assert capsys.readouterr().out.startswith(f"{crawl_dir} is complete: 8 URLs. There was nothing to do.\n")
    assert (fingerprint(crawl_dir / "archive"), contents(crawl_dir / "indexes")) == before


def test_fresh_begins_beside_and_leaves_the_old_untouched(crawl_dir: Path, capsys: Captured) -> None:
    words = ["http://a.test/", *QUICK, "--output", str(crawl_dir)]
    with Web(SITE) as web:
        assert main([*words, "--max-pages", "2"], engine=engine(web)) == 0
        before = fingerprint(crawl_dir)
        capsys.readouterr()
        assert main([*words, "--fresh"], engine=engine(web)) == 0
        assert fingerprint(crawl_dir) == before
        other = crawl_dir.with_name(f"{crawl_dir.name}-2")
        assert len(read_log(other)) == 8
        assert capsys.readouterr().out.startswith(f"A new crawl in {other}. To resume the one in {crawl_dir}:\n")
        assert main([*words, "--fresh"], engine=engine(web)) == 0
        assert len(read_log(crawl_dir.with_name(f"{crawl_dir.name}-3"))) == 8
        assert main(words, engine=engine(web)) == 0
    assert len(read_log(crawl_dir)) == 8


async def test_sequence_numbers_and_segments_go_on_over_many_runs(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        for limit in (1, 3, 5, None):
            ran = await crawl(web, crawl_dir, "http://a.test/", max_pages=limit)
        assert len(web.urls) == len(set(web.urls)) == 7
    assert ran.summary.finished
    assert [line["seq"] for line in read_log(crawl_dir)] == list(range(1, 9))
    assert len(segments(crawl_dir)) == 4
    assert len(kept(crawl_dir, type_="warcinfo")) == 4
    assert [record.url for record in kept(crawl_dir, type_="response")] == [line["url"] for line in read_log(crawl_dir)]


async def test_a_run_that_has_nothing_to_write_makes_no_segment(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
        await crawl(web, crawl_dir, "http://a.test/", max_pages=1)
    assert len(segments(crawl_dir)) == 1


async def test_sha1_is_written_in_base32_everywhere(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        ran = await crawl(web, crawl_dir, "http://a.test/", digest="sha1")
    for record in kept(crawl_dir):
        digest = b32encode(hashlib.sha1(record.block).digest()).decode()
        assert record.header("WARC-Block-Digest") == f"sha1:{digest}"
    (response,) = kept(crawl_dir, "http://a.test/", "response")
    body = response.block.partition(b"\r\n\r\n")[2]
    digest = f"sha1:{b32encode(hashlib.sha1(body).digest()).decode()}"
    assert response.header("WARC-Payload-Digest") == digest
    receipt = ran.by_url["http://a.test/"].receipt
    assert receipt is not None
    assert receipt.digest == digest
    (index,) = (crawl_dir / "indexes").glob("*.cdxj")
    assert '"digest": "sha1:' in index.read_text()
    assert "sha256" not in index.read_text()


@pytest.mark.parametrize(("first", "second"), [("sha1", "sha256"), ("sha256", "sha1")])
def test_one_archive_has_one_digest(crawl_dir: Path, capsys: Captured, first: str, second: str) -> None:
    words = ["http://a.test/", *QUICK, "--output", str(crawl_dir)]
    with Web(SITE) as web:
        assert main([*words, "--digest", first, "--max-pages", "1"], engine=engine(web)) == 0
        before = fingerprint(crawl_dir / "archive"), (crawl_dir / "crawl.toml").read_bytes()
        asked = len(web.requests)
        capsys.readouterr()
        assert main([*words, "--digest", second], engine=engine(web)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"crawler: --digest {second}: ")
        assert f"--digest {first}" in line
        assert "--fresh" in line
        assert len(web.requests) == asked
        assert (fingerprint(crawl_dir / "archive"), (crawl_dir / "crawl.toml").read_bytes()) == before
        assert main(["--output", str(crawl_dir)], engine=engine(web)) == 0
        assert main([*words, "--digest", first], engine=engine(web)) == 0
    assert {str(record.header("WARC-Block-Digest")).partition(":")[0] for record in kept(crawl_dir)} == {first}


async def test_the_ledger_knows_the_digest_whatever_the_file_says(crawl_dir: Path) -> None:
    with Web(SITE) as web:
        await crawl(web, crawl_dir, "http://a.test/", digest="sha1", max_pages=1)
        (crawl_dir / "crawl.toml").unlink()
        with pytest.raises(UsageError, match="sha1"):
            await crawl(web, crawl_dir, "http://a.test/", digest="sha256")
