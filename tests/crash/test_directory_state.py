"""What a crawl finds on start: derived files gone, a lock that a dead process left, segments not as committed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.cli import main
from tests.support.archive_check import assert_complete, read_log
from tests.support.engine import opened
from tests.support.faults import FaultyFiles
from tests.support.site import SMALL_SEGMENT, Site, small_site

Captured = pytest.CaptureFixture[str]
DERIVED = ["logs/urls.jsonl", "pages/pages.jsonl", "indexes"]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(small_site()) as running:
        yield running


def argv(site: Site, directory: Path) -> list[str]:
    return [
        f"{site.root}/", "--output", str(directory), "--delay", "0", "--per-host", "8", "--quiet",
        "--min-free-disk", "0", "--segment-size", str(SMALL_SEGMENT), "--no-sitemaps",
    ]  # fmt: skip


def contents(directory: Path, *names: str) -> dict[str, bytes]:
    """Every file below these names."""
    found = {}
    for name in names:
        place = directory / name
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file():
                found[str(path.relative_to(directory))] = path.read_bytes()
    return found


@pytest.mark.parametrize("name", [*DERIVED, "all"])
def test_derived_files_are_made_again_as_they_were(site: Site, crawl_dir: Path, name: str) -> None:
    assert main(argv(site, crawl_dir)) == 0
    before = contents(crawl_dir, *DERIVED)
    assert len(before) > 4
    for gone in DERIVED if name == "all" else [name]:
        path = crawl_dir / gone
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    asked = site.requests.total()
    assert main(argv(site, crawl_dir)) == 0
    assert contents(crawl_dir, *DERIVED) == before
    assert site.requests.total() == asked, "nothing is fetched again"
    assert_complete(crawl_dir, site.root, site.answers)


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_log_that_was_torn_is_mended(site: Site, crawl_dir: Path, size: int) -> None:
    assert main(argv(site, crawl_dir)) == 0
    log = crawl_dir / "logs" / "urls.jsonl"
    before = log.read_bytes()
    os.truncate(log, size if size >= 0 else len(before) + size)
    assert main(argv(site, crawl_dir)) == 0
    assert log.read_bytes() == before


def test_a_lock_that_a_dead_process_left_holds_nobody_up(site: Site, crawl_dir: Path) -> None:
    crawl_dir.mkdir()
    (crawl_dir / "archive").mkdir()
    (crawl_dir / ".lock").write_text(f"{os.getpid()}\n")
    assert main(argv(site, crawl_dir)) == 0
    assert_complete(crawl_dir, site.root, site.answers)


def interrupted(site: Site, directory: Path) -> tuple[Path, int]:
    """A crawl that died with a segment open; the segment and its committed length."""
    code = main(argv(site, directory), engine=lambda config: opened(config, files=FaultyFiles(fail_at=10)))
    assert code == 1
    with sqlite3.connect(directory / "crawl.db") as db:
        name, length = db.execute("SELECT name, length FROM segments WHERE state = 'open'").fetchone()
    db.close()
    return directory / "archive" / f"{name}.open", length


@pytest.mark.parametrize("missing", [1, 500])
def test_a_segment_shorter_than_committed_stops_the_start(
    site: Site, crawl_dir: Path, capsys: Captured, missing: int
) -> None:
    path, length = interrupted(site, crawl_dir)
    os.truncate(path, length - missing)
    before, asked = contents(crawl_dir, "archive"), site.requests.total()
    capsys.readouterr()
    for _ in range(2):
        assert main(argv(site, crawl_dir)) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert str(path) in line
        assert str(length) in line
        assert str(length - missing) in line
        assert contents(crawl_dir, "archive") == before
    assert site.requests.total() == asked


def test_what_was_never_committed_is_cut_off_whatever_it_says(site: Site, crawl_dir: Path) -> None:
    path, length = interrupted(site, crawl_dir)
    with path.open("ab") as file:
        file.write(path.read_bytes())  # whole records, as a crash between sync and commit leaves them
    assert path.stat().st_size > length
    assert main(argv(site, crawl_dir)) == 0
    assert_complete(crawl_dir, site.root, site.answers)


def test_a_sealed_segment_that_changed_its_length_stops_the_start(
    site: Site, crawl_dir: Path, capsys: Captured
) -> None:
    assert main(argv(site, crawl_dir)) == 0
    path = min((crawl_dir / "archive").glob("*.warc.gz"))
    length = path.stat().st_size
    os.truncate(path, length - 1)
    assert main(argv(site, crawl_dir)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert str(length) in line
    assert str(length - 1) in line


@pytest.mark.parametrize("state", ["older", "gone"])
def test_a_ledger_behind_the_log_stops_the_start(site: Site, crawl_dir: Path, capsys: Captured, state: str) -> None:
    """As crawl.db is without its crawl.db-wal: what was reported as done would be cut off as never committed."""
    ledger = crawl_dir / "crawl.db"
    assert main([*argv(site, crawl_dir), "--max-pages", "2"]) == 0
    older, known = ledger.read_bytes(), len(read_log(crawl_dir))
    interrupted(site, crawl_dir)
    told = len(read_log(crawl_dir))
    assert told > known
    if state == "older":
        ledger.write_bytes(older)
    else:
        ledger.unlink()
    before, asked = contents(crawl_dir, "archive", *DERIVED), site.requests.total()
    capsys.readouterr()
    for _ in range(2):
        assert main(argv(site, crawl_dir)) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{ledger}: {f'holds {known} outcomes' if state == 'older' else 'is missing'}, but " in line
        assert f"urls.jsonl tells of {told}" in line
        assert contents(crawl_dir, "archive", *DERIVED) == before
        assert ledger.exists() == (state == "older"), "an empty one would pass for the crawl's own"
    assert site.requests.total() == asked


def test_a_ledger_that_is_no_database_is_a_sentence(site: Site, crawl_dir: Path, capsys: Captured) -> None:
    assert main(argv(site, crawl_dir)) == 0
    (crawl_dir / "crawl.db").write_bytes(b"not a database, by far" * 500)
    assert main(argv(site, crawl_dir)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(crawl_dir / "crawl.db") in line
