"""Requisites that need requisites that need requisites: rows without end, each of whose documents differs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from crawler.cli import main
from crawler.model import Outcome, OutcomeKind
from crawler.rules.traps import MOST_NESTED
from tests.support.engine import config_of, crawl, opened
from tests.support.web import MISSING, Web, css, ok, page

HOST = "http://a.test"
SEED = f"{HOST}/"


def module(number: int, after: str) -> bytes:
    return ok(f"import './{after}'; export const v{number} = '{number**9}'".encode(), type_="text/javascript")


def style(number: int, after: str) -> bytes:
    return css(f"@import '{after}'; .c{number**9} {{ left: {number}px }}")


def playlist(number: int, after: str) -> bytes:
    return ok(f"#EXTM3U\n#EXT-X-COMMENT {number**9}\n{after}\n".encode(), type_="application/vnd.apple.mpegurl")


def frame(number: int, after: str) -> bytes:
    words = " ".join(f"{number**each}" for each in range(2, 60))
    return page(markup=f"<title>{number**9}</title><p>{words}</p><iframe src={after}></iframe>")


def leap(number: int, after: str) -> bytes:
    return ok(b"", f"Location: {after}", status="302 Found") if number % 2 else module(number, after)


ROWS: dict[str, tuple[Callable[[int, str], bytes], str]] = {
    "js": (module, '<script type=module src="0.js"></script>'),
    "css": (style, '<link rel=stylesheet href="0.css">'),
    "m3u8": (playlist, '<video src="0.m3u8"></video>'),
    "html": (frame, '<iframe src="0.html"></iframe>'),
    "mjs": (leap, '<script type=module src="0.mjs"></script>'),
}


class Rows(Web):
    """Answers for ever, or up to a number."""

    def __init__(self, extension: str, last: int = 1 << 60) -> None:
        self._document, markup = ROWS[extension]
        self._last = last
        super().__init__({SEED: page(markup=markup)})

    def _choose(self, url: str) -> bytes:
        found = re.fullmatch(r"/([0-9]+)\.(\w+)", url.removeprefix(HOST))
        if found is None:
            return super()._choose(url)
        number = int(found[1])
        return MISSING if number > self._last else self._document(number, f"{number + 1}.{found[2]}")


@pytest.mark.parametrize("extension", ROWS)
async def test_it_ends_by_itself(crawl_dir: Path, extension: str) -> None:
    """One fetch for the page and one for each of the row; the next is told, with the rule that left it out."""
    with Rows(extension) as web:
        ran = await crawl(web, crawl_dir, SEED, robots=False)
        assert ran.summary.stopped_by is None
        assert web.urls == [SEED, *(f"{HOST}/{number}.{extension}" for number in range(MOST_NESTED))]
    [left] = [outcome for outcome in ran.outcomes if outcome.kind is not OutcomeKind.ARCHIVED]
    assert (left.url, left.kind, left.reason) == (f"{HOST}/{MOST_NESTED}.{extension}", "excluded", "trap-nesting")


async def test_explain_names_the_rule(crawl_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Rows("js") as web:
        await crawl(web, crawl_dir, SEED, robots=False)
    assert main(["explain", str(crawl_dir), f"{HOST}/{MOST_NESTED}.js"]) == 0
    told = capsys.readouterr().out
    assert "excluded as number 52, trap-nesting" in told
    assert "trap-nesting: leaves it out (more than 50 requisites in a row, each needed by the one before), and" in told
    assert main(["explain", str(crawl_dir), f"{HOST}/{MOST_NESTED - 1}.js"]) == 0
    assert "trap-nesting" not in capsys.readouterr().out


async def test_the_count_goes_on_where_the_crawl_stopped(crawl_dir: Path) -> None:
    with Rows("js") as web:
        web.hold(f"{HOST}/30.js")
        async with opened(config_of(crawl_dir, SEED, robots=False), resolver=web.resolver()) as running:
            await web.seen(f"{HOST}/30.js")
            running.stop()
            web.let_go(f"{HOST}/30.js")
            await running.wait()
        ran = await crawl(web, crawl_dir, SEED, robots=False)
        assert ran.summary.finished
        assert set(web.urls) == {SEED, *(f"{HOST}/{number}.js" for number in range(MOST_NESTED))}
    assert ran.outcomes[-1].reason == "trap-nesting"


async def test_without_the_rule_the_row_goes_on(crawl_dir: Path) -> None:
    with Rows("js", last=70) as web:
        await crawl(web, crawl_dir, SEED, robots=False, exclude=("nothing",))
        before = len(web.urls)
        again = await crawl(web, crawl_dir, SEED, robots=False)
        assert again.outcomes == [], "wider rules in all else do not ask for it again"
        ran = await crawl(web, crawl_dir, SEED, robots=False, traps=False)
        assert web.urls[before:] == [f"{HOST}/{number}.js" for number in range(MOST_NESTED, 72)]
        assert ran.summary.finished


async def test_what_was_left_out_as_a_requisite_is_fetched_as_a_page(crawl_dir: Path) -> None:
    """Pages that prefetch the next one are such a row; a link leads to one of them all the same."""
    far = f"{HOST}/{MOST_NESTED}.html"
    answers = {
        f"{HOST}/{number}.html": page(markup=f"{number**9}<link rel=prefetch href={number + 1}.html>")
        for number in range(70)
    }
    answers[f"{HOST}/late"] = page(f"/{MOST_NESTED}.html")
    ends: list[tuple[str, str | None]] = []
    with Web({**answers, SEED: page("/late", markup="<link rel=prefetch href=0.html>")}) as web:
        web.hold(f"{HOST}/late")

        def note(outcome: Outcome) -> None:
            if outcome.url == far:
                ends.append((outcome.kind.value, outcome.reason))
            if outcome.url == far and len(ends) == 1:
                web.let_go(f"{HOST}/late")

        async with opened(config_of(crawl_dir, SEED, robots=False, timeout=60.0), resolver=web.resolver()) as running:
            running.add_done_callback(note)
            await running.wait()
    assert ends == [("excluded", "trap-nesting"), ("archived", None)]
