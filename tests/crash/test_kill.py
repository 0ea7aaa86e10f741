"""`kill -9` at random instants of one crawl: nothing that was reported is lost, nothing is archived twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.archive_check import assert_complete, read_log
from tests.support.site import Site, wide_site

PAGES = 1500
KILLS = 25
CRAWL = [
    sys.executable, "-m", "crawler", "--no-sitemaps", "--delay", "0", "--per-host", "8", "--concurrency", "16",
    "--quiet", "--min-free-disk", "0", "--segment-size", "300K",
]  # fmt: skip


IN_FLIGHT = 16 + 128 + 2 * 64
"""Fetches, what the hand-off holds, and two batches: all that is not yet committed."""


def start(site: Site, directory: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*CRAWL, f"{site.root}/", "--output", str(directory), *options], stderr=subprocess.PIPE)


def wait_for_progress(process: subprocess.Popen[bytes], log: Path, size: int) -> bool:
    """Until the log has grown to `size` bytes; False if the crawl ended before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and log.stat().st_size >= size:
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    raise AssertionError(f"no progress: the log has not reached {size} bytes")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_at_random_instants(crawl_dir: Path, rng: random.Random, rounds: Callable[[int], int]) -> None:
    answers = wide_site(PAGES, seed=rng.randrange(1 << 30), copies=PAGES // 5)
    log = crawl_dir / "logs" / "urls.jsonl"
    kills, wanted = 0, rounds(KILLS)
    reported: dict[str, dict[str, object]] = {}
    with Site(answers) as site:
        while True:
            process = start(site, crawl_dir)
            if kills == wanted:
                _, errors = process.communicate(timeout=120)
                assert process.returncode == 0, errors.decode()
                break
            # Some kills hit the start (recovery), most hit a crawl at work, a few ms after some progress.
            if rng.random() < 0.2:
                time.sleep(rng.uniform(0.2, 0.9))
            else:
                before = log.stat().st_size if log.exists() else 0
                wait_for_progress(process, log, before + rng.randrange(1, 12_000))
                time.sleep(rng.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            remember(reported, read_log(crawl_dir))
        assert reported, "no kill came after a report"
        assert_complete(crawl_dir, site.root, answers)
        final = {str(line["url"]): line for line in read_log(crawl_dir)}
        assert {url: final[url] for url in reported} == reported  # what was told once stays so
        again = sum(site.requests.values()) - len(answers)
        assert again <= kills * IN_FLIGHT
        print(f"{kills} kills, {again} fetches made again")


def remember(reported: dict[str, dict[str, object]], lines: list[dict[str, object]]) -> None:
    for line in lines:
        url = str(line["url"])
        assert reported.setdefault(url, line) == line, f"{url}: {json.dumps(line)} after {json.dumps(reported[url])}"


def test_two_processes_on_one_directory(crawl_dir: Path) -> None:
    answers = wide_site(400, seed=1)
    with Site(answers) as site:
        first = start(site, crawl_dir, "--delay", "0.1")
        try:
            wait_for_progress(first, crawl_dir / "logs" / "urls.jsonl", 1)
            second = subprocess.run(
                [*CRAWL, f"{site.root}/", "--output", str(crawl_dir)], capture_output=True, timeout=60, check=False
            )
            assert second.returncode == 1
            message = second.stderr.decode()
            assert str(crawl_dir) in message
            assert str(first.pid) in message
            assert "Traceback" not in message
        finally:
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=60)
        assert first.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_and_the_same_command_resumes(crawl_dir: Path, number: signal.Signals) -> None:
    answers = wide_site(900, seed=2)
    with Site(answers) as site:
        process = start(site, crawl_dir)
        wait_for_progress(process, crawl_dir / "logs" / "urls.jsonl", 5000)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 3
        assert not list((crawl_dir / "archive").glob("*.open"))
        done = len(read_log(crawl_dir))
        assert 0 < done < len(answers)
        again = start(site, crawl_dir)
        _, errors = again.communicate(timeout=60)
        assert again.returncode == 0, errors.decode()
        assert_complete(crawl_dir, site.root, answers)
        assert max(site.requests.values()) <= 2
        third = subprocess.run([*CRAWL[:-5], f"{site.root}/", "--output", str(crawl_dir)], timeout=60, check=False)
        assert third.returncode == 0
        assert len(read_log(crawl_dir)) == len(answers) + 1  # and robots.txt: nothing was done again
