from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.model import OutcomeKind
from crawler.report.text import outcome_line, printable, shorten, status_word
from tests.support.progress import HOSTILE, outcome


@given(st.text())
def test_nothing_printable_steers_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(char).startswith("C") for char in shown)
    assert "\u2028" not in shown
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.test/é?[x]", "http://a.test/é?[x]"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ud800b", "a\\ud800b"),
        ("a\U000e0041b", "a\\U000e0041b"),
    ],
)
def test_what_is_hidden_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(), st.integers(min_value=0, max_value=100))
def test_short_is_short_and_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= width
    if len(text) <= width:
        assert short == text
    elif width >= 5:
        head, tail = short.split("…", 1) if "…" not in text else (short[:1], short[-1:])
        assert text.startswith(head)
        assert text.endswith(tail)


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (OutcomeKind.ARCHIVED, 404, "404"),
        (OutcomeKind.REVISITED, 304, "304"),
        (OutcomeKind.FAILED, 200, "failed"),
        (OutcomeKind.EXCLUDED, None, "excluded"),
    ],
)
def test_the_word_for_an_outcome(kind: OutcomeKind, status: int | None, word: str) -> None:
    assert status_word(outcome(kind=kind, status=status)) == word


def test_a_line_for_a_finished_url() -> None:
    assert outcome_line(outcome(7)) == "     200   10.0 KB      35 ms  http://a.test/page/7"
    failed = outcome(7, kind=OutcomeKind.FAILED, status=None, bytes=0, reason="connection\nrefused")
    assert outcome_line(failed) == "  failed       0 B      35 ms  http://a.test/page/7  (connection\\x0arefused)"
    assert outcome_line(outcome(7, kind=OutcomeKind.REVISITED, status=304)).endswith("page/7  (unchanged)")
    copy = outcome_line(outcome(7, kind=OutcomeKind.REVISITED))
    assert copy.endswith("page/7  (a payload that is archived already)")
    assert len(outcome_line(outcome(url=HOSTILE)).splitlines()) == 1
