from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.units import exact_size, parse_duration, parse_size, show_bytes, show_duration, show_seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10", 10),
        ("10b", 10),
        ("10K", 10240),
        ("10k", 10240),
        ("5M", 5 << 20),
        ("2G", 2 << 30),
        ("1T", 1 << 40),
        ("1KiB", 1024),
        ("3 MB", 3 << 20),
        ("1.5G", 3 << 29),
        (" 7 ", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "K", "5X", "-1", "1e9", "10ib", "1 2", "5MM", "0x10", "1,5M", "9" * 30, "١٠K٪"])
def test_what_is_no_size_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("0.5", 0.5), ("5m", 300), ("90min", 5400), ("2h", 7200), ("1d", 86400), ("1h30m", 5400)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5y", "1h30", "30 40", "m", "1:30", "nan", "inf"])
def test_what_is_no_time_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_is_read_back_as_it_was_shown(size: int) -> None:
    assert parse_size(str(exact_size(size))) == size


@given(st.integers(min_value=0, max_value=10**7))
def test_a_time_is_read_back_as_it_was_shown(seconds: int) -> None:
    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (102_400, "100 KB"), (1 << 20, "1.0 MB"), (5 << 40, "5.0 TB")],
)
def test_bytes_for_people(size: int, text: str) -> None:
    assert show_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1:00"), (65, "1:05"), (7384, "2:03:04"), (90000, "1 d 01:00:00")],
)
def test_seconds_for_people(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text
