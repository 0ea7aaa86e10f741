"""The commands that read an archive, run as a user runs them."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import cli
from tests.support import rawwarc
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
            [response(60, gzip.compress(b"\x00packed\xff", mtime=0), "http://other.example/p\u202eq", PACKED)],
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
    assert run("get", crawl, url, "--raw")[1].endswith(gzip.compress(b"\x00packed\xff", mtime=0))
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
        (["get", "{}", "http://example.com/1", "--at", "soon"], 2, "--at: 'soon' is not a time"),
        (["list", "{}", "--status", "good"], 2, "--status: 'good' is not a status"),
        (["list", "{}", "--host", "a", "--url", "b"], 2, "--url: not allowed with argument --host"),
        (["list", "{}x"], 2, "there is no such file"),
        (["list", "{}", "--limit", "-1"], 2, "--limit: '-1' is not a whole number of 1 or more"),
        (["list", "{}", "--limit", "many"], 2, "--limit: 'many' is not a whole number of 1 or more"),
        (["stats", "{}", "--top", "0"], 2, "--top: '0' is not a whole number of 1 or more"),
        (["verify", "{}x"], 2, "x: there is no such file"),
        (["recover", "{}x"], 2, "x: there is no such file"),
        (["pack", "{}x", "-o", "x.wacz"], 2, "x: there is no such file"),
        (["diff", "{}", "--at", "0001-01-01"], 2, "--at: no time is before"),
        (["index", "{}", "--zipnum", __file__], 2, "test_storage_commands.py: is a file, not a directory"),
        (["export", "{}", "--urls", "-o", "/no-such/x"], 1, "storage: /no-such/x: No such file or directory"),
        (["export", "{}", "--parquet", "-o", "/no-such/x"], 1, "storage: /no-such/x: No such file or directory"),
        (["stats", "{}", "--since", "2026-13"], 2, "--since: '2026-13' is not a time: month"),
        (
            ["list", "{}", "--until", "9999-12-31T23:59:59-12:00"],
            2,
            "--until: '9999-12-31T23:59:59-12:00' is not a time",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, crawl: Path, words: list[str], code: int, said: str) -> None:
    ended, out, err = run(*[word.format(crawl) for word in words])
    assert (ended, out) == (code, b"")
    assert said in err
    assert err.count("\n") == 1


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, int]:
    """A file of three captures, the record of the second spoilt, and where that lies."""
    pieces = [rawwarc.packed(rawwarc.response(number, uri=f"http://example.com/{number}")) for number in range(3)]
    pieces[1] = pieces[1][:40] + b"\0\0\0\0" + pieces[1][44:]
    path = tmp_path / "damaged.warc.gz"
    path.write_bytes(b"".join(pieces))
    return path, len(pieces[0])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["list"], b"http://example.com/2"),
        (["stats"], b"2 captures of 2 URLs"),
        (["export", "--urls"], b"http://example.com/0\nhttp://example.com/2\n"),
        (["get", "http://example.com/2", "--raw"], rawwarc.HTTP),
    ],
)
def test_what_lies_around_damage_is_had_on_request(
    run: Run, damaged: tuple[Path, int], words: list[str], found: bytes
) -> None:
    path, offset = damaged
    command, *rest = words
    code, out, said = run(command, path, *rest)
    assert (code, found in out) == (1, False)
    assert f"{path} at offset {offset}: " in said
    code, out, told = run(command, path, *rest, "--lenient")
    assert (code, found in out) == (1, True)
    assert told == said.replace("\n", "; passed over\n")


def test_export_as_cdxj_and_urls(run: Run, crawl: Path, tmp_path: Path) -> None:
    indexes = sorted((crawl / "indexes").glob("*.cdxj"))
    lines = b"".join(sorted(line for path in indexes for line in path.read_bytes().splitlines(True)))
    assert run("export", crawl, "--cdxj")[1] == lines
    assert run("export", crawl, "--urls", "--host", "example.com")[1].split() == [
        b"http://example.com/1", b"http://example.com/gone",
    ]  # fmt: skip
    assert run("export", crawl, "--urls", "-o", tmp_path / "urls")[1] == b""
    assert len((tmp_path / "urls").read_bytes().splitlines()) == 3


def test_export_as_parquet(run: Run, crawl: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("export", crawl, "--parquet", "-o", tmp_path / "p")[0] == 0
    rows = parquet.read_table(tmp_path / "p").to_pylist()
    assert [(row["url"], row["status"]) for row in rows][:2] == [
        ("http://example.com/1", 200), ("http://example.com/gone", 404),
    ]  # fmt: skip
    assert f"{rows[0]['time']:%Y%m%d%H%M%S}" == "20260102030405"


def test_parquet_without_its_package_is_told(
    run: Run, crawl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "storage.parquet", raising=False)
    code, _, err = run("export", crawl, "--parquet", "-o", tmp_path / "p")
    assert (code, err) == (2, "storage: --parquet needs the package pyarrow: pip install 'annals[parquet]'\n")


def test_the_index_is_made_anew(run: Run, crawl: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (crawl / "indexes").iterdir()}
    for path in (crawl / "indexes").glob("*.cdxj"):
        path.unlink()
    assert run("index", crawl, "--zipnum", tmp_path / "zipnum")[0] == 0
    after = {path.name: path.read_bytes() for path in (crawl / "indexes").iterdir()}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"order.bin"}
    packed = (tmp_path / "zipnum" / "index.cdx.gz").read_bytes()
    assert gzip.decompress(packed) == run("export", crawl, "--cdxj")[1]
    key, part, offset, length, number = (tmp_path / "zipnum" / "index.idx").read_text().rstrip("\n").split("\t")
    assert (key, part, offset, int(length), number) == ("com,example)/1 20260102030405", "index", "0", len(packed), "1")


def test_a_collection_of_other_files_is_indexed(run: Run, crawl: Path, tmp_path: Path) -> None:
    """Plain, Zstandard, ARC: whatever lies in `archive/`."""
    (tmp_path / "it" / "archive").mkdir(parents=True)
    (segment, *_) = sorted((crawl / "archive").iterdir())
    (tmp_path / "it" / "archive" / "plain.warc").write_bytes(gzip.decompress(segment.read_bytes()))
    before = run("list", tmp_path / "it")[1]
    assert run("index", tmp_path / "it")[0] == 0
    assert len((tmp_path / "it" / "indexes" / "plain.warc.cdxj").read_bytes().splitlines()) == 2
    assert run("list", tmp_path / "it")[1] == before


async def test_diff_names_what_is_new_gone_and_changed(run: Run, tmp_path: Path) -> None:
    urls = [f"http://example.com/{name}" for name in "abcd"]
    old = [response(1, b"same", urls[0]), response(2, b"then", urls[1]), response(3, b"left", urls[2])]
    old.append(response(4, b"error", urls[3]))
    new = [response(5, b"same", urls[0]), response(6, b"now", urls[1]), response(7, b"error", urls[3], GONE)]
    new.append(response(8, b"fresh", "http://example.com/e"))
    await write_archive(tmp_path / "old", [old])
    await write_archive(tmp_path / "new", [new])
    code, out, _ = run("diff", tmp_path / "old", tmp_path / "new")
    assert out.decode().splitlines() == [
        "~ 200 200 http://example.com/b",
        "- 200   - http://example.com/c",
        "- 200 404 http://example.com/d",
        "+   - 200 http://example.com/e",
        "1 new, 2 gone, 1 changed, 1 same",
    ]
    assert code == 0
    assert run("diff", tmp_path / "old", tmp_path / "new", "--exit-code")[0] == 1
    assert run("diff", tmp_path / "old", tmp_path / "old", "--exit-code")[0] == 0
    assert run("diff", tmp_path / "old")[0] == 2
    assert run("diff", tmp_path / "old", "--at", "2027")[1].decode().splitlines()[-1].startswith("0 new, 4 gone")


async def test_extract_writes_a_tree_that_nothing_leaves(run: Run, tmp_path: Path) -> None:
    urls = [
        "http://example.com/",
        "http://example.com/../../etc/passwd",
        "http://example.com/a",
        "http://example.com/a/b.html",
        "http://example.com/A",
        "http://example.com/%2e%2e/%2e%2e/x",
        "http://example.com/..\\..\\windows",
        "http://example.com/con.txt/nul",
        "http://example.com/" + "long" * 100,
        "http://example.com/" + "deep/" * 400,
        "http://example.com//etc/passwd",
        "http://example.com/q?a=../../../b",
        "http://../../../tmp/x",
        "http://urls.tsv/x",
        "ftp://[bad/x",
        "urn:uuid:1",
    ]
    records = [response(number, b"%d" % number, url) for number, url in enumerate(urls, 1)]
    await write_archive(tmp_path / "crawl", [records])
    out = tmp_path / "deep" / "out"
    assert run("extract", tmp_path / "crawl", "--out", out)[0] == 0
    rows = [line.partition("\t") for line in (out / "urls.tsv").read_text().splitlines()]
    listed = {url: name for name, _, url in rows}
    assert listed.keys() == set(urls)
    for number, url in enumerate(urls, 1):
        assert (out / listed[url]).read_bytes() == b"%d" % number
        assert (out / listed[url]).resolve().is_relative_to(out.resolve())
    written = {path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "crawl" not in path.parents}
    assert len(written) == len(urls) + 1
    assert len({str(path).casefold() for path in written}) == len(written)
    assert listed["http://example.com/"] == "example.com/index.html"
    assert run("extract", tmp_path / "crawl", "--out", out)[0] == 2
