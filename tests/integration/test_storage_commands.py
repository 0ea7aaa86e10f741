"""The commands that read an archive, run as a user runs them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import cli
from tests.support.crawled import write_archive
from tests.support.warc import capture, response

Run = Callable[..., tuple[int, bytes, str]]
GONE = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
PACKED = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def call(*words: str | Path) -> tuple[int, bytes, str]:
        code = cli.main([str(word) for word in words])
        captured = capfdbinary.readouterr()
        return code, captured.out, captured.err.decode()

    return call


@pytest.fixture
async def crawl(tmp_path: Path) -> Path:
    directory = tmp_path / "crawl"
    await write_archive(
        directory,
        [
            [*capture(1, b"<title>one</title>"), response(50, b"gone", "http://example.com/gone", GONE)],
            [response(60, gzip.compress(b"\x00packed\xff"), "http://other.example/p\u202eq", PACKED)],
        ],
    )
    return directory


def test_list_shows_one_capture_a_line(run: Run, crawl: Path) -> None:
    code, out, _ = run("list", crawl)
    lines = out.decode().splitlines()
    assert code == 0
    assert [line.split()[1:] for line in lines] == [
        ["200", "text/html", "http://example.com/1"],
        ["404", "text/plain", "http://example.com/gone"],
        ["200", "unk", r"http://other.example/p\u202eq"],
    ]
    assert all(line.startswith("2026-01-02T03:04:05Z ") for line in lines)
    assert run("list", crawl, "--status", "4xx", "--limit", "1")[1].decode().splitlines() == lines[1:2]
    assert run("list", crawl, "--until", "2025")[1] == b""
    assert run("list", crawl, "--since", "2026", "--until", "2026-01")[1] == out


def test_list_as_json(run: Run, crawl: Path) -> None:
    found = [json.loads(line) for line in run("list", crawl, "--json")[1].splitlines()]
    assert [each["url"] for each in found] == [
        "http://example.com/1", "http://example.com/gone", "http://other.example/p\u202eq",
    ]  # fmt: skip
    assert found[1]["status"] == 404
    assert found[1]["segment"].endswith("-00000.warc.gz")


def test_get_writes_bytes(run: Run, crawl: Path, tmp_path: Path) -> None:
    url = "http://other.example/p\u202eq"
    assert run("get", crawl, url) == (0, b"\x00packed\xff", "")
    assert run("get", crawl, url, "--raw")[1].endswith(gzip.compress(b"\x00packed\xff"))
    head = run("get", crawl, "http://example.com/gone", "--headers")[1]
    assert head == GONE.format(length=4).encode()
    assert run("get", crawl, "http://example.com/1", "--request")[1] == capture(1, b"")[0].block
    assert run("get", crawl, "http://example.com/1", "-o", tmp_path / "out")[:2] == (0, b"")
    assert (tmp_path / "out").read_bytes() == b"<title>one</title>"


def test_stats_count(run: Run, crawl: Path) -> None:
    counted = json.loads(run("stats", crawl, "--json")[1])
    assert (counted["captures"], counted["urls"]) == (3, 3)
    assert counted["statuses"] == {"200": 2, "404": 1}
    assert counted["hosts"] == {"example.com": 2, "other.example": 1}
    assert counted["days"] == {"2026-01-02": 3}
    picture = run("stats", crawl)[1].decode()
    assert "3 captures of 3 URLs" in picture
    assert f"  200 2 {'█' * 40}" in picture


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["get", "{}", "http://example.com/none"], 1, "http://example.com/none is not in this archive"),
        (["get", "{}", "http://example.com/gone", "--request"], 1, "no request is kept"),
        (["get", "{}", "http://example.com/1", "--at", "soon"], 2, "not a time: 'soon'"),
        (["list", "{}", "--status", "good"], 2, "not a status: 'good'"),
        (["list", "{}", "--host", "a", "--url", "b"], 2, "ask by one of"),
        (["list", "{}x"], 2, "there is no such file"),
        (["stats", "{}", "--since", "20261301"], 2, "not a time"),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, crawl: Path, words: list[str], code: int, said: str) -> None:
    ended, out, err = run(*[word.format(crawl) for word in words])
    assert (ended, out) == (code, b"")
    assert said in err
    assert err.count("\n") == 1
