"""A disk that is really full: a tmpfs of a few MiB in a mount namespace of its own, with ballast to be thrown off."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import verify_chain
from tests.support.archive_check import assert_complete, read_log
from tests.support.programs import require_program
from tests.support.site import Site, response

SIZE, BALLAST = 8 << 20, 6 << 20
PAGES = 180


def heavy_site() -> dict[str, bytes]:
    """Pages in a tree, each with 10 kB that no compressor makes smaller: more than fits beside the ballast."""
    rng = random.Random(4)
    answers = {}
    for number in range(PAGES):
        children = [f"/p/{child}" for child in (2 * number + 1, 2 * number + 2) if child < PAGES]
        links = "".join(f'<a href="{link}">{link}</a>' for link in children)
        body = f"<!doctype html><title>{number}</title>{links}<p>{rng.randbytes(10_000).hex()}".encode()
        answers[f"/p/{number}" if number else "/"] = response(body)
    return answers


class Disk:
    """The small disk. `seen` is where this process finds it; commands run inside find it at `place`."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.place = place
        unshare, self._nsenter = require_program("unshare"), require_program("nsenter")
        script = f"mount -t tmpfs -o size={SIZE} none '{place}' && echo mounted && exec cat"
        self._holder = subprocess.Popen(
            [unshare, "-m", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            self.close()
            pytest.skip("mounting a file system is not permitted here")
        self.seen = Path(f"/proc/{self._holder.pid}/root{place}")
        (self.seen / "ballast").write_bytes(bytes(BALLAST))

    def close(self) -> None:
        self._holder.communicate()

    def relieve(self) -> None:
        (self.seen / "ballast").unlink()

    @property
    def free(self) -> int:
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def crawl(self, site: Site, *options: str) -> subprocess.Popen[str]:
        command = [
            self._nsenter, "-t", str(self._holder.pid), "-m", f"--wd={Path.cwd()}", sys.executable, "-m", "crawler",
            f"{site.root}/", "--output", str(self.place / "crawl"), "--delay", "0", "--per-host", "8",
            "--no-sitemaps", *options,
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    found = Disk(tmp_path / "disk")
    yield found
    found.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(heavy_site()) as running:
        yield running


def complete(disk: Disk, site: Site) -> None:
    copy = disk.place.with_name("copy")  # SQLite does not follow /proc into another namespace
    shutil.copytree(disk.seen / "crawl", copy)
    assert_complete(copy, site.root, site.answers)
    assert verify_chain(copy) == []


def read_until_paused(disk: Disk, process: subprocess.Popen[str]) -> tuple[int, str]:
    """Returns how many URLs were reported by then, and the line that tells of the pause."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if " paused: " in line:
            return (disk.seen / "crawl" / "logs" / "urls.jsonl").read_bytes().count(b"\n"), line
    raise AssertionError("".join(told))


def read_to_the_end(process: subprocess.Popen[str]) -> str:
    """What is left of its output, of which a part was read already."""
    assert process.stdout is not None
    with process.stdout:
        rest = process.stdout.read()
    process.wait(60)
    return rest


def test_the_crawl_waits_for_room_and_goes_on(disk: Disk, site: Site) -> None:
    process = disk.crawl(site, "--min-free-disk", "0")
    done, told = read_until_paused(disk, process)
    assert 0 < done < PAGES
    assert "refused a write for want of room" in told or "free" in told, told
    disk.relieve()
    output = read_to_the_end(process)
    assert process.returncode == 0, output
    complete(disk, site)


def test_a_wait_that_is_over_stops_the_crawl_and_it_resumes(disk: Disk, site: Site) -> None:
    process = disk.crawl(site, "--min-free-disk", "0", "--disk-wait", "1s", "--quiet")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 3, output
    assert "error" not in output, output
    before = {str(line["url"]): line for line in read_log(disk.seen / "crawl")}
    assert 0 < len(before) < PAGES
    # Still no room: the next start says so, too, and harms nothing.
    again = disk.crawl(site, "--min-free-disk", "0", "--disk-wait", "0s", "--quiet")
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 3, output
    assert "Traceback" not in output
    disk.relieve()
    process = disk.crawl(site, "--min-free-disk", "0", "--quiet")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    complete(disk, site)
    after = {str(line["url"]): line for line in read_log(disk.seen / "crawl")}
    assert {url: after[url] for url in before} == before


def test_min_free_disk_pauses_before_the_disk_is_full(disk: Disk, site: Site) -> None:
    process = disk.crawl(site, "--min-free-disk", "1M")
    done, told = read_until_paused(disk, process)
    assert 0 < done < PAGES
    assert "1.0 MB wanted" in told
    assert disk.free > 400_000, "it stops asking well before the disk is full"
    disk.relieve()
    output = read_to_the_end(process)
    assert process.returncode == 0, output
    complete(disk, site)
