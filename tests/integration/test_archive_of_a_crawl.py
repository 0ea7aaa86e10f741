"""An archive that a crawl wrote, read by this project beside warcio and FastWARC, and while it is being written."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

from crawler.model import Outcome
from storage import Archive
from tests.support.archive_check import read_log
from tests.support.engine import config_of, crawl, opened
from tests.support.web import Web, ok, page
from tests.support.witnesses import Seen, by_fastwarc, by_warcio

ROOT = "http://a.test/"


def packed_in_chunks(body: bytes) -> bytes:
    packed = gzip.compress(body, mtime=0)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:7], packed[7:]))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n"


async def test_every_capture_is_found_with_its_exchange(crawl_dir: Path, rng: random.Random) -> None:
    twin = rng.randbytes(3000)
    answers = {
        ROOT: page("/packed", "/one.bin", "/two.bin", "/missing"),
        f"{ROOT}packed": packed_in_chunks(b"<title>Packed</title>"),
        f"{ROOT}one.bin": ok(twin),
        f"{ROOT}two.bin": ok(twin),
    }
    with Web(answers) as web:
        await crawl(web, crawl_dir, ROOT, robots=False, segment_size=5000, concurrency=1)
    with Archive.open(crawl_dir) as archive:
        assert len(archive.sources) > 1
        for source in archive.sources:
            records = [
                Seen(each.type, each.url, each.block) for each in archive.records() if each.location.source is source
            ]
            assert records == by_warcio(source.path) == by_fastwarc(source.path)
        assert {found.url for found in archive.captures()} == {line["url"] for line in read_log(crawl_dir)}
        for line in read_log(crawl_dir):
            found = archive.get(str(line["url"]))
            assert found is not None
            assert (found.status, found.location.segment, found.location.offset) == (
                line["status"], line["segment"], line["offset"],
            )  # fmt: skip
            assert found.request is not None
            assert found.request.block.startswith(b"GET ")
            assert found.metadata["depth"] == str(line["depth"])
        packed = archive.get(f"{ROOT}packed")
        assert packed is not None
        assert (packed.text, packed.metadata["title"]) == ("<title>Packed</title>", "Packed")
        for name in ("one.bin", "two.bin"):
            twin_found = archive.get(f"{ROOT}{name}")
            assert twin_found is not None
            assert twin_found.body == twin
        assert [found.revisit for found in archive.captures(prefix=f"{ROOT}t")] == [True]
        start = archive.get(ROOT)
        assert start is not None
        assert [link.split()[0] for link in start.metadata.getall("outlink")] == [
            f"{ROOT}{name}" for name in ("packed", "one.bin", "two.bin", "missing")
        ]


async def test_a_crawl_is_read_while_it_writes(crawl_dir: Path) -> None:
    """What is reported as done is there for a reader at once, and marked as not yet final."""
    answers = {f"{ROOT}{number}": ok(b"%d" % number) for number in range(20)}
    found: dict[str, tuple[bytes, bool]] = {}

    def read(outcome: Outcome) -> None:
        with Archive.open(crawl_dir) as archive:
            capture = archive.get(outcome.url)
            if capture is not None:
                found[outcome.url] = capture.body, capture.provisional

    with Web(answers) as web:
        config = config_of(crawl_dir, *answers, robots=False)
        async with opened(config, resolver=web.resolver()) as running:
            running.add_done_callback(read)
            await running.wait()
    assert found == {url: (url.removeprefix(ROOT).encode(), True) for url in answers}
