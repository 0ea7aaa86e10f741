"""`python -m crawler` with wrong usage: one clear sentence on standard error, exit code 2, nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.cli import main

ROOT = Path(__file__).parents[2]


def _run(cwd: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-m", "crawler", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "no seeds: name a file of URLs, a URL, or --demo (--help tells more)"),
        (["no.txt"], "no.txt: there is no such file"),
        (["."], ".: is a directory, not a file of URLs"),
        (["bad.toml"], "bad.toml: is no file of URLs; a file of options is given with --config"),
        (["ftp://a.test/"], "'ftp://a.test/' is not a web address: the scheme 'ftp' is neither http nor https"),
        (["a.test", "--max-pagse", "3"], "there is no option --max-pagse; did you mean --max-pages?"),
        (["a.test", "--max-pages"], "--max-pages: expected one argument"),
        (["a.test", "--max-pages", "many"], "--max-pages: 'many' is not a whole number"),
        (["a.test", "--max-depth", "-1"], "--max-depth: -1 is too little; the least is 0"),
        (["a.test", "--max-body", "5X"], "--max-body: '5X' is not a size; write bytes, or a number with K, M, G or T,"),
        (["a.test", "--scope", "world"], "--scope: 'world' is not one of page, prefix, host, domain, any"),
        (["a.test", "--exclude", "a", "--exclude", "("], "--exclude: '(' is not a regular expression: missing ),"),
        (["a.test", "--include", ""], "--include: an empty pattern is found in every URL"),
        (["a.test", "--header", "A"], "--header: 'A' has no colon; write 'Name: value'"),
        (["a.test", "--digest", "md5"], "--digest: 'md5' is not one of sha256, sha1"),
        (["a.test", "--quiet", "--verbose"], "--quiet and --verbose contradict each other"),
        (["a.test", "--config", "no.toml"], "no.toml: cannot be read: No such file or directory"),
        (["a.test", "--config", "bad.toml"], "bad.toml:2: max-pagse: is no option; did you mean max-pages?"),
        (["a.test", "--config", "twice.toml"], "twice.toml:3: max-pages: is set twice, also as max_pages"),
        (["a.test", "--seed-option", "a.tset depth=1"], "--seed-option: https://a.tset/ is none of the seeds"),
        (["a.test", "--seed-option", "a.test/x depth=1"], "--seed-option: https://a.test/x is none of the seeds"),
        (["a.test", "--config", "seed.toml"], "seed.toml:1: seed-option: https://b.test/ is none of the seeds"),
        (["a.test", "--output", "bad.toml"], "bad.toml: is a file, not a directory"),
        (["a.test", "--output", ""], "--output: '' is not the name of a file or directory"),
        (["a.test", "--output", os.fsdecode(b"caf\xe9")], "--output: is not UTF-8 text"),
        (["a.test", "--config", ""], "--config: '' is not the name of a file"),
        ([""], "SEEDS: '' is neither a file nor a URL"),
        (["a.test", "--seed-option", "http://a.test depth=1"], "--seed-option: http://a.test/ is none of the seeds"),
        (["a.test", "--demo=1"], "--demo: takes no value"),
        (["--output", "none"], "no seeds, and no crawl in none that could be resumed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], sentence: str,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "bad.toml").write_text("retries = 1\nmax-pagse = 3\n")
    (tmp_path / "twice.toml").write_text("max_pages = 3\nretries = 1\nmax-pages = 4\n")
    (tmp_path / "seed.toml").write_text('seed-option = ["b.test depth=1"]\n')
    there = sorted(os.listdir(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    told = capfd.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith(f"crawler: {sentence}")
    assert sorted(os.listdir(tmp_path)) == there, "wrong usage leaves nothing behind"


def test_a_crawl_given_as_seeds_is_told_how_to_resume(tmp_path: Path) -> None:
    (tmp_path / "crawl").mkdir()
    (tmp_path / "crawl" / "crawl.toml").touch()
    done = _run(tmp_path, "crawl")
    assert done.returncode == 2
    assert done.stderr == b"crawler: crawl: is a directory, not a file of URLs; --output resumes the crawl in it\n"


def test_bad_lines_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "seeds.txt").write_text("# mine\nhttp://a.test/\nftp://b.test/\n\nhttp://\n")
    done = _run(tmp_path, "seeds.txt")
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["crawler", "seeds.txt:3"], ["crawler", "seeds.txt:5"]]


def test_standard_input_is_checked_too(tmp_path: Path) -> None:
    done = _run(tmp_path, "-", stdin=b"\x00\x01")
    assert done.returncode == 2
    assert done.stderr == b"crawler: standard input: is a binary file, not a list of URLs\n"


def test_a_terminal_is_not_steered_by_an_argument(tmp_path: Path) -> None:
    done = _run(tmp_path, "ev\x1b[2Jil.txt")
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    done = _run(tmp_path, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: python -m crawler SEEDS [options]\n")
    done = _run(tmp_path, "--version")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"annals ")
    assert os.listdir(tmp_path) == []


def test_help_where_nobody_knows_unicode(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "crawler", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_shipped_seeds_are_the_demonstration() -> None:
    from crawler.demo import DEMO_URL
    from crawler.seeds import parse_seeds

    data = (ROOT / "seeds.txt").read_bytes()
    assert parse_seeds(data, "seeds.txt") == (DEMO_URL,)
    uncommented = [line[1:].strip() for line in data.decode().splitlines() if line.startswith("# http")]
    assert len(uncommented) >= 4
    urls = tuple(line.split()[0] for line in uncommented)
    assert parse_seeds("\n".join(uncommented).encode(), "seeds.txt") == urls
