from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.commandline.configfile import FILE_NAME, read_config, read_settings, to_toml, write_config
from crawler.commandline.options import BY_FIELD
from crawler.config import DIGESTS, CrawlConfig, ScopeKind
from crawler.errors import UsageError

_COUNTS = st.integers(min_value=1, max_value=10_000)
_TIMES = st.integers(min_value=1, max_value=80_000) | st.floats(min_value=0.001, max_value=80_000)
_WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)

configs = st.builds(
    CrawlConfig,
    seeds=st.lists(st.sampled_from(["http://a.test/", "https://b.test/x?y=1"]), unique=True),
    output=st.sampled_from(["crawls/a", "/tmp/with space", 'quo"te', "back\\slash"]),
    scope=st.sampled_from(list(ScopeKind)),
    include=st.lists(st.sampled_from(["[.]pdf$", "\\d+", "a'b\"c", "^https?://"])),
    max_depth=st.none() | st.integers(min_value=0, max_value=99),
    robots=st.booleans(),
    max_pages=st.none() | _COUNTS,
    max_bytes=st.none() | st.integers(min_value=1, max_value=1 << 50),
    max_time=st.none() | _TIMES,
    max_body=st.integers(min_value=1, max_value=1 << 50),
    concurrency=_COUNTS,
    delay=st.none() | _TIMES,
    timeout=_TIMES,
    user_agent=st.none() | _WORDS,
    contact=st.none() | st.just("me@example.org"),
    headers=st.lists(st.tuples(st.sampled_from(["A", "X-B"]), st.sampled_from(["", "c", "d: e", "caf\xe9"]))),
    digest=st.sampled_from(DIGESTS),
    retry_failed=st.booleans(),
    demo=st.booleans(),
)


@given(config=configs)
def test_what_is_written_is_read_again(config: CrawlConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("config") / FILE_NAME
    write_config(path, config)
    assert read_config(path) == config


def test_every_field_is_an_option_or_the_seeds() -> None:
    assert {field.name for field in dataclasses.fields(CrawlConfig)} == {"seeds", *BY_FIELD}


def test_the_file_is_replaced_whole_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("old")
    write_config(path, CrawlConfig(headers=(("Cookie", "secret"),)))
    assert os.listdir(tmp_path) == [FILE_NAME]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == to_toml(CrawlConfig(headers=(("Cookie", "secret"),)))


def test_people_write_units_and_underscores(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'seeds = ["example.com", "http://a.test/"]\nmax_body = "10M"\nmax-time = "1h30m"\ndelay = "auto"\n'
        "robots = false\nheader = ['A: b', 'C: d:e']\nmax-pages = 10_000\n"
    )
    config = read_config(path)
    assert config.seeds == ("https://example.com/", "http://a.test/")
    assert (config.max_body, config.max_time, config.delay) == (10 << 20, 5400, None)
    assert (config.robots, config.max_pages) == (False, 10_000)
    assert config.headers == (("A", "b"), ("C", "d:e"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# c\nmax-pagse = 3\n", ":2: max-pagse: is no option; did you mean max-pages?"),
        ("zzz = 3\n", ":1: zzz: is no option"),
        ("\n\nmax-pages = 0\n", ":3: max-pages: 0 is too little; the least is 1"),
        ('max-body = "5X"\n', ":1: max-body: '5X' is not a size"),
        ("max-pages = true\n", ":1: max-pages: True is not a whole number"),
        ('robots = "yes"\n', ":1: robots: 'yes' is neither true nor false"),
        ("timeout = []\n", ":1: timeout: [] is not a time"),
        ("scope = 3\n", ":1: scope: 3 is not text"),
        ('include = ["a", "("]\n', ":1: include: '(' is not a regular expression"),
        ('seeds = "http://a.test/"\n', ":1: seeds: must be a list of URLs"),
        ('seeds = ["ftp://a.test/"]\n', ":1: seeds: "),
        ('seeds = ["http://a.test/", 7]\n', ":1: seeds: 7 is not text"),
        ("fresh = true\n", ":1: fresh: can be given on the command line only"),
        ("a = 1\nmax-pages = \n", ":2: Invalid value"),
        ("max_pages = 5\nmax-pages = 7\n", ":2: max-pages: is set twice, also as max_pages"),
        ("retries = 1\nmax-pages = 7\nmax_pages = 7\n", ":3: max_pages: is set twice, also as max-pages"),
        ("\n[limits]\nmax-pages = 1\n", ":2: limits: is a table"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, ": cannot be read: No such file"), (b"a = 1\nb = '\xff'\n", ":2: is not UTF-8 text")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_settings(path)
    assert f"{path}{message}" in str(caught.value)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbfretries = 1\n")
    settings: Any = read_settings(path)
    assert settings["retries"].value == 1
