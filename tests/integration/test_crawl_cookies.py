"""Cookies in a crawl: sent back to whom they came from, kept over a restart, and a redirect that sets one first."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.crawl import Crawl
from crawler.errors import ArchiverDied, UsageError
from crawler.fetcher import HttpFetcher
from crawler.identity.cookies import CookieJar
from crawler.model import OutcomeKind
from storage import AppendFile
from tests.support.engine import config_of, crawl
from tests.support.faults import FaultyFile, FaultyFiles
from tests.support.warc import members
from tests.support.web import Answer, Web, ok, page, redirect

A, B = "http://a.test/", "http://b.test/"


def with_cookie(answer: bytes, *cookies: str) -> bytes:
    status, _, rest = answer.partition(b"\r\n")
    return status + b"".join(f"\r\nSet-Cookie: {cookie}".encode() for cookie in cookies) + b"\r\n" + rest


def cookies_of(web: Web, url: str) -> list[str | None]:
    found: list[str | None] = []
    for asked in web.asked(url):
        lines = [line for line in asked.request.decode().split("\r\n") if line.lower().startswith("cookie:")]
        assert len(lines) < 2
        found.append(lines[0].partition(": ")[2] if lines else None)
    return found


def archived(directory: Path) -> bytes:
    return b"".join(plain for path in sorted(directory.glob("archive/*")) for _, _, plain in members(path))


async def test_a_cookie_goes_back_to_its_host_and_to_no_other(tmp_path: Path) -> None:
    answers = {A: with_cookie(page("/next", f"{B}x"), "sid=1; Path=/"), f"{A}next": page(), f"{B}x": page()}
    with Web(answers) as web:
        await crawl(web, tmp_path, A, scope="any")
        assert cookies_of(web, A) == [None]
        assert cookies_of(web, f"{A}next") == ["sid=1"]
        assert cookies_of(web, f"{B}x") == [None]
    assert b"\r\nCookie: sid=1\r\n" in archived(tmp_path), "the server's own cookie is archived as it was sent"
    assert b"redacted:" not in archived(tmp_path)


async def test_a_redirect_takes_no_cookie_along(tmp_path: Path) -> None:
    answers = {A: with_cookie(redirect(f"{B}x"), "sid=1; Path=/", "all=2; Domain=test"), f"{B}x": page()}
    with Web(answers) as web:
        await crawl(web, tmp_path, A, scope="any")
        assert cookies_of(web, f"{B}x") == [None]


async def test_a_session_is_kept_over_a_restart(tmp_path: Path) -> None:
    answers = {A: with_cookie(page("/next"), "sid=1; Path=/"), f"{A}next": page()}
    with Web(answers) as web:
        await crawl(web, tmp_path, A, max_pages=1)
        assert web.urls == [A]
        await crawl(web, tmp_path, A)
        assert web.urls == [A, f"{A}next"]
        assert cookies_of(web, f"{A}next") == ["sid=1"]


@pytest.mark.parametrize("retries", [0, 2])
async def test_set_a_cookie_and_redirect_to_self(tmp_path: Path, retries: int) -> None:
    """The page behind such a gate is had, once, and its links are followed."""
    gate = with_cookie(redirect("/"), "seen=1; Path=/")
    answers: dict[str, Answer] = {A: [gate, with_cookie(page("/next"), "seen=1; Path=/")], f"{A}next": page()}
    with Web(answers) as web:
        ran = await crawl(web, tmp_path, A, retries=retries)
        assert cookies_of(web, A) == [None, "seen=1"]
        assert cookies_of(web, f"{A}next") == ["seen=1"]
    assert ran.by_url[A].status == 302
    assert ran.by_url[f"{A}next"].kind is OutcomeKind.ARCHIVED
    assert archived(tmp_path).count(b"WARC-Type: response\r\n") == 4  # robots.txt among them


async def test_by_way_of_another_page_and_from_many_at_once(tmp_path: Path) -> None:
    """Ten pages set a cookie each and send back: the page there is fetched once more, not ten times."""
    count = 10
    answers: dict[str, Answer] = {
        A: page(*(f"/go{number}" for number in range(count)), "/home"),
        f"{A}home": [page(), page("/inside")],
        f"{A}inside": page(),
        **{f"{A}go{number}": with_cookie(redirect("/home"), f"c{number}=1; Path=/") for number in range(count)},
    }
    with Web(answers) as web:
        ran = await crawl(web, tmp_path, A)
        assert len(web.asked(f"{A}home")) == 2
        assert len(web.asked(f"{A}inside")) == 1
    assert {outcome.kind for outcome in ran.outcomes} == {OutcomeKind.ARCHIVED}


async def test_a_gate_that_never_opens_ends(tmp_path: Path) -> None:
    changing = [with_cookie(redirect("/"), f"seen={number}; Path=/") for number in range(30)]
    with Web({A: changing}) as web:
        await crawl(web, tmp_path, A)
        assert len(web.asked(A)) == 2


async def test_the_same_cookie_again_is_no_reason_to_fetch_again(tmp_path: Path) -> None:
    same = "seen=1; Path=/"
    answers = {A: with_cookie(page("/out"), same), f"{A}out": with_cookie(redirect("/"), same)}
    with Web(answers) as web:
        await crawl(web, tmp_path, A)
        assert len(web.asked(A)) == 1


async def test_cookies_that_the_user_gives(tmp_path: Path) -> None:
    given = tmp_path / "cookies.txt"
    given.write_text("a.test\tFALSE\t/\tFALSE\t0\tsid\tsecret1\n")
    directory = tmp_path / "crawl"
    answers = {A: page("/next", f"{B}x"), f"{A}next": with_cookie(page(), "sid=renewed; Path=/"), f"{B}x": page()}
    with Web(answers) as web:
        await crawl(web, directory, A, scope="any", cookies=given, max_pages=1, robots=False)
        assert cookies_of(web, A) == ["sid=secret1"]
        await crawl(web, directory, A, scope="any", cookies=given, max_pages=2, robots=False)
        web.answers[f"{A}third"] = page()
        await crawl(web, directory, A, f"{A}third", scope="any", cookies=given, robots=False)
        assert cookies_of(web, f"{A}third")[0] == "sid=renewed", (
            "the file, unchanged, does not undo what the server did"
        )
        assert cookies_of(web, f"{B}x") == [None]
    held = archived(directory)
    assert b"secret1" not in held
    assert held.count(b"\r\nCookie: REDACTED\r\n") == held.count(b"\r\nredacted: cookie\r\n") == 3
    assert b"Set-Cookie: sid=renewed" in held, "what a server answers is kept as it came"


async def test_without_redaction(tmp_path: Path) -> None:
    given = tmp_path / "cookies.txt"
    given.write_text("a.test\tFALSE\t/\tFALSE\t0\tsid\tsecret1\n")
    with Web({A: page()}) as web:
        await crawl(web, tmp_path / "crawl", A, cookies=given, redact=False)
    held = archived(tmp_path / "crawl")
    assert b"\r\nCookie: sid=secret1\r\n" in held
    assert b"redacted:" not in held


async def test_a_file_of_cookies_that_is_none(tmp_path: Path) -> None:
    given = tmp_path / "cookies.txt"
    given.write_text("nonsense\n")
    with Web({A: ok()}) as web:
        with pytest.raises(UsageError, match=r"cookies\.txt:1: a cookie has seven fields"):
            await crawl(web, tmp_path / "crawl", A, cookies=given)
        assert web.requests == []


def test_the_command_line_tells_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--output", str(tmp_path / "crawl"), "--cookies", str(tmp_path / "none.txt"), "http://a.invalid/"])
    assert status == 2
    assert "none.txt: cannot be read: No such file or directory" in capsys.readouterr().err


class DyingFiles(FaultyFiles):
    """The batch that is synced as number `batch` waits until a cookie came; the next one is never written."""

    def __init__(self, batch: int, syncing: threading.Event, jar: CookieJar) -> None:
        super().__init__()
        self._left, self._syncing, self._jar = batch, syncing, jar

    async def wait(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._syncing.set()
            while not list(self._jar):  # noqa: ASYNC110 - a jar sets no event
                await asyncio.sleep(0)
            self._fail_at, self._lasting = len(self.operations) + 2, True

    async def open_append(self, path: Path, *, create: bool) -> AppendFile:
        file = await super().open_append(path, create=create)
        assert isinstance(file, FaultyFile)
        return DyingFile(self, file._inner, path)


class DyingFile(FaultyFile):
    async def sync(self) -> None:
        assert isinstance(self._files, DyingFiles)
        await self._files.wait()
        await super().sync()


async def test_a_cookie_of_an_answer_that_was_never_kept_is_not_kept_either(tmp_path: Path) -> None:
    """Else it would change nothing when it comes again, and the page behind it would not be had."""
    syncing = threading.Event()

    def login(request: bytes) -> bytes:
        assert syncing.wait(20)
        return with_cookie(redirect("/home"), "sid=1; Path=/")

    def home(request: bytes) -> bytes:
        return page("/members") if b"sid=1" in request else page()

    answers: dict[str, Answer] = {A: page("/home", "/login"), f"{A}home": home, f"{A}login": login}
    answers[f"{A}members"] = page()
    with Web(answers) as web:
        config = config_of(tmp_path / "crawl", A, robots=False)
        fetcher = HttpFetcher(config, spool_dir=tmp_path, resolver=web.resolver())
        files = DyingFiles(3, syncing, fetcher.cookies)  # the birth, the seed, and the page at home
        with pytest.raises(ArchiverDied):
            async with fetcher, Crawl(config, fetcher=fetcher, files=files) as running:
                await running.wait()
        assert web.urls.count(f"{A}login") == 1
        ran = await crawl(web, tmp_path / "crawl", A, robots=False)
        assert f"{A}members" in ran.by_url
        assert cookies_of(web, f"{A}home") == [None, "sid=1"]
