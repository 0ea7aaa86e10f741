from __future__ import annotations

import io

import pytest

from crawler.report.plain import PlainView, progress_line
from crawler.report.rate import Rate
from tests.support.progress import outcome, progress


def _run(*moments: tuple[float, str]) -> list[str]:
    stream = io.StringIO()
    view = PlainView(stream)
    view.start()
    for elapsed, state in moments:
        view.update(progress(elapsed=elapsed, state=state))
    view.stop()
    return stream.getvalue().splitlines()


def test_a_line_every_ten_seconds() -> None:
    lines = _run(*((float(second), "crawling") for second in range(31)))
    assert [line.split()[0] for line in lines] == ["10.0", "20.0", "30.0"]


def test_a_change_is_told_at_once_and_once() -> None:
    lines = _run((1, "crawling"), (2, "paused: disk full"), (3, "paused: disk full"), (4, "crawling"), (5, "stopping"))
    assert [line.split("  ", 1)[1].split(":")[0] for line in lines] == ["paused", "crawling", "stopping"]


def test_what_a_line_says() -> None:
    line = progress_line(progress(), (12.34, 0.0))
    assert line == "1:23  crawling: 1,234 done, 56,789 queued, 64 in flight, 14 failed, 118 MB, 12.3 URLs/s"
    assert "failed" not in progress_line(progress(failed=0), (0.0, 0.0))
    assert "\n" not in progress_line(progress(state="paused:\n\x1b[2J"), (0.0, 0.0))


def test_each_url_with_verbose() -> None:
    stream = io.StringIO()
    PlainView(stream).outcome(outcome(3))
    assert stream.getvalue() == "     200   10.0 KB      35 ms  http://a.test/page/3\n"


def test_the_rate_is_of_the_last_seconds() -> None:
    rate = Rate(window=10)
    assert rate.update(progress(elapsed=0.0, done=0, bytes=0)) == (0.0, 0.0)
    assert rate.update(progress(elapsed=5.0, done=500, bytes=5000)) == (100.0, 1000.0)
    for second in range(6, 31):
        latest = rate.update(progress(elapsed=float(second), done=500 + (second - 5) * 2, bytes=5000))
    assert latest == pytest.approx((2.0, 0.0))
