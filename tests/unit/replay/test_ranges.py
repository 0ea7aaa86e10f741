"""One byte range of a request, and the hosts that are answered."""

from __future__ import annotations

import pytest

from storage.replay.hosts import is_trusted, other_origin
from storage.replay.ranges import byte_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-200", (0, 100)),
        ("bytes=-0", (100, 100)),
        ("bytes=100-", (100, 100)),
        ("bytes=20-10", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str | None, expected: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("127.0.0.1:8765", True),
        ("localhost", True),
        ("[::1]:80", True),
        ("192.168.1.5:8765", True),
        ("box.lan:8765", True),
        ("evil.test:8765", False),
        ("localhost.evil.test", False),
        ("127.0.0.1.evil.test:1", False),
        ("", False),
    ],
)
def test_only_addresses_and_given_names_are_answered(host: str, trusted: bool) -> None:
    assert is_trusted(host, {"box.lan"}) is trusted


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:1", "http://localhost:9"),
        ("localhost:1", "http://127.0.0.1:9"),
        ("[::1]:1", "http://localhost:9"),
        ("192.168.1.5:1", "http://192.168.1.5:9"),
        ("[fd00::1]:1", "http://[fd00::1]:9"),
    ],
)
def test_the_other_origin_has_another_name_where_it_can(host: str, origin: str) -> None:
    assert other_origin(host, 9) == origin
