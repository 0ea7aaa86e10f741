"""`python -m crawler explain DIR URL` on real crawls: finished, running, and of hosts that do not answer."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.commandline.configfile import write_config
from crawler.frontier.inquiry import inquire
from crawler.frontier.store import Store
from crawler.urls import seed_url
from tests.support.engine import QuickClock, config_of, crawl, opened
from tests.support.web import UNAVAILABLE, Web, ok, page, redirect, robots

A = "http://a.test/"


def told(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int | None = 0) -> str:
    """What the command prints; it must end with this code (None: any), and complain of nothing."""
    capsys.readouterr()
    assert main(["explain", *map(str, words)]) in ((0, 1) if code is None else (code,))
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


def asked(capsys: pytest.CaptureFixture[str], *words: str | Path, code: int | None = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told(capsys, *words, "--json", code=code))
    return found


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("crawled") / "demo"
    assert main(["--demo", "--quiet", "--delay", "0", "--min-free-disk", "0", "--output", str(directory)]) == 0
    return directory


@pytest.fixture
def demo(crawled: Path, tmp_path: Path) -> Path:
    """A finished crawl of the demonstration site, to do with as a test likes."""
    return shutil.copytree(crawled, tmp_path / "demo")


class TestTheDemonstration:
    def test_where_a_page_was_found_what_became_of_it_and_where_it_is(
        self, demo: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = [json.loads(line) for line in (demo / "logs" / "urls.jsonl").read_text().splitlines()]
        deepest = max((line for line in lines if line["outcome"] == "archived"), key=lambda line: line["depth"])
        assert deepest["depth"] >= 2
        found = asked(capsys, demo, deepest["url"])
        assert (found["state"], found["depth"], found["accepted"]) == ("archived", deepest["depth"], True)
        assert found["via"][0] == deepest["via"]
        assert found["via"][-1] == "http://demo.test/"
        outcome = found["outcome"]
        assert {name: outcome[name] for name in ("seq", "time", "status", "bytes", "ms", "attempt")} == {
            name: deepest[name] for name in ("seq", "time", "status", "bytes", "ms", "attempt")
        }
        record = outcome["record"]
        assert (record["segment"], record["offset"]) == (deepest["segment"], deepest["offset"])
        with (demo / "archive" / record["segment"]).open("rb") as file:
            file.seek(record["offset"])
            assert record["record_id"].encode() in gunzip(file.read(record["length"]))
        text = told(capsys, demo, deepest["url"])
        assert f"archive/{record['segment']}, offset {record['offset']}, {record['length']} bytes" in text
        assert text.index(found["via"][0]) < text.rindex("http://demo.test/\n")

    def test_what_robots_txt_forbids(self, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = asked(capsys, demo, "http://demo.test/private/diary.html")
        assert (found["state"], found["outcome"]["reason"]) == ("excluded", "robots.txt")
        assert (found["robots"]["verdict"], found["accepted"]) == ("forbidden", False)
        assert found["rules"][0] | {"why": ""} == {"rule": "scope", "accepted": True, "why": "", "decided": True}
        assert "robots.txt forbids it" in told(capsys, demo, "http://demo.test/private/diary.html")

    def test_a_scheme_is_found_by_itself(self, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert asked(capsys, demo, "demo.test")["url"] == "http://demo.test/"
        assert asked(capsys, demo, "demo.test/none")["url"] == "https://demo.test/none"

    def test_a_url_never_seen_is_judged_by_the_rules(self, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        taken = asked(capsys, demo, "http://demo.test/never")
        assert (taken["state"], taken["accepted"], taken["outcome"]) == ("unknown", True, None)
        left = asked(capsys, demo, "http://elsewhere.test/", code=1)
        assert (left["accepted"], left["host"]) == (False, None)
        [rule] = [rule for rule in left["rules"] if rule["decided"]]
        assert (rule["rule"], rule["accepted"]) == ("scope", False)
        forbidden = asked(capsys, demo, "http://demo.test/private/other", code=1)
        assert forbidden["robots"]["verdict"] == "forbidden"
        (demo / "ignores").write_text("never\n")
        assert asked(capsys, demo, "http://demo.test/never", code=1)["rules"][-1]["decided"]

    def test_it_leaves_nothing_behind(self, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = {path: path.read_bytes() for path in demo.rglob("*") if path.is_file()}
        told(capsys, demo, "http://demo.test/")
        assert {path: path.read_bytes() for path in demo.rglob("*") if path.is_file()} == before


def gunzip(data: bytes) -> bytes:
    return zlib.decompress(data, wbits=31)


class TestARunningCrawl:
    async def test_it_is_read_while_it_runs(self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Queued, being fetched and settled; the crawl itself notices nothing."""
        answers = {A: page("/1", "/2", "/3"), **{f"{A}{number}": page() for number in (1, 2, 3)}}
        with Web(answers) as web:
            web.hold(f"{A}1")
            config = config_of(crawl_dir, A, concurrency=1, robots=False)
            async with opened(config, resolver=web.resolver()) as running:
                await web.seen(f"{A}1")
                assert (crawl_dir / "crawl.db-wal").exists()
                states = {url: asked(capsys, crawl_dir, url)["state"] for url in answers}
                assert states == {A: "archived", f"{A}1": "queued", f"{A}2": "queued", f"{A}3": "queued"}
                assert asked(capsys, crawl_dir, A)["origin"]["queued"] == 3
                web.let_go(f"{A}1")
                summary = await running.wait()
        assert summary.finished
        assert {asked(capsys, crawl_dir, url)["state"] for url in answers} == {"archived"}

    async def test_attempts_back_off_and_due_time(self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        busy = ok(b"later", "Retry-After: 1000", status="503 Service Unavailable")
        with Web({A: page("/busy", "/other"), f"{A}busy": busy, f"{A}other": page()}) as web:
            config = config_of(crawl_dir, A, retries=3, robots=False, concurrency=1)
            async with opened(config, resolver=web.resolver()) as running:
                while not asked(capsys, crawl_dir, f"{A}busy", code=None)["attempts"]:  # noqa: ASYNC110 - on disk
                    await asyncio.sleep(0.02)
                running.stop()
                await running.wait()
        found = asked(capsys, crawl_dir, f"{A}busy")
        assert (found["state"], found["due"] is not None) == ("waiting", True)
        [attempt] = found["attempts"]
        assert (attempt["attempt"], attempt["status"], attempt["reason"]) == (1, 503, "status 503")
        assert attempt["record"]["segment"]
        assert found["host"]["backoff"] == 1.0
        text = told(capsys, crawl_dir, f"{A}busy")
        assert "waits for attempt 2, in 16:" in text
        assert "1: 503, status 503" in text
        assert "1 s between two requests, 1 s of it back-off" in text

    async def test_a_long_way(self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        answers: dict[str, bytes] = {f"{A}{number}": page(f"/{number + 1}") for number in range(40)}
        with Web({A: redirect("/0"), **answers}) as web:
            await crawl(web, crawl_dir, A, robots=False)
        found = asked(capsys, crawl_dir, f"{A}39")
        assert found["via"] == [*(f"{A}{number}" for number in range(38, -1, -1)), A]
        assert "… 28 more, from http://a.test/" in told(capsys, crawl_dir, f"{A}39")

    async def test_a_dead_host(self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with Web({A: page("http://dead.test/x")}, dead=["dead.test"]) as web:
            await crawl(web, crawl_dir, A, scope="any", retries=3, clock=QuickClock(100))
        found = asked(capsys, crawl_dir, "http://dead.test/x")
        reason = "cannot connect to dead.test: Connection refused"
        assert (found["state"], found["outcome"]["reason"]) == ("failed", f"host is dead: {reason}")
        assert (found["origin"]["dead"], found["origin"]["silences"]) == (reason, 5)
        assert found["outcome"]["failure"] == "connect"
        assert f"dead: {reason}; asked again in " in told(capsys, crawl_dir, "http://dead.test/x")
        gate = asked(capsys, crawl_dir, "http://dead.test/robots.txt")
        assert [attempt["attempt"] for attempt in gate["attempts"]] == [1, 2, 3, 5]

    async def test_what_the_options_in_force_would_say(
        self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Web({A: page(), f"{A}robots.txt": robots("User-agent: *\nCrawl-delay: 7\n")}) as web:
            await crawl(web, crawl_dir, A, exclude=("[.]pdf$",), strip_query=("sid",), max_depth=0)
            assert len(web.requests) == 2
        found = asked(capsys, crawl_dir, f"{A}x.pdf?sid=1", code=1)
        assert found["url"] == f"{A}x.pdf"
        assert {rule["rule"]: rule["accepted"] for rule in found["rules"] if rule["accepted"] is not None} == {
            "scope": True, "max-depth": False, "exclude": False,
        }  # fmt: skip
        assert [rule["rule"] for rule in found["rules"] if rule["decided"]] == ["exclude"]
        assert (found["host"]["delay"], found["robots"]["crawl_delay"]) == (7.0, 7.0)

    async def test_what_a_seeds_own_options_and_a_hosts_budget_say(
        self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with Web({A: page("/1", "/2"), f"{A}1": page(), f"{A}2": page()}) as web:
            await crawl(web, crawl_dir, f"{A} delay=0.01 depth=1", host_pages=2, robots=False, per_host=1)
        found = asked(capsys, crawl_dir, f"{A}never", code=1)
        said = {rule["rule"]: rule["accepted"] for rule in found["rules"] if rule["accepted"] is not None}
        assert said == {"scope": True, "host-pages": False}
        assert found["host"]["delay"] == 0.01

    async def test_without_robots_txt(self, crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with Web({A: UNAVAILABLE}) as web:
            await crawl(web, crawl_dir, A, robots=False)
        assert asked(capsys, crawl_dir, A)["robots"]["verdict"] == "not obeyed"
        (crawl_dir / "crawl.toml").unlink()
        assert asked(capsys, crawl_dir, A)["state"] == "archived"


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ([], "explain: the following arguments are required: DIR, URL"),
            (["."], "explain: the following arguments are required: URL"),
            (["nowhere", A], "nowhere: holds no crawl"),
            ([".", "ftp://a.test/"], ": holds no crawl"),
            ([".", A, "--bogus"], "explain: unrecognized arguments: --bogus"),
        ],
    )
    def test_one_sentence_and_code_2(
        self, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        assert main(["explain", *words]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert sentence in output.err
        assert output.err.count("\n") == 1

    def test_no_web_address(self, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explain", str(demo), "ftp://a.test/"]) == 2
        assert "'ftp://a.test/' is not a web address" in capsys.readouterr().err

    def test_a_ledger_that_cannot_be_read(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        write_config(tmp_path / "crawl.toml", config_of(tmp_path, A))
        (tmp_path / "crawl.db").write_bytes(b"no database at all" * 100)
        assert main(["explain", str(tmp_path), A]) == 1
        assert "crawl.db: cannot be read as a crawl's ledger: file is not a database" in capsys.readouterr().err

    @pytest.mark.parametrize(("version", "hint"), [(1, "; resuming the crawl brings it up to date"), (99, "")])
    def test_a_ledger_of_another_format(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int, hint: str
    ) -> None:
        Store(tmp_path / "crawl.db").close()
        with sqlite3.connect(tmp_path / "crawl.db") as db:
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
        assert main(["explain", str(tmp_path), A]) == 1
        error = capsys.readouterr().err
        assert f"is of format {version}; this program reads format" in error
        assert error.rstrip().endswith(hint)

    def test_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as leaving:
            main(["explain", "--help"])
        assert leaving.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_a_crawl_that_was_killed_before_its_first_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store(tmp_path / "crawl.db").close()
    found = asked(capsys, tmp_path, A, code=0)
    assert (found["state"], found["rules"], found["robots"]["verdict"]) == ("unknown", [], "unknown")
    with inquire(tmp_path / "crawl.db") as inquiry:
        assert inquiry.known(seed_url(A)) is None
