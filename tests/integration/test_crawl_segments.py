"""Segments: as large as was asked for, numbered, sealed into a chain, and read by pywb as they lie there."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from storage import read_manifest, verify_chain
from tests.support.archive_check import read_log
from tests.support.engine import crawl
from tests.support.kept import kept, segments
from tests.support.programs import require_program
from tests.support.web import Answer, Web, ok, page, redirect


def noise(rng: random.Random, count: int, size: int) -> dict[str, Answer]:
    """Answers that no compression makes smaller."""
    return {f"http://a.test/{n}": ok(rng.randbytes(size)) for n in range(count)}


async def test_segments_rotate_by_size_and_make_a_chain(crawl_dir: Path, rng: random.Random) -> None:
    answers = noise(rng, 40, 2000)
    with Web(answers) as web:
        await crawl(web, crawl_dir, *answers, segment_size=20_000, concurrency=2, robots=False)
    names = [path.name for path in segments(crawl_dir)]
    assert len(names) >= 4
    assert [name[-13:-8] for name in names] == [f"{n:05}" for n in range(len(names))]
    assert [segment.name for segment in read_manifest(crawl_dir)] == names
    assert verify_chain(crawl_dir) == []
    assert [record.url for record in kept(crawl_dir, type_="response")] == [line["url"] for line in read_log(crawl_dir)]
    assert len(kept(crawl_dir, type_="warcinfo")) == len(names)


async def test_no_segment_outgrows_its_size_by_more_than_one_capture(crawl_dir: Path, rng: random.Random) -> None:
    """Bodies beyond 1 MiB are spooled and weigh nothing in memory: many of them make one batch, but not one segment."""
    answers = noise(rng, 12, 1_500_000)
    with Web(answers) as web:
        await crawl(web, crawl_dir, *answers, segment_size=3_000_000, per_host=12, robots=False)
    sizes = [path.stat().st_size for path in segments(crawl_dir)]
    assert len(sizes) >= 6
    assert max(sizes) < 3_000_000 + 1_600_000


def gzipped_in_chunks(body: bytes) -> bytes:
    packed = gzip.compress(body, mtime=0)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:7], packed[7:]))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n"


PAGE = b"<!doctype html><title>Packed</title><p>words words words"


async def test_pywb_shows_the_directory_as_it_lies_there(tmp_path: Path) -> None:
    """By hand: `mkdir collections; ln -s DIR collections/it; wayback`, then http://localhost:8080/it/."""
    answers: dict[str, Answer] = {
        "http://a.test/": page("/packed", "/caf\u00e9", "/away", "/gone", "/?q=1&r=2", images=["/i.png"]),
        "http://a.test/packed": gzipped_in_chunks(PAGE),
        "http://a.test/caf%C3%A9": ok(b"coffee"),
        "http://a.test/away": redirect("/packed"),
        "http://a.test/?q=1&r=2": ok(b"query"),
        "http://a.test/i.png": ok(bytes(range(256)), type_="image/png"),
    }
    bodies = {url: bytes(answer).partition(b"\r\n\r\n")[2] for url, answer in answers.items()}  # type: ignore[arg-type]
    bodies["http://a.test/packed"] = PAGE
    wayback = require_program("wayback")
    collections = tmp_path / "collections"
    collections.mkdir()
    with Web(answers) as web:
        ran = await crawl(web, collections / "it", "http://a.test/", segment_size=2500)
    assert len(segments(collections / "it")) > 1
    with serving_archive(wayback, tmp_path) as root:
        for url, outcome in ran.by_url.items():
            assert outcome.time is not None
            status, body = get(f"{root}/it/{outcome.time:%Y%m%d%H%M%S}id_/{url}")
            assert (url, status) == (url, outcome.status)
            if url in bodies and status == 200:
                assert body == bodies[url]
    assert ran.by_url["http://a.test/gone"].status == 404
    assert len(ran.by_url) == 7


@contextlib.contextmanager
def serving_archive(wayback: str, directory: Path) -> Iterator[str]:
    """pywb over `directory/collections`, on a port of its own choosing."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with open(directory / "wayback.log", "wb") as log:
        command = [wayback, "--bind", "127.0.0.1", "--port", str(port), "--directory", str(directory)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (directory / "wayback.log").read_text()
                assert time.monotonic() < deadline, (directory / "wayback.log").read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def get(url: str) -> tuple[int, bytes]:
    """Status and body, redirects not followed, content codings undone."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.request("GET", url[url.index("/", 8) :])
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
    finally:
        connection.close()
