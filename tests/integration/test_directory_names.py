"""A crawl directory of any name can be written, read, and referred to: none of its characters mean anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crawler.cli import main
from storage.cli import main as storage
from tests.support.site import Site, response

QUICK = ["--quiet", "--delay", "0", "--min-free-disk", "0", "--no-sitemaps", "--retries", "0"]
ODD = "a?b#c%41 d*[x]"
NOT_UTF8 = os.fsdecode(b"\xe9")
BODY = b"<title>0</title>" + b"so much text that it is worth referring to " * 20


@pytest.mark.parametrize("name", [ODD, NOT_UTF8])
def test_an_odd_name(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, odd = tmp_path / "first", tmp_path / name
    with Site({"/": response(BODY)}) as served:
        assert main([f"{served.root}/", "--output", str(first), *QUICK]) == 0
        first.rename(odd)
        assert main(["explain", str(odd), f"{served.root}/"]) == 0
        assert main(["audit", str(odd)]) == 0
        assert storage(["verify", str(odd)]) == 0
    assert "sound" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_payloads_of_another_archive_are_known_in_a_directory_with_an_odd_name(tmp_path: Path) -> None:
    with Site({"/": response(BODY)}) as served:
        assert main([f"{served.root}/", "--output", str(tmp_path / "first"), *QUICK]) == 0
        begin = [f"{served.root}/", "--output", str(tmp_path / ODD), "--dedupe-from", str(tmp_path / "first"), *QUICK]
        assert main(begin) == 0
    assert '"outcome":"revisited"' in (tmp_path / ODD / "logs" / "urls.jsonl").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([ODD, "first"])
