from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from crawler.model import FailureKind, OutcomeKind
from crawler.progress import Comparison, Summary
from crawler.report.ending import Hints
from crawler.report.summary import print_summary
from tests.support.progress import HOSTILE, outcome

HINTS = Hints(resume="crawl seeds.txt", fresh="crawl seeds.txt --fresh", look="look crawls/seeds")


def _summary(**changes: Any) -> Summary:
    values: dict[str, Any] = {
        "directory": Path("crawls/seeds"),
        "outcomes": {OutcomeKind.ARCHIVED: 40, OutcomeKind.REVISITED: 2, OutcomeKind.EXCLUDED: 1},
        "statuses": {404: 2, 200: 36, 301: 2, 799: 1},
        "types": {"text/css": 5, "text/html": 20, "image/png": 5},
        "bytes": 60_000,
        "archive_bytes": 45_000,
        "duration": 3.21,
        "segments": ("annals-20260102030405678-00001.warc.gz",),
        "finished": True,
        "seeds": 1,
        "seeds_answered": 1,
    }
    return Summary(**{**values, **changes})


def _text(summary: Summary, hints: Hints = HINTS, width: int = 80) -> str:
    file = io.StringIO()
    print_summary(Console(file=file, width=width, color_system=None, highlight=False), summary, hints)
    lines = file.getvalue().splitlines()
    assert lines == [line.rstrip() for line in lines]
    return "\n".join(lines)


def test_the_counts_stand_in_the_table() -> None:
    lines = _text(_summary()).splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert lines[0] == "Finished: 43 URLs, 3.2 s in this run."
    assert "outcome URLs status URLs type URLs" in rows
    assert "archived 40 200 OK 36 text/html 20" in rows
    assert "revisited 2 301 Moved Permanently 2 image/png 5" in rows
    assert "excluded 1 404 Not Found 2 text/css 5" in rows
    assert "799 1" in rows
    assert "received 58.6 KB" in rows
    assert "archive 43.9 KB in 1 WARC file" in rows
    assert "crawls/seeds/archive/annals-20260102030405678-00001.warc.gz" in rows
    assert "URLs crawls/seeds/logs/urls.jsonl" in rows


def test_what_was_only_looked_for_is_no_broken_link() -> None:
    text = _text(_summary(absent=1))
    assert "\n  absent    1 of those not found: robots.txt and sitemaps, which were only looked for\n" in text
    assert "absent" not in _text(_summary())


def test_a_later_round_is_compared_with_the_one_before() -> None:
    found = _text(_summary(round=2, comparison=Comparison(new=1_234, changed=2, unchanged=40, gone=0)))
    assert found.startswith("Finished: round 2, 43 URLs, 3.2 s in this run.\n")
    assert "\n  changes   1,234 new, 2 changed, 40 unchanged, 0 gone since the round before\n" in found
    unfinished = _text(_summary(round=2, comparison=Comparison(new=0, changed=0, unchanged=1, gone=None)))
    assert "\n  changes   0 new, 0 changed, 1 unchanged since the round before\n" in unfinished
    assert "changes" not in _text(_summary())


def test_a_crawl_that_a_limit_stopped() -> None:
    text = _text(_summary(finished=False, stopped_by="--max-pages 40 is reached.", queued=1234))
    assert text.splitlines()[0] == (
        "Stopped: --max-pages 40 is reached (43 URLs, 3.2 s in this run; 1,234 URLs still queued)."
    )
    assert text.endswith("To go on, raise the limit in:\n  crawl seeds.txt")


@pytest.mark.parametrize(("why", "code"), [("--max-time 60 s reached", 0), ("stopped by a signal", 3)])
def test_a_crawl_that_the_same_command_continues(why: str, code: int) -> None:
    text = _text(_summary(finished=False, stopped_by=why, queued=1, exit_code=code))
    assert text.endswith("Go on with:\n  crawl seeds.txt")


def test_a_crawl_that_was_complete() -> None:
    text = _text(_summary(already_complete=True))
    assert text.splitlines()[0] == "crawls/seeds is complete: 43 URLs. There was nothing to do."
    assert "outcome" not in text
    assert text.endswith("crawl seeds.txt --fresh")


def test_after_the_demonstration_a_site_of_ones_own() -> None:
    hints = Hints(resume="r", fresh="f", look="l", own="crawl https://example.com/")
    assert _text(_summary(), hints).endswith("To crawl a site of your own:\n  crawl https://example.com/")


def test_failures_can_be_tried_again() -> None:
    text = _text(_summary(outcomes={OutcomeKind.FAILED: 3}))
    assert text.endswith("To try again what failed:\n  crawl seeds.txt --retry-failed")


def test_seeds_that_gave_no_answer_and_callbacks_that_raised() -> None:
    failed = (
        outcome(url="https://b.test/", kind=OutcomeKind.FAILED, reason="b.test: name not known"),
        outcome(url=HOSTILE, kind=OutcomeKind.FAILED, failure=FailureKind.CONNECT),
    )
    text = _text(_summary(seeds=3, seeds_answered=1, failed_seeds=failed, callback_errors=2))
    assert "1 of 3 seeds answered. No answer: https://b.test/ (b.test: name not known); http://a.test/\\x1b" in text
    assert "[bold red]x[/]" in text
    assert "2 callbacks raised an error; see logs/crawl.log." in text


@pytest.mark.parametrize("width", [20, 40, 80])
def test_many_kinds_and_files_are_summed_up(width: int) -> None:
    types = {f"type/{n:02}": 100 - n for n in range(30)}
    text = _text(_summary(types=types, segments=tuple(f"s-{n:05}.warc.gz" for n in range(20))), width=width)
    if width == 80:
        assert "23 others" in text
        assert "… 17 files more …" in text
        assert "s-00019.warc.gz" in text
    assert "s-00002" not in text


def test_command_lines_are_never_wrapped() -> None:
    long = "crawl " + "x" * 200
    text = _text(_summary(stopped_by="SIGINT", finished=False), Hints(resume=long, fresh="", look=""), width=40)
    assert text.splitlines()[-1] == f"  {long}"
