from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from crawler.model import OutcomeKind
from crawler.progress import HostLine, Progress
from crawler.report.display import LiveView, render
from tests.support.progress import HOSTILE, busy, outcome, progress
from tests.support.terminal import Screen

DIRECTORY = Path("crawls/seeds")


def _lines(shown: Progress, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(render(shown, (12.3, 2048.0), DIRECTORY, console.size))
    return capture.get().splitlines()


def test_what_it_shows_on_a_usual_terminal() -> None:
    lines = _lines(busy())
    text = "\n".join(lines)
    assert len(lines) <= 23
    assert lines[0].split("  ")[:3] == ["crawling", "1:23", "crawls/seeds"]
    assert "1,234 done  56,789 queued  64 in flight  14 failed  10 revisited  10 excluded" in lines[1]
    assert lines[2].startswith("118 MB  2.0 KB/s  12.3 URLs/s")
    for number in range(8):
        assert f"host-{number}.test" in text
        assert f"http://a.test/page/{number}" in text


@pytest.mark.parametrize("width", [20, 40, 63, 64, 80, 200])
@pytest.mark.parametrize("height", [4, 10, 24, 60])
def test_it_fits_every_terminal(width: int, height: int) -> None:
    long = outcome(url="http://a.test/" + "x" * 500)
    host = HostLine("very-" * 30 + "long.test", 2, 10**9, 10**9, 30.0, "waiting for a very long time indeed")
    lines = _lines(busy(recent=(long,) * 8, hosts=(host,) * 8, state="paused: disk full, " + "x" * 300), width, height)
    assert len(lines) <= max(height - 1, 3)
    assert max(map(len, lines)) <= width


def test_a_small_terminal_shows_hosts_and_urls_in_equal_parts() -> None:
    lines = _lines(busy(), height=15)
    assert sum("host-" in line for line in lines) == 4
    assert [line.rsplit("/", 1)[1] for line in lines if "page" in line] == ["4", "5", "6", "7"]


def test_while_it_stops_the_way_to_stop_at_once_is_shown() -> None:
    assert _lines(busy(state="stopping"))[0].startswith("stopping (Ctrl-C again: at once)  1:23")
    assert _lines(busy(state="stopping", in_flight=0))[0].startswith("stopping  1:23")


def test_without_hosts_there_is_room_for_urls() -> None:
    assert sum("page" in line for line in _lines(busy(hosts=()), height=15)) == 8


@pytest.mark.parametrize("word", ["host", "url", "state", "limit"])
def test_strangers_words_are_only_words(word: str) -> None:
    shown = {
        "host": progress(hosts=(HostLine(HOSTILE, 1, 1, 1, 1.0, "ready"),)),
        "url": progress(recent=(outcome(url=HOSTILE),)),
        "state": progress(state=HOSTILE),
        "limit": progress(limit=HOSTILE),
    }[word]
    text = "\n".join(_lines(shown, width=200))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold red]x[/]" in text


def _seen(columns: int, narrowed: int | None, *, verbose: bool, ends: bool) -> str:
    """The screen after two updates, between which the terminal may have become narrower."""
    file, screen = io.StringIO(), Screen(columns)
    console = Console(file=file, force_terminal=True, width=columns, height=30, color_system=None)
    view = LiveView(console, DIRECTORY)

    def show() -> str:
        screen.feed(file.getvalue().replace("\n", "\r\n"))  # as a terminal's line discipline does it
        file.seek(0)
        file.truncate()
        return screen.text

    screen.feed("$ crawl\r\n")
    view.start()
    view.update(busy())
    assert "1,234 done" in show()
    if narrowed is not None:
        console.size = (narrowed, 30)
        screen.narrow(narrowed)
    if verbose:
        view.outcome(outcome(99))
    if not ends:
        view.update(busy())
    else:
        view.stop()
    return show()


@pytest.mark.parametrize("columns", [79, 64, 50, 33])
@pytest.mark.parametrize("ends", [False, True], ids=["goes on", "ends"])
@pytest.mark.parametrize("verbose", [False, True], ids=["", "verbose"])
def test_a_terminal_that_becomes_narrower_keeps_no_remains(columns: int, ends: bool, verbose: bool) -> None:
    seen = _seen(100, columns, verbose=verbose, ends=ends)
    assert seen == _seen(columns, None, verbose=verbose, ends=ends)
    assert ("1,234 done" in seen) is not ends


def test_the_live_view_draws_and_leaves_nothing() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=24, color_system=None)
    view = LiveView(console, DIRECTORY)
    view.start()
    view.update(busy())
    view.outcome(outcome(99, kind=OutcomeKind.FAILED, reason="[red]connection refused"))
    view.stop()
    drawn = screen.getvalue()
    assert "1,234 done" in drawn
    assert "http://a.test/page/99  ([red]connection refused)" in drawn
    assert drawn.endswith("\x1b[2K"), "the display is erased"
