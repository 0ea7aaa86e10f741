"""Which validators are sent, and which 304 is believed: RFC 9110 sections 8.8 and 13, RFC 9111 section 4.3."""

from __future__ import annotations

import pytest

from crawler.earlier.conditions import conditions_for, confirms

EARLIER, LATER = "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:06 GMT"
NO_ZONE, OLD_FORM = "Fri, 02 Jan 2026 03:04:05 -0000", "Friday, 02-Jan-26 03:04:05 GMT"
TAG, SINCE = "If-None-Match", "If-Modified-Since"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], []),
        ([("ETag", '"a"')], [(TAG, '"a"')]),
        ([("etag", 'W/"a"')], [(TAG, 'W/"a"')]),
        ([("ETag", '""')], [(TAG, '""')]),
        ([("ETag", '"a b"')], []),
        ([("ETag", "a")], []),
        ([("ETag", 'w/"a"')], []),
        ([("ETag", '"\xe4"')], []),
        ([("ETag", '"a"'), ("ETag", '"b"')], [(TAG, '"a"')]),
        ([("ETag", '"a"'), ("Last-Modified", EARLIER)], [(TAG, '"a"'), (SINCE, EARLIER)]),
        ([("Last-Modified", EARLIER), ("Date", LATER)], [(SINCE, EARLIER)]),
        ([("Last-Modified", EARLIER), ("Date", EARLIER)], []),
        ([("Last-Modified", LATER), ("Date", EARLIER)], []),
        ([("Last-Modified", EARLIER)], []),
        ([("Last-Modified", "yesterday"), ("Date", LATER)], []),
        ([("Last-Modified", "Fri, 99 Jan 2026 03:04:05 GMT"), ("Date", LATER)], []),
        ([("Last-Modified", EARLIER), ("Date", "now")], []),
        ([("Last-Modified", NO_ZONE), ("Date", LATER)], [(SINCE, NO_ZONE)]),
        ([("Last-Modified", OLD_FORM), ("Date", LATER)], [(SINCE, OLD_FORM)]),
    ],
)
def test_what_is_sent(fields: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    assert list(conditions_for(fields)) == expected


@pytest.mark.parametrize(
    ("conditions", "fields", "believed"),
    [
        ([(TAG, '"a"')], [("ETag", '"a"')], True),
        ([(TAG, '"a"')], [("etag", 'W/"a"')], True),
        ([(TAG, 'W/"a"')], [("ETag", '"a"')], True),
        ([(TAG, '"a"')], [("ETag", '"b"')], False),
        ([(TAG, '"a"')], [("ETag", "a")], False),
        ([(TAG, '"a"')], [], True),
        ([(SINCE, EARLIER)], [("ETag", '"b"')], True),
        ([], [], False),
    ],
)
def test_which_304_is_believed(
    conditions: list[tuple[str, str]], fields: list[tuple[str, str]], believed: bool
) -> None:
    assert confirms(conditions, fields) is believed
