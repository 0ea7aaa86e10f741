"""Streams that are closed, full, or that nobody reads: they end no crawl, spoil no archive, and are told in a word."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.cli import main as storage
from tests.support.site import Site, response

SITE = {
    f"/{name}": response(f'<title>{name}</title><a href="/1">1</a><img src="/no.png">'.encode()) for name in ("", "1")
}
QUICK = "--delay 0 --min-free-disk 0 --no-sitemaps --retries 0 --verbose"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(SITE) as served:
        yield served


@pytest.fixture(scope="module")
def whole(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished crawl, which nobody changes."""
    directory = tmp_path_factory.mktemp("whole") / "crawl"
    shell(f"-m crawler {site.root}/ {QUICK} --output {directory} >/dev/null")
    return directory


def shell(words: str) -> subprocess.CompletedProcess[str]:
    """Python with these words, redirections among them, as a shell runs it; `$?` of a pipe's first command is kept."""
    line = f"set -o pipefail; {sys.executable} {words}"
    return subprocess.run(("bash", "-c", line), capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_crawl_without_standard_streams(closed: str, site: Site, crawl_dir: Path) -> None:
    ran = shell(f"-m crawler {site.root}/ {QUICK} --output {crawl_dir} {closed}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (crawl_dir / "logs" / "urls.jsonl").read_bytes().count(b"\n") == 4
    assert (crawl_dir / "logs" / "crawl.log").read_text() == ""
    assert storage(["verify", str(crawl_dir)]) == 0


def test_complaints_that_nobody_can_see_go_nowhere(site: Site, crawl_dir: Path) -> None:
    ran = shell(f"-m crawler {site.root}/ --scope nowhere --output {crawl_dir} 2>&-")
    assert (ran.returncode, ran.stdout) == (2, "")


def test_seeds_from_a_closed_standard_input() -> None:
    ran = shell("-m crawler - <&-")
    assert (ran.returncode, ran.stderr) == (2, "crawler: standard input: holds no URL\n")


@pytest.mark.parametrize("words", ["crawler audit {}", "crawler explain {} http://a.test/", "storage list {}"])
@pytest.mark.parametrize("unbuffered", ["", "-u "])
def test_commands_whose_output_goes_nowhere(words: str, unbuffered: str, whole: Path) -> None:
    command = f"{unbuffered}-m {words.format(whole)}"
    told = shell(command)
    closed = shell(f"{command} >&-")
    assert (closed.returncode, closed.stderr) == (told.returncode, "")
    full = shell(f"{command} >/dev/full")
    assert (full.returncode, full.stderr) == (1, f"{words.split()[0]}: No space left on device\n")
    # The reader has left before the first word: its end of the pipe is closed when the command is let go.
    left = shell(
        f"-c 'import os,sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); os.execv(sys.executable,"
        f" [sys.executable, *sys.argv[1:]])' {command}"
    )
    assert (left.returncode, left.stderr) == (141, "")
