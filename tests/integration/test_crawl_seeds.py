"""Where a crawl begins and as whom it asks: seeds in every form, and what each request says."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from crawler.cli import main
from tests.support.archive_check import read_log
from tests.support.engine import crawl, engine
from tests.support.kept import kept
from tests.support.serving import certificate
from tests.support.web import Answer, Web, page

Captured = pytest.CaptureFixture[str]
QUICK = ["--delay", "0", "--min-free-disk", "0", "--allow-private", "--quiet", "--no-sitemaps"]
ODD = "http://xn--mnchen-3ya.test/stra%C3%9Fe?q=%C3%BC"
SITES: dict[str, Answer] = dict.fromkeys(["http://a.test/", "http://b.test/", "http://c.test/", ODD], page())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _crawled(words: Sequence[str]) -> list[str]:
    with Web(SITES) as web:
        assert main([*words, *QUICK], engine=engine(web)) == 0
        return web.urls


def test_a_file_of_seeds_with_all_that_people_write() -> None:
    text = "\ufeff# mine\r\n\r\nhttp://a.test\r\n   http://B.TEST:80/#top   # the second\r\nhttp://a.test/\r\n\t\r\n"
    text += "http://münchen.test/stra\u00dfe?q=ü\n"
    Path("my seeds.txt").write_text(text, encoding="utf-8", newline="")
    asked = _crawled(["my seeds.txt"])
    assert sorted(asked) == ["http://a.test/", "http://b.test/", ODD]
    assert os.listdir("crawls") == ["my-seeds"]


def test_seeds_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"http://a.test/\n# no\nhttp://b.test/\n")))
    assert sorted(_crawled(["-"])) == ["http://a.test/", "http://b.test/"]
    assert os.listdir("crawls") == ["stdin"]


def test_files_and_urls_together_each_url_once() -> None:
    Path("one.txt").write_text("http://a.test/\nhttp://b.test/\n")
    asked = _crawled(["one.txt", "http://c.test/", "http://b.test"])
    assert sorted(asked) == ["http://a.test/", "http://b.test/", "http://c.test/"]
    assert len(read_log(Path("crawls/one"))) == 6  # and three robots.txt


def test_a_missing_scheme_means_https(tmp_path: Path) -> None:
    server_side, _ = certificate()
    with Web({"https://a.test/": page()}, context=server_side) as web:
        assert main(["a.test", *QUICK, "--retries", "0", "--output", "c"], engine=engine(web)) == 1
    assert {str(line["url"]) for line in read_log(Path("c"))} == {"https://a.test/", "https://a.test/robots.txt"}
    assert all("no TLS connection" in str(line["reason"]) for line in read_log(Path("c")))


@pytest.mark.parametrize("line", ["ftp://a.test/", "http://", "http://a b/", "mailto:x@a.test", "http://u:p@a.test/"])
def test_a_bad_line_is_named_and_nothing_begins(line: str, capsys: Captured) -> None:
    Path("s.txt").write_text(f"http://a.test/\n\n{line}\n")
    with Web(SITES) as web:
        assert main(["s.txt", *QUICK], engine=engine(web)) == 2
        assert web.requests == []
    assert capsys.readouterr().err.startswith("crawler: s.txt:3: ")
    assert not Path("crawls").exists()


def test_options_are_for_a_seed_of_this_run_or_of_an_earlier_one(capsys: Captured) -> None:
    _crawled(["http://a.test/", "--output", "c"])
    again = ["http://b.test/", "--output", "c", "--seed-option"]
    with Web(SITES) as web:
        assert main([*again, "http://c.test/ depth=1", *QUICK], engine=engine(web)) == 2
        assert web.requests == []
    assert capsys.readouterr().err == "crawler: --seed-option: http://c.test/ is none of the seeds\n"
    assert _crawled([*again, "http://a.test/ depth=1"]) == ["http://b.test/"]
    assert _crawled(["--output", "c"]) == [], "crawl.toml, which names the later seed alone, can be gone on with"


def _head(request: bytes) -> dict[str, str]:
    lines = request.decode("latin-1").split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in lines)


async def test_each_request_says_who_asks(crawl_dir: Path) -> None:
    with Web(SITES) as web:
        await crawl(
            web, crawl_dir, "http://a.test/", contact="me@example.org", headers=(("X-Mine", "1"), ("Accept", "*/*"))
        )
        for asked in web.requests:  # robots.txt too
            head = _head(asked.request)
            assert head["User-Agent"].startswith("annals/")
            assert head["User-Agent"].endswith(" (+me@example.org)")
            assert (head["X-Mine"], head["Accept"], head["Host"]) == ("1", "*/*", "a.test")
        assert [record.block for record in kept(crawl_dir, type_="request")] == [
            asked.request for asked in web.requests
        ]


async def test_a_user_agent_of_ones_own(crawl_dir: Path) -> None:
    with Web(SITES) as web:
        await crawl(web, crawl_dir, "http://a.test/", user_agent="MyBot/1.0 (see http://a.test/bot)")
        assert {_head(asked.request)["User-Agent"] for asked in web.requests} == {"MyBot/1.0 (see http://a.test/bot)"}
    (info,) = kept(crawl_dir, type_="warcinfo")
    assert info.fields["http-header-user-agent"] == ["MyBot/1.0 (see http://a.test/bot)"]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("MyBot/1.0", "MyBot/1.0 (+me@example.org)"),
        ("Mozilla/5.0 (X11) MyBot", "Mozilla/5.0 (X11) MyBot (+me@example.org)"),
        ("MyBot/1.0 (write to me@example.org)", "MyBot/1.0 (write to me@example.org)"),
    ],
)
async def test_a_contact_is_told_whatever_the_user_agent(crawl_dir: Path, own: str, told: str) -> None:
    with Web(SITES) as web:
        await crawl(web, crawl_dir, "http://a.test/", user_agent=own, contact="me@example.org")
        assert {_head(asked.request)["User-Agent"] for asked in web.requests} == {told}
    (info,) = kept(crawl_dir, type_="warcinfo")
    assert (info.fields["http-header-user-agent"], info.fields["operator"]) == ([told], ["me@example.org"])


async def test_warcinfo_says_who_made_the_archive_and_how(crawl_dir: Path) -> None:
    with Web(SITES) as web:
        await crawl(web, crawl_dir, "http://a.test/", contact="me@example.org", robots=False, prefix="mine")
    (info,) = kept(crawl_dir, type_="warcinfo")
    assert info.fields["software"][0].startswith("annals/")
    assert info.fields["format"] == ["WARC File Format 1.1"]
    assert info.fields["operator"] == ["me@example.org"]
    assert info.fields["robots"] == ["ignore"]
    (segment,) = (crawl_dir / "archive").iterdir()
    assert segment.name.startswith("mine-")
    assert info.header("WARC-Filename") == segment.name
    assert info.header("Content-Type") == "application/warc-fields"
    others = [record for record in kept(crawl_dir) if record.type != "warcinfo"]
    assert {record.header("WARC-Warcinfo-ID") for record in others} == {info.header("WARC-Record-ID")}
