"""Dates in cookies: whatever servers write, by the algorithm of RFC 6265 section 5.1.1."""

from __future__ import annotations

import pytest

from crawler.identity.cookiesyntax import parse_date

MOMENT = 784111777.0  # RFC 9110 section 5.6.7


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "06 Nov 1994 08:49:37", "6 november 94 8:49:37", "1994 nov 06 08:49:37 +0000", "08:49:37 06 Nov 1994",
        "Sun, 06-Nov-1994 08:49:37 UTC", "Sun; 06/Nov/1994_08:49:37 GMT", "06 Nov 1994 08:49:37.123",
    ],
)  # fmt: skip
def test_one_moment(text: str) -> None:
    assert parse_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    ["", "0", "tomorrow", "06 Nov 1994", "Nov 1994 08:49:37", "06 1994 08:49:37", "06 Nov 08:49:37",
     "00 Nov 1994 08:49:37", "31 Feb 1994 08:49:37", "06 Nov 1994 24:49:37", "06 Nov 1994 08:60:37",
     "06 Nov 1600 08:49:37", "006 Nov 1994 08:49:37", "06 Nov 19944 08:49:37", "06 Nov 1994 008:49:37", "784111777"],
)  # fmt: skip
def test_no_moment(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(("two", "four"), [("00", 2000), ("69", 2069), ("70", 1970), ("99", 1999)])
def test_two_digits_of_a_year(two: str, four: int) -> None:
    assert parse_date(f"06 Nov {two} 08:49:37") == parse_date(f"06 Nov {four} 08:49:37") is not None
