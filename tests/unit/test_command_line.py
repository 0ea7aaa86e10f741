from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from crawler.commandline.words import Words

PROGRAM = (".venv/bin/python", "-m", "crawler")
DIRECTORY = Path("crawls/my seeds-2")


def _words(line: str) -> Words:
    return Words(PROGRAM, tuple(shlex.split(line)))


@pytest.mark.parametrize(
    ("line", "resume"),
    [
        ("seeds.txt --max-pages 3", "seeds.txt --max-pages 3"),
        ("'my seeds.txt' --header 'A: b c'", "'my seeds.txt' --header 'A: b c'"),
        ("seeds.txt --retry-failed", "seeds.txt"),
        ("seeds.txt --fresh", "seeds.txt --output 'crawls/my seeds-2'"),
        ("seeds.txt --output x --fresh --delay 1", "seeds.txt --delay 1 --output 'crawls/my seeds-2'"),
        ("seeds.txt --fresh --output=x", "seeds.txt --output 'crawls/my seeds-2'"),
        ("- --max-depth 2", "--max-depth 2 --output 'crawls/my seeds-2'"),
    ],
)
def test_how_to_go_on(line: str, resume: str) -> None:
    assert _words(line).resume(DIRECTORY) == f".venv/bin/python -m crawler {resume}"


@pytest.mark.parametrize(
    ("line", "old"),
    [
        ("seeds.txt --fresh", "seeds.txt"),
        ("seeds.txt --fresh --output x", "seeds.txt --output x"),
        ("- --fresh", "--output 'crawls/my seeds-2'"),
    ],
)
def test_how_to_go_on_with_the_old_crawl(line: str, old: str) -> None:
    assert _words(line).resume_old(DIRECTORY) == f".venv/bin/python -m crawler {old}"


def test_how_to_begin_anew() -> None:
    assert _words("seeds.txt --fresh --delay 1").fresh() == ".venv/bin/python -m crawler seeds.txt --delay 1 --fresh"


def test_the_words_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/src/crawler/__main__.py", "seeds.txt", "--quiet"])
    monkeypatch.setattr("sys.orig_argv", ["python3", "-X", "utf8", "-m", "crawler", "seeds.txt", "--quiet"])
    assert Words.of_process() == Words(("python3", "-X", "utf8", "-m", "crawler"), ("seeds.txt", "--quiet"))
    monkeypatch.setattr("sys.argv", ["bin/annals", "seeds.txt"])
    monkeypatch.setattr("sys.orig_argv", ["/usr/bin/python3", "bin/annals", "seeds.txt"])
    assert Words.of_process() == Words(("bin/annals",), ("seeds.txt",))


def test_what_shows_the_archive_is_started_in_the_same_way() -> None:
    module = Words((".venv/bin/python", "-m", "crawler"), ("seeds.txt",))
    assert module.look(Path("my crawls/x")) == ".venv/bin/python -m storage serve 'my crawls/x'"
    assert Words(("bin/annals",), ()).look(Path("x")) == f"{shlex.quote(sys.executable)} -m storage serve x"


def test_what_fetches_the_missing_is_started_in_the_same_way() -> None:
    assert Words(PROGRAM, ("audit", "x")).patch(Path("my x")) == ".venv/bin/python -m crawler patch 'my x'"
    assert Words(("bin/annals",), ()).patch(Path("x")) == "bin/annals patch x"
