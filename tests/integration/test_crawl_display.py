"""What a person sees while a crawl runs: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.site import Site, wide_site
from tests.support.terminal import Screen, on_terminal

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "crawler", "--min-free-disk", "0"]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "CI")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **changes}


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 8)])
def test_the_display_is_drawn_and_leaves_nothing_behind(tmp_path: Path, columns: int, rows: int) -> None:
    seen: list[str] = []

    def look(screen: Screen) -> None:
        seen.append("\n".join(screen.lines[-rows:]))

    code, screen = on_terminal(
        [*COMMAND, "--demo", "--delay", "0"],
        cwd=tmp_path, environment=environment(), columns=columns, rows=rows, type_when=look,
    )  # fmt: skip
    assert code == 0
    assert screen.redraws > 5
    assert not screen.cursor_hidden
    assert screen.text.startswith("Finished: ")
    assert "crawling" not in screen.text
    assert any("demo.test" in text and "queued" in text for text in seen)
    if columns == 80:
        assert max(len(line) for text in seen[:-1] for line in text.splitlines()) <= 80


def test_the_display_never_outgrows_its_terminal(tmp_path: Path) -> None:
    """Every redraw goes up as many lines as it drew: were it higher than the terminal, remnants would scroll away."""
    with Site(wide_site(150, seed=4)) as site:
        code, screen = on_terminal(
            [*COMMAND, f"{site.root}/", "--delay", "0.01", "--per-host", "4", "--verbose"],
            cwd=tmp_path, environment=environment(), rows=10,
        )  # fmt: skip
    assert code == 0
    assert screen.redraws > 5
    assert screen.tallest <= 9
    lines = screen.text.splitlines()
    urls = [line for line in lines if "http://127.0.0.1" in line and "/p/" in line]
    assert len(urls) == 149
    assert lines.index(next(line for line in lines if line.startswith("Finished: "))) > len(urls)
    assert not any("in flight" in line for line in lines)


def test_ctrl_c_on_a_terminal_stops_and_tells_how_to_go_on(tmp_path: Path) -> None:
    typed: list[bool] = []

    def press(screen: Screen) -> bytes | None:
        if not typed and re.search(r"\b[1-9]\d* (?:pages )?done", screen.text):
            typed.append(True)
            return b"\x03"
        return None

    with Site(wide_site(400, seed=5)) as site:
        words = [f"{site.root}/", "--delay", "0.02"]
        code, screen = on_terminal(
            [*COMMAND, *words], cwd=tmp_path, environment=environment(), columns=250, type_when=press
        )
    assert code == 3
    assert typed
    assert not screen.cursor_hidden
    assert "Stopped by a signal (" in screen.text
    assert screen.text.endswith(f"-m crawler --min-free-disk 0 {' '.join(words)}")


NO_TERMINAL = [("dumb", "--verbose"), ("xterm", "--verbose"), ("xterm", "--quiet")]
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Ended]:
    """Crawls of the demonstration site without a terminal, by TERM and option: at the same time, because most of it is
    the patience that the site asks for."""

    def crawl(way: tuple[str, str]) -> Ended:
        return subprocess.run(
            [*COMMAND, "--demo", "--delay", "0", way[1]], cwd=tmp_path_factory.mktemp("crawl"),
            env=environment(TERM=way[0]), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    with ThreadPoolExecutor(len(NO_TERMINAL)) as pool:
        return dict(zip(NO_TERMINAL, pool.map(crawl, NO_TERMINAL), strict=True))


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_where_there_is_no_terminal_plain_lines_are_written(ended: dict[tuple[str, str], Ended], term: str) -> None:
    done = ended[term, "--verbose"]
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "http://demo.test/flaky.html" in done.stdout


def test_quiet_says_nothing(ended: dict[tuple[str, str], Ended]) -> None:
    done = ended["xterm", "--quiet"]
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
