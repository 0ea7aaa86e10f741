from __future__ import annotations

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
    assert fresh_directory(crawl) == crawl
    assert fresh_directory(crawl) == crawl, "an empty directory can be used"
    (crawl / "crawl.db").touch()
    assert fresh_directory(crawl) == tmp_path / "deep" / "crawl-2"
    assert fresh_directory(crawl) == tmp_path / "deep" / "crawl-3"
    assert [path.name for path in crawl.iterdir()] == ["crawl.db"]


def test_a_fresh_directory_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be created"):
        fresh_directory(tmp_path / "file" / "crawl")
