"""The main job from the outside, without any network: `python -m crawler` on the bundled site, with the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "crawler"]
QUICK = ["--delay", "0", "--min-free-disk", "0"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


def _run(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def _log(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "logs" / "urls.jsonl").read_text().splitlines()]


def _statuses(directory: Path) -> Counter[tuple[str, str]]:
    """How often each URL was answered with which status, as another tool reads it."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted((directory / "archive").iterdir()):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type in ("response", "revisit"):
                    url = record.rec_headers.get_header("WARC-Target-URI")
                    found[url, record.http_headers.get_statuscode()] += 1
    return found


def test_the_shipped_seeds_are_crawled_and_then_complete(tmp_path: Path) -> None:
    (tmp_path / "seeds.txt").write_bytes((ROOT / "seeds.txt").read_bytes())
    done = _run(tmp_path, "seeds.txt", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [
        "To crawl a site of your own:",
        f"  {sys.executable} -m crawler https://example.com/",
    ]
    directory = tmp_path / "crawls" / "seeds"
    outcomes = {str(line["url"]): line["outcome"] for line in _log(directory)}
    assert outcomes.pop("http://demo.test/private/diary.html") == "excluded"
    assert set(outcomes.values()) == {"archived", "revisited"}  # some of its pictures and error pages are the same
    assert not [url for url in outcomes if not url.startswith("http://demo.test/")]
    statuses = _statuses(directory)
    assert statuses["http://demo.test/flaky.html", "503"] == 1
    assert statuses["http://demo.test/flaky.html", "200"] == 1
    assert statuses["http://demo.test/no-such-page.html", "404"] == 1
    assert statuses["http://demo.test/chain/2", "302"] == 1
    assert statuses["http://demo.test/cdn/w_480,h_320,q_80/tide.png", "200"] == 1
    assert statuses["http://demo.test/caf%C3%A9.html", "200"] == 1
    assert set(statuses.values()) == {1}

    before = {path: path.stat().st_mtime_ns for path in (directory / "archive").iterdir()}
    again = _run(tmp_path, "seeds.txt", *QUICK)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith(f"crawls/seeds is complete: {len(outcomes) + 1} URLs. There was nothing to do.\n")
    assert {path: path.stat().st_mtime_ns for path in (directory / "archive").iterdir()} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_same_line_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["--demo", "--verbose", *QUICK]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first URL is done, the slow page and the flaky one are still to come
        process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == 3
    assert rest.splitlines()[-1].endswith(f"-m crawler {' '.join(arguments)}")
    done = _run(tmp_path, *arguments)
    assert done.returncode == 0
    sequence = [line["seq"] for line in _log(tmp_path / "crawls" / "demo")]
    assert sequence == list(range(1, len(sequence) + 1))
    urls = [line["url"] for line in _log(tmp_path / "crawls" / "demo")]
    assert len(urls) == len(set(urls))
    assert "http://demo.test/slow.html" in urls


def test_a_limit_ends_it_with_success_and_says_how_to_go_on(tmp_path: Path) -> None:
    done = _run(tmp_path, "--demo", "--max-pages", "3", *QUICK)
    assert (done.returncode, done.stderr) == (0, "")
    assert "still queued" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-2] == "To go on, raise the limit in:"


def test_without_a_network_real_seeds_are_named(tmp_path: Path) -> None:
    done = _run(tmp_path, "http://name.invalid/", "--retries", "0", *QUICK)
    assert done.returncode == 1
    assert done.stderr.startswith("crawler: no seed answered: http://name.invalid/ (")


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    patience = ["--exclude", "/(slow|flaky)"]
    with subprocess.Popen(
        [*COMMAND, "--demo", "--verbose", *patience, *QUICK], cwd=tmp_path, env=_environment(), stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.send_signal(signal.SIGSTOP)  # so that it cannot end before the other begins
        try:
            second = _run(tmp_path, "--demo", *QUICK)
        finally:
            first.send_signal(signal.SIGCONT)
        first.stdout.read()
    assert first.returncode == 0
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert line.startswith("crawler: ")
    assert "crawls/demo" in line
