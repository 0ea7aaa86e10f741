from __future__ import annotations

import errno
import logging
import re
from pathlib import Path

import pytest

from crawler.errors import CrawlError
from crawler.report.logging import configure, release, to_file

log = logging.getLogger("crawler.test")


def test_a_line_in_utc_with_nothing_hidden(tmp_path: Path) -> None:
    with to_file(tmp_path, verbose=False) as path:
        log.info("fetched %s", "http://a.test/\r\nforged\x1b[2J")
        log.debug("not this")
    assert path == tmp_path / "logs" / "crawl.log"
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    crawler\.test: fetched http://a\.test/\\x0d\\x0aforged\\x1b\[2J\n"
    assert re.fullmatch(pattern, path.read_text())


def test_tracebacks_keep_their_lines(tmp_path: Path) -> None:
    with to_file(tmp_path, verbose=True) as path:
        log.debug("this")
        try:
            raise ValueError("bad\x1b")
        except ValueError as error:
            log.error("ended", exc_info=error)
    text = path.read_text()
    assert "DEBUG   crawler.test: this\n" in text
    assert "\nTraceback (most recent call last):\n" in text
    assert text.endswith("\nValueError: bad\\x1b\n")


def test_two_users_share_it_and_the_last_closes_it(tmp_path: Path) -> None:
    before = logging.getLogger().level, list(logging.getLogger().handlers)
    first = configure(tmp_path, verbose=True)
    second = configure(str(tmp_path))
    assert first is second
    release(second)
    log.debug("once")
    release(first)
    assert (tmp_path / "logs" / "crawl.log").read_text().count("once") == 1
    assert (logging.getLogger().level, logging.getLogger().handlers) == before


def test_a_full_disk_costs_the_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = configure(tmp_path)
    try:

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(handler, "flush", full)
            log.info("lost or not")
        log.info("afterwards")
    finally:
        release(handler)
    assert "afterwards" in (tmp_path / "logs" / "crawl.log").read_text()
    assert capsys.readouterr() == ("", "")


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(CrawlError, match=r"crawl\.log: cannot be written"):
        configure(tmp_path)
