"""The command line around an engine: what it is given, how signals reach it, what is said and returned at the end."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from crawler.cli import main
from crawler.commandline.configfile import write_config
from crawler.config import CrawlConfig
from crawler.errors import DirectoryLocked, OutOfDisk
from crawler.model import OutcomeKind
from crawler.progress import Summary
from storage import CorruptArchive, NoSpace
from tests.support.fake_engine import FakeEngine
from tests.support.progress import HOSTILE, outcome

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def _kill(number: signal.Signals) -> Any:
    return lambda: os.kill(os.getpid(), number)


def _summary(**changes: Any) -> Summary:
    values: dict[str, Any] = {
        "directory": Path("x"),
        "outcomes": {OutcomeKind.ARCHIVED: 3},
        "seeds": 1,
        "seeds_answered": 1,
        "finished": True,
    }
    return Summary(**{**values, **changes})


def _configured(*arguments: str) -> CrawlConfig:
    engine = FakeEngine()
    assert main(arguments, engine=engine) == 0
    assert engine.config is not None
    return engine.config


def test_a_crawl_from_beginning_to_end(capsys: Captured) -> None:
    engine = FakeEngine(summary=_summary())
    assert main(["http://a.test/"], engine=engine) == 0
    assert engine.events == ["open", "close"]
    out, err = capsys.readouterr()
    assert out.startswith("Finished: 3 URLs")
    assert err == ""


def test_the_command_line_wins_over_the_file() -> None:
    Path("mine.toml").write_text("max-pages = 5\nretries = 7\nrobots = false\nexclude = ['a']\n")
    config = _configured("http://a.test/", "--config", "mine.toml", "--max-pages", "9", "--robots")
    assert (config.max_pages, config.retries, config.robots, config.exclude) == (9, 7, True, ("a",))


def test_repeated_options_and_units() -> None:
    config = _configured(
        "http://a.test/", "--exclude", "a", "--exclude", "b", "--max-body", "2M", "--grace=1m", "--no-robots",
        "--header", "A: b", "--header", "C:d", "--delay", "auto", "--scope", "page", "b.test",
    )  # fmt: skip
    assert config.exclude == ("a", "b")
    assert (config.max_body, config.grace, config.robots, config.delay) == (2 << 20, 60.0, False, None)
    assert config.headers == (("A", "b"), ("C", "d"))
    assert config.seeds == ("http://a.test/", "https://b.test/")


def test_where_the_crawl_is_kept() -> None:
    Path("my.txt").write_text("http://a.test/\n")
    assert _configured("my.txt").output == Path("crawls/my")
    assert _configured("http://a.test:81/x").output == Path("crawls/a.test-81")
    assert _configured("my.txt", "--output", "there").output == "there"
    assert Path("there/logs/crawl.log").exists()


def test_the_demonstration() -> None:
    for arguments in (["--demo"], ["http://demo.test/"], ["http://DEMO.test"]):
        config = _configured(*arguments)
        assert config.demo
        assert config.seeds == ("http://demo.test/",)
    assert _configured("--demo").output == Path("crawls/demo")
    assert not _configured("http://a.test/").demo


def test_a_configuration_file_is_enough() -> None:
    Path("mine.toml").write_text("seeds = ['a.test']\n")
    config = _configured("--config", "mine.toml")
    assert (config.seeds, config.output) == (("https://a.test/",), Path("crawls/mine"))
    Path("mine.toml").write_text("demo = true\n")
    assert _configured("--config", "mine.toml").seeds == ("http://demo.test/",)


def test_after_the_demonstration_the_way_on_is_told(capsys: Captured) -> None:
    main(["--demo"], engine=FakeEngine(summary=_summary()))
    assert capsys.readouterr().out.endswith(
        "\nTo crawl a site of your own:\n  python -m crawler https://example.com/\n"
    )


def test_standard_input_and_how_it_is_resumed(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"http://a.test/\n")))
    engine = FakeEngine(summary=_summary(stopped_by="SIGINT", finished=False, exit_code=3))
    assert main(["-", "--retries", "0"], engine=engine) == 3
    assert capsys.readouterr().out.endswith("Go on with:\n  python -m crawler --retries 0 --output crawls/stdin\n")


def test_a_directory_brings_its_own_configuration() -> None:
    Path("old").mkdir()
    stored = CrawlConfig(seeds=["http://a.test/"], output="elsewhere", retries=9, retry_failed=True, max_pages=3)
    write_config("old/crawl.toml", stored)
    config = _configured("--output", "old", "--max-pages", "4")
    assert (config.seeds, config.output) == (("http://a.test/",), "old")
    assert (config.retries, config.max_pages, config.retry_failed) == (9, 4, False)


def test_fresh_goes_beside_and_tells_the_way_back(capsys: Captured) -> None:
    Path("my.txt").write_text("http://a.test/\n")
    Path("crawls/my").mkdir(parents=True)
    Path("crawls/my/crawl.db").touch()
    before = sorted(os.listdir("crawls/my"))
    stopped = FakeEngine(summary=_summary(stopped_by="SIGINT", finished=False, exit_code=3))
    assert main(["my.txt", "--fresh"], engine=stopped) == 3
    assert stopped.config is not None
    assert stopped.config.output == Path("crawls/my-2")
    assert sorted(os.listdir("crawls/my")) == before
    out = capsys.readouterr().out
    assert "A new crawl in crawls/my-2. To resume the one in crawls/my:\n  python -m crawler my.txt\n" in out
    assert out.endswith("Go on with:\n  python -m crawler my.txt --output crawls/my-2\n")
    assert _configured("my.txt", "--fresh").output == Path("crawls/my-3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops(number: signal.Signals, capsys: Captured) -> None:
    engine = FakeEngine(
        summary=_summary(stopped_by="stopped by a signal", finished=False, queued=7, exit_code=3),
        while_running=_kill(number),
    )
    assert main(["http://a.test/", "--max-depth", "2"], engine=engine) == 3
    assert engine.events == ["open", "stop", "close"]
    out = capsys.readouterr().out
    assert out.startswith("Stopped by a signal (3 URLs, 0.0 s in this run; 7 URLs still queued).")
    assert out.endswith("Go on with:\n  python -m crawler http://a.test/ --max-depth 2\n")
    assert f"{number.name} received" in Path("crawls/a.test/logs/crawl.log").read_text()


def test_the_second_signal_aborts() -> None:
    engine = FakeEngine(
        summary=_summary(stopped_by="a signal", finished=False, exit_code=3),
        while_running=_kill(signal.SIGINT),
        when_stopped=_kill(signal.SIGTERM),
    )
    assert main(["http://a.test/"], engine=engine) == 3
    assert engine.events == ["open", "stop", "abort", "close"]


def test_a_signal_before_the_crawl_has_begun(capsys: Captured) -> None:
    engine = FakeEngine(while_opening=_kill(signal.SIGTERM))
    assert main(["http://a.test/"], engine=engine) == 3
    assert engine.events == []
    assert capsys.readouterr().err == (
        "crawler: stopped before the crawl began; nothing is lost\nGo on with:\n  python -m crawler http://a.test/\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (DirectoryLocked("crawls/a.test is in use"), 1, "crawls/a.test is in use"),
        (CorruptArchive("is shorter", path="s.warc.gz", offset=7), 1, "s.warc.gz at offset 7: is shorter"),
        (OutOfDisk("no room for 5 minutes"), 3, "no room for 5 minutes"),
        (NoSpace("no room", path="s.warc.gz"), 3, "s.warc.gz: no room"),
    ],
)
@pytest.mark.parametrize("opening", [True, False])
def test_errors_are_sentences(error: Exception, code: int, sentence: str, opening: bool, capsys: Captured) -> None:
    engine = FakeEngine(opening_error=error if opening else None, error=None if opening else error)
    assert main(["http://a.test/"], engine=engine) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"crawler: {sentence}"
    assert lines[1:] == (["Go on with:", "  python -m crawler http://a.test/"] if code == 3 else [])
    told = Path("crawls/a.test/logs/crawl.log").read_text()
    if isinstance(error, DirectoryLocked):
        assert told == "", "this is the log of the crawl that runs there"
    else:
        assert f"{type(error).__name__}" in told


def test_verbose_adds_the_traceback(capsys: Captured) -> None:
    main(["http://a.test/", "--verbose"], engine=FakeEngine(error=DirectoryLocked("in use")))
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("\ncrawler: in use\n")


def test_an_error_nobody_expected_goes_to_the_log(capsys: Captured) -> None:
    assert main(["http://a.test/"], engine=FakeEngine(error=ZeroDivisionError(f"odd {HOSTILE}"))) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("crawler: internal error: ZeroDivisionError: odd http://a.test/\\x1b]0;pwned")
    assert line.endswith("; the traceback is in crawls/a.test/logs/crawl.log")
    assert "\nTraceback (most recent call last):\n" in Path("crawls/a.test/logs/crawl.log").read_text()


def test_errors_in_a_group_are_told_one_by_one(capsys: Captured) -> None:
    group = ExceptionGroup("tasks", [DirectoryLocked("one"), OutOfDisk("two")])
    assert main(["http://a.test/"], engine=FakeEngine(error=group)) == 3
    assert capsys.readouterr().err.splitlines()[:2] == ["crawler: one", "crawler: two"]


def test_no_seed_answered(capsys: Captured) -> None:
    failed = (outcome(url="https://b.test/", kind=OutcomeKind.FAILED, reason="cannot resolve b.test"),)
    engine = FakeEngine(
        summary=_summary(outcomes={OutcomeKind.FAILED: 1}, seeds_answered=0, failed_seeds=failed, exit_code=1)
    )
    assert main(["https://b.test/", "--quiet"], engine=engine) == 1
    assert capsys.readouterr() == ("", "crawler: no seed answered: https://b.test/ (cannot resolve b.test)\n")


def test_verbose_prints_each_url(capsys: Captured) -> None:
    engine = FakeEngine(summary=_summary(), outcomes=[outcome(1), outcome(2, url=HOSTILE)])
    assert main(["http://a.test/", "--verbose"], engine=engine) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "     200   10.0 KB      35 ms  http://a.test/page/1"
    assert "\x1b" not in lines[1]


def test_quiet_prints_nothing(capsys: Captured) -> None:
    assert main(["--demo", "--quiet"], engine=FakeEngine(summary=_summary(), outcomes=[outcome(1)])) == 0
    assert capsys.readouterr() == ("", "")


def test_the_log_is_closed_and_the_signals_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT), list(logging.getLogger().handlers)
    main(["http://a.test/"], engine=FakeEngine())
    assert (signal.getsignal(signal.SIGINT), logging.getLogger().handlers) == before


def test_a_broken_display_does_not_break_the_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("in the display")

    monkeypatch.setattr("crawler.report.plain.PlainView.update", broken)
    assert main(["http://a.test/"], engine=FakeEngine(summary=_summary())) == 0
    assert "ZeroDivisionError: in the display" in Path("crawls/a.test/logs/crawl.log").read_text()


def test_nobody_reads_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Gone())
        engine = FakeEngine(summary=_summary(), outcomes=[outcome(1)])
        code = main(["http://a.test/", "--verbose"], engine=engine)
    assert code == 0
    assert engine.events == ["open", "close"]


def test_a_directory_of_something_else_is_left_alone(capsys: Captured) -> None:
    Path("letters").mkdir()
    Path("letters/dear.txt").touch()
    assert main(["http://a.test/", "--output", "letters"], engine=FakeEngine()) == 2
    assert os.listdir("letters") == ["dear.txt"]
    assert "letters: is neither empty nor a crawl" in capsys.readouterr().err
