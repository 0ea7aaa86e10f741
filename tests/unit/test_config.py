from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from crawler.config import CrawlConfig, InvalidSetting, ScopeKind
from crawler.errors import UsageError

NOT_TEXT = "caf\udce9"
"""An argument or the name of a file with a byte that is no UTF-8."""


def test_the_defaults_are_a_configuration() -> None:
    config = CrawlConfig()
    assert config.scope is ScopeKind.HOST
    assert config.robots


def test_lists_become_tuples_and_words_become_what_they_name() -> None:
    values: dict[str, Any] = {"seeds": ["http://a.test/"], "headers": [["A", "b"]], "scope": "domain"}
    config = CrawlConfig(**values)
    assert config.seeds == ("http://a.test/",)
    assert config.headers == (("A", "b"),)
    assert config.scope is ScopeKind.DOMAIN
    assert hash(config) == hash(dataclasses.replace(config))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("seeds", "http://a.test/", "takes a sequence"),
        ("seeds", [""], "is not a URL"),
        ("seeds", [b"http://a.test/"], "is not a URL"),
        ("scope", "everything", "not one of page, prefix, host, domain, any"),
        ("include", ["("], "not a regular expression"),
        ("exclude", ["[z-a]"], "not a regular expression"),
        ("max_depth", -1, "the least is 0"),
        ("max_pages", 0, "the least is 1"),
        ("max_pages", 1.5, "not a whole number"),
        ("max_pages", True, "not a whole number"),
        ("max_time", math.nan, "not a finite number"),
        ("max_time", math.inf, "not a finite number"),
        ("max_body", None, "not a whole number"),
        ("concurrency", 0, "the least is 1"),
        ("concurrency", 10**6, "the most is 10,000"),
        ("per_host", 0, "the least is 1"),
        ("per_ip", -1, "the least is 0"),
        ("per_ip", 1.5, "not a whole number"),
        ("probes", -1, "the least is 0"),
        ("probes", None, "not a whole number"),
        ("limit_rate", 0, "the least is 1"),
        ("delay", -0.5, "the least is 0"),
        ("timeout", 0, "the least is 0.001"),
        ("timeout", "30", "not a number"),
        ("retries", -1, "the least is 0"),
        ("user_agent", "a\r\nX: y", "one line of plain ASCII"),
        ("user_agent", "", "not empty"),
        ("contact", "me", "must be an e-mail address or a web address"),
        ("contact", "me@example.org)\r\n", "one line of plain ASCII"),
        ("headers", [("A B", "c")], "not a header name"),
        ("headers", [("A", "c\r\nB: d")], "a character that no header may carry"),
        ("headers", [("A", "c\x00")], "a character that no header may carry"),
        ("headers", [("A", "\u4e00")], "a character that no header may carry"),
        ("headers", [("host", "a.test")], "set by the crawler itself"),
        ("headers", [("User-Agent", "x")], "--user-agent"),
        ("headers", [("A",)], "not a pair"),
        ("segment_size", 0, "the least is 1"),
        ("prefix", "../up", "letters, digits"),
        ("prefix", ".hidden", "letters, digits"),
        ("prefix", "", "letters, digits"),
        ("digest", "md5", "not one of sha256, sha1"),
        ("compression_level", 10, "the most is 9"),
        ("grace", -1, "the least is 0"),
        ("max_bytes", 1 << 63, "the most is 4,611,686,018,427,387,904"),
        ("output", "", "is not the name of a file or directory"),
        ("output", NOT_TEXT, "is not UTF-8 text"),
        ("output", Path(NOT_TEXT), "is not UTF-8 text"),
        ("exclude", ["a", NOT_TEXT], "is not UTF-8 text"),
        ("dedupe_from", [Path(NOT_TEXT)], "is not UTF-8 text"),
        ("auth", [("a.test", f"me:{NOT_TEXT}")], "is not UTF-8 text"),
        ("cookies", "", "is not the name of a file or directory"),
        ("from_archive", "", "is not the name of a file or directory"),
    ],
)
def test_what_cannot_be_is_refused_and_named(field: str, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        CrawlConfig(**{field: value})
    assert caught.value.field == field
    assert sentence in caught.value.sentence
    assert isinstance(caught.value, UsageError)
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_depth", 0),
        ("delay", 0),
        ("retries", 0),
        ("grace", 0),
        ("min_free_disk", 0),
        ("disk_wait", 0.0),
        ("contact", "me@example.org"),
        ("contact", "https://example.org/bot"),
        ("headers", (("Accept-Language", "de, en;q=0.5"), ("X-Latin", "caf\xe9"))),
        ("prefix", "MY-crawl_2.0"),
        ("compression_level", 0),
    ],
)
def test_what_is_unusual_is_accepted(field: str, value: Any) -> None:
    assert getattr(CrawlConfig(**{field: value}), field) == value
