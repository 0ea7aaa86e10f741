"""A program that ends, in any way, while a crawl runs in its background: what was captured is kept, nothing hangs."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import verify_chain
from tests.support.archive_check import read_archive, read_log
from tests.support.site import Site, small_site

BEGIN = """
import concurrent.futures.thread, sys, threading, time
{before}
from crawler import BackgroundCrawl, CrawlConfig, run
config = CrawlConfig(seeds=["{root}/"], output="{output}", delay=0.0, min_free_disk=0, allow_private=True,
                     sitemaps=False, grace=0.2, timeout=60.0)
"""
STARTED = """
import atexit, traceback
background = BackgroundCrawl(config).start()
atexit.register(lambda: background._error and traceback.print_exception(background._error))
while len(list(background.outcomes())) < 4:
    time.sleep(0.01)
print("four", flush=True)
"""
NO_NOTICE = "del threading._register_atexit  # a Python that gives no notice of its end before its pools are closed"
ENDINGS = {
    "falls off its end": "",
    "raises": "raise ZeroDivisionError('mine')",
    "sys.exit": "sys.exit(5)",
    "after stop without join": "background.stop()",
    "in another thread": "threading.Thread(target=time.sleep, args=(0.1,)).start()",
}


@pytest.fixture
def site() -> object:
    with Site(small_site()) as running:
        running.silent.add("/p/9")  # so that the crawl cannot end by itself
        yield running


def program(site: Site, directory: Path, rest: str, before: str = "") -> subprocess.Popen[str]:
    text = BEGIN.format(root=site.root, output=directory, before=before) + rest
    command = [sys.executable, "-W", "error", "-c", text]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check(site: Site, directory: Path) -> None:
    """Everything there is was flushed, sealed and entered: the archive ends as after a stop."""
    log = read_log(directory)
    assert len(log) >= 4
    assert not list((directory / "archive").glob("*.open"))
    assert verify_chain(directory) == []
    held = read_archive(directory)
    assert held.records["response"] + held.records["revisit"] == len(log)
    assert {line["outcome"] for line in log} <= {"archived", "revisited"}


@pytest.mark.parametrize("before", ["", NO_NOTICE], ids=["told of its end", "not told"])
@pytest.mark.parametrize("ending", list(ENDINGS))
def test_the_program_ends(site: Site, crawl_dir: Path, ending: str, before: str) -> None:
    child = program(site, crawl_dir, STARTED + ENDINGS[ending], before)
    out, err = child.communicate(timeout=30)
    assert out == "four\n", err
    assert child.returncode == {"raises": 1, "sys.exit": 5}.get(ending, 0), err
    assert ("Traceback" in err) == (ending == "raises"), err
    check(site, crawl_dir)


@pytest.mark.parametrize("start", ["run(config)", "with BackgroundCrawl(config) as background: background.join()"])
def test_ctrl_c_stops_gracefully(site: Site, crawl_dir: Path, start: str) -> None:
    child = program(site, crawl_dir, start)
    deadline = time.monotonic() + 20
    while len(read_log(crawl_dir)) < 4 or not site.requests["/p/9"]:
        assert time.monotonic() < deadline, child.poll()
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert "KeyboardInterrupt" in err
    assert child.returncode in (1, -signal.SIGINT, 130)
    check(site, crawl_dir)
