from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crawler.directory import default_directory, fresh_directory, holds_crawl
from crawler.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "urls", "demo", "name"),
    [
        (["seeds.txt"], ["http://a.test/"], False, "seeds"),
        (["lists/my seeds.2026.txt"], ["http://a.test/"], False, "my-seeds.2026"),
        (["-"], ["http://a.test/"], False, "stdin"),
        (["https://example.com/a/b"], ["https://example.com/a/b"], False, "example.com"),
        (["http://a.test:8080"], ["http://a.test:8080/"], False, "a.test-8080"),
        (["http://[::1]:80/"], ["http://[::1]/"], False, "1"),
        ([], ["http://demo.test/"], True, "demo"),
        ([], ["http://a.test/"], False, "crawl"),
        (["..txt"], ["http://a.test/"], False, "crawl"),
    ],
)
def test_the_default_name(arguments: list[str], urls: list[str], demo: bool, name: str) -> None:
    assert default_directory(arguments, urls, demo=demo) == Path("crawls") / name


def test_what_a_directory_holds(tmp_path: Path) -> None:
    assert not holds_crawl(tmp_path / "missing")
    assert not holds_crawl(tmp_path)
    (tmp_path / "logs").mkdir()
    assert holds_crawl(tmp_path)


def test_what_is_no_place_for_a_crawl(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(UsageError, match="is neither empty nor a crawl"):
        holds_crawl(tmp_path)
    with pytest.raises(UsageError, match="is a file, not a directory"):
        holds_crawl(tmp_path / "letter.txt")


def test_fresh_directories_are_counted_up_and_created(tmp_path: Path) -> None:
    crawl = tmp_path / "deep" / "crawl"
    assert [fresh_directory(crawl).name for _ in range(3)] == ["crawl", "crawl-2", "crawl-3"], "each has its own"
    (crawl / "archive").rmdir()
    (crawl / "crawl.db").touch()
    assert fresh_directory(crawl).name == "crawl-4"
    assert [path.name for path in crawl.iterdir()] == ["crawl.db"]


@pytest.mark.parametrize("names", [[], ["ignores"]])
def test_a_fresh_crawl_takes_a_directory_without_one(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert fresh_directory(tmp_path) == tmp_path


def test_a_fresh_directory_that_another_took_in_between(tmp_path: Path) -> None:
    """As two that begin at once see it: the one found it empty when the other had not yet written to it."""
    racing = threading.Barrier(8)

    def take() -> Path:
        racing.wait(30)
        return fresh_directory(tmp_path / "crawl")

    with ThreadPoolExecutor(8) as pool:
        taken = [each.result() for each in [pool.submit(take) for _ in range(8)]]
    assert {path.name for path in taken} == {"crawl", *(f"crawl-{number}" for number in range(2, 9))}


def test_a_fresh_directory_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be created"):
        fresh_directory(tmp_path / "file" / "crawl")
