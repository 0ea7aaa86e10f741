"""`verify`, `recover` and `pack` on rubbish: findings or an ArchiveError, never anything else. The seed is printed."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import ArchiveError, cli
from storage.mending import mend, plan
from storage.verify import verify
from tests.support.crawldir import capture, crawl_directory
from tests.support.packed import zstd
from tests.support.rawwarc import findings, packed, request, response, warcinfo
from tests.unit.test_verify_records import SOUND

ROUNDS = int(os.environ.get("ANNALS_ROUNDS", "60"))
RECORDS = [warcinfo(), request(2), response(3), *SOUND.values()]

SAMPLES = {
    "x.warc": b"".join(RECORDS),
    "x.warc.gz": packed(*RECORDS),
    "x.warc.zst": b"".join(zstd.compress(each) for each in RECORDS),
    "x.arc": b"filedesc://x.arc 0.0.0.0 20260102030405 text/plain 3\n1 0\n\n"
    b"http://a/ 1.2.3.4 20260102030405 text/html 2\nab\n",
}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with a few changes of the kinds that find bugs."""
    for _ in range(rng.randrange(1, 6)):
        at, length = rng.randrange(len(data) + 1), rng.choice([1, 2, 4, 100])
        kind = rng.randrange(7)
        if kind == 0:
            data = data[:at] + rng.randbytes(length) + data[at + length :]
        elif kind == 1:
            data = data[:at] + data[at + length :]
        elif kind == 2:
            data = data[:at] + rng.randbytes(length) + data[at:]
        elif kind == 3:
            other = rng.randrange(len(data) + 1)
            data = data[:at] + data[other : other + 50 * length] + data[at:]
        elif kind == 4:
            data = data[:at] + rng.choice([b"\r\n", b"\n", b"\0" * 64, b"\x1f\x8b\x08", b"WARC/1.1\r\n"]) + data[at:]
        elif kind == 5 and (numbers := list(re.finditer(rb"[0-9]+", data))):
            number = rng.choice(numbers)
            put = rng.choice([b"0", b"-1", b"18446744073709551616", b"9" * 25, b"1e3", b"\xd9\xa1", b""])
            data = data[: number.start()] + put + data[number.end() :]
        elif kind == 6 and rng.random() < 0.2:
            data = data[:at]
    return data


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("ANNALS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"ANNALS_SEED={seed}")
    return random.Random(seed)


def tried(work: Callable[[], object]) -> None:
    """Does it; an ArchiveError, which names the file in one sentence, is as good as an end."""
    with contextlib.suppress(ArchiveError):
        work()


@pytest.mark.parametrize("name", SAMPLES)
def test_files_of_records(name: str, tmp_path: Path, rng: random.Random) -> None:
    path = tmp_path / name
    for _ in range(ROUNDS):
        path.write_bytes(mutated(SAMPLES[name], rng))
        tried(lambda: findings(path))
        if not name.endswith(".arc"):
            tried(lambda: mend(plan(path)))
        for each in tmp_path.iterdir():
            each.unlink()


def test_what_was_recovered_is_whole(tmp_path: Path, rng: random.Random) -> None:
    path = tmp_path / "x.warc.gz"
    for _ in range(ROUNDS):
        whole = packed(*RECORDS)
        path.write_bytes(whole[: rng.randrange(1, len(whole))] + rng.randbytes(rng.choice([0, 0, 3, 700])))
        todo = plan(path)
        mend(todo)
        if todo.records:
            labels = {each.rule.label for each in findings(path)}
            assert not labels & {"frame-damaged", "file-torn", "record-length", "not-a-record", "record-end"}
        for each in tmp_path.iterdir():
            each.unlink()


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    return crawl_directory(tmp_path / "crawl", [[capture(1), capture(2, chunked=True)], [capture(3)]])


def test_crawl_directories(crawl: Path, tmp_path: Path, rng: random.Random) -> None:
    files = [path.relative_to(crawl) for path in sorted(crawl.rglob("*")) if path.is_file()]
    copy = tmp_path / "copy"
    for _ in range(ROUNDS):
        shutil.copytree(crawl, copy)
        victim = copy / rng.choice(files)
        victim.write_bytes(mutated(victim.read_bytes(), rng))
        tried(lambda: verify([copy], lambda found: None))
        shutil.rmtree(copy)


def test_packages(crawl: Path, tmp_path: Path, rng: random.Random) -> None:
    package = tmp_path / "x.wacz"
    assert cli.main(["pack", str(crawl), "-o", str(package)]) == 0
    whole = package.read_bytes()
    with zipfile.ZipFile(package) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    for number in range(ROUNDS):
        if number % 2:
            package.write_bytes(mutated(whole, rng))
        else:
            victim = rng.choice(list(files))
            with zipfile.ZipFile(package, "w") as changed:
                for name, data in files.items():
                    changed.writestr(name, mutated(data, rng) if name == victim else data)
        tried(lambda: verify([package], lambda found: None))
