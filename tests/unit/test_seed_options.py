"""Options behind a seed's URL: how they are read, named when wrong, kept, and merged where seeds share a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.commandline.configfile import read_config, write_config
from crawler.config import CrawlConfig, InvalidSetting
from crawler.errors import UsageError
from crawler.model import CrawlURL, Kind, Role
from crawler.scope import Scope
from crawler.scopekind import ScopeKind
from crawler.seedoptions import (
    HostLimits,
    SeedOptions,
    host_limits,
    options_by_url,
    page_budgets,
    parse_options,
    split_seed,
)
from crawler.seeds import parse_seeds

LINK = Role(Kind.NAVIGATION, "a/@href", "L")


def test_all_of_them() -> None:
    text = "scope=prefix depth=3 offsite-links=1 include=a include=b exclude=c=d delay=1.5 per-host=4 max-pages=100"
    assert parse_options(text) == SeedOptions(ScopeKind.PREFIX, 3, 1, ("a", "b"), ("c=d",), 1.5, 4, 100)
    assert parse_options("delay=auto") == SeedOptions(delay="auto")
    assert parse_options("delay=2m") == SeedOptions(delay=120.0)
    assert parse_options("") == SeedOptions()


@pytest.mark.parametrize(
    ("text", "url", "options"),
    [
        ("https://a.test/ scope=page  depth=1 ", "https://a.test/", "scope=page depth=1"),
        ("a.test\tdelay=2", "a.test", "delay=2"),
        ("https://a.test/?scope=page", "https://a.test/?scope=page", ""),
        ("https://a.test/my file.html", "https://a.test/my file.html", ""),
        ("https://a.test/my file.html depth=1", "https://a.test/my file.html", "depth=1"),
        ("depth=1", "depth=1", ""),
    ],
)
def test_where_the_url_ends(text: str, url: str, options: str) -> None:
    assert split_seed(text) == (url, options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("sope=page", "there is no seed option 'sope'; there are scope, depth, "),
        ("scope=site", "scope=site: is not one of page, prefix, host, domain, any"),
        ("depth=deep", "depth=deep: is not a whole number"),
        ("depth=-1", "depth=-1: is not a whole number"),
        ("depth=70000", "depth=70000: must be 0 to 65535"),
        ("offsite-links=15", "offsite-links=15: must be 0 to 14"),
        ("per-host=0", "per-host=0: must be 1 to 10000"),
        ("max-pages=", "max-pages=: is not a whole number"),
        ("delay=soon", "delay=soon: 'soon' is not a time"),
        ("delay=2d", "delay=2d: is more than a day"),
        ("exclude=", "exclude=: is found in every URL"),
        ("include=(", r"include=\(: is not a regular expression"),
        ("depth=1 depth=2", "depth is given twice"),
        ("   a comment", "what stands behind http://a.test/ is no option; write # before a comment"),
        ("\ta", "what stands behind http://a.test/ is no option; write # before a comment"),
        ("depth=1 frob", "'frob' is no option; write NAME=VALUE"),
        ("depth=1 2nd=3", "'2nd=3' is no option; write NAME=VALUE"),
        ("http://b.test/", "there is a second URL, 'http://b.test/'; write one a line"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(options: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=f"^seeds.txt:2: {sentence}"):
        parse_seeds(f"http://fine.test/ depth=1\nhttp://a.test/ {options}\n".encode(), "seeds.txt")


def test_a_seed_named_twice_has_the_options_given_last() -> None:
    lines = b"http://a.test/ depth=1\nhttp://b.test/\nhttp://a.test depth=2 # why\nhttp://a.test/\n"
    assert parse_seeds(lines, "s") == ("http://a.test/ depth=2", "http://b.test/")


class TestConfiguration:
    def test_urls_and_options_are_parted(self) -> None:
        config = CrawlConfig(
            seeds=("https://a.test/ depth=1", "https://b.test/"),
            seed_options=("https://a.test/ scope=page", "https://c.test/ delay=2"),
        )
        assert config.seeds == ("https://a.test/", "https://b.test/")
        assert config.seed_options == ("https://a.test/ depth=1", "https://c.test/ delay=2")

    @pytest.mark.parametrize("options", [("https://a.test/ depth=x",), ("nonsense: depth=1",)])
    def test_what_is_wrong_is_named(self, options: tuple[str, ...]) -> None:
        with pytest.raises(InvalidSetting, match=r"^seed_options: "):
            CrawlConfig(seed_options=options)

    def test_they_are_kept_in_crawl_toml(self, tmp_path: Path) -> None:
        config = CrawlConfig(seeds=("https://a.test/ depth=1 scope=page", "https://b.test/"))
        write_config(tmp_path / "crawl.toml", config)
        assert read_config(tmp_path / "crawl.toml") == config

    def test_seeds_in_a_file_of_options_may_have_them(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text('seeds = ["a.test depth=1"]\n')
        config = read_config(tmp_path / "x.toml")
        assert (config.seeds, config.seed_options) == (("https://a.test/",), ("https://a.test/ depth=1",))


def test_the_more_careful_value_holds_for_a_host() -> None:
    options = options_by_url(
        [
            "http://a.test/x delay=2",
            "https://a.test/y delay=1 per-host=4",
            "http://b.test/ delay=auto",
            "http://c.test/ depth=1",
        ]
    )
    assert host_limits(options, HostLimits(delay=0.5, per_host=2)) == {
        "a.test": HostLimits(2.0, 2),
        "b.test": HostLimits(None, 2),
    }
    assert page_budgets(options_by_url(["http://a.test/ max-pages=5", "http://a.test/x max-pages=3"])) == {"a.test": 3}


class TestScope:
    SEEDS = (
        "https://a.test/docs/x scope=prefix depth=1",
        "https://b.test/ include=wanted exclude=drop offsite-links=1",
    )

    def accepted(self, seed: int, depth: int, *urls: str) -> list[str]:
        config = CrawlConfig(seeds=self.SEEDS, include=("everywhere",), exclude=("never",), max_depth=9)
        of = Scope.of(config, {1: ["https://a.test/docs/x"], 2: ["https://b.test/"], 3: ["https://c.test/"]}, 2026)
        parent = CrawlURL(f"https://{'_abc'[seed]}.test/", depth=depth, seed=seed)
        return [link.url for link in of.judge(parent, dict.fromkeys(urls, LINK), {})]

    def test_a_scope_and_a_depth(self) -> None:
        inside, outside = "https://a.test/docs/y", "https://a.test/y"
        assert self.accepted(1, 0, inside, outside) == [inside]
        assert self.accepted(1, 1, inside, outside) == []
        assert self.accepted(1, 0, "https://d.test/everywhere", "https://a.test/docs/never") == [
            "https://d.test/everywhere"
        ]

    def test_patterns_beside_the_crawls_own(self) -> None:
        urls = ["https://d.test/everywhere", "https://b.test/drop", "https://b.test/never", "https://b.test/x"]
        assert self.accepted(2, 5, *urls) == [urls[0], urls[3]]

    def test_links_beyond_the_scope(self) -> None:
        assert self.accepted(2, 5, "https://d.test/") == ["https://d.test/"]
        assert self.accepted(3, 5, "https://d.test/", "https://d.test/wanted", "https://c.test/drop") == [
            "https://c.test/drop"
        ]

    def test_query_parameters_that_are_left_out_are_left_out_of_seeds(self) -> None:
        config = CrawlConfig(seeds=("https://a.test/?sid=1 scope=page",), strip_query=("sid",))
        of = Scope.of(config, {1: ["https://a.test/"]}, 2026)
        assert not of.in_scope("https://a.test/x", 1)

    def test_seeds_of_different_kinds_find_what_a_sitemap_lists(self) -> None:
        seeds = {1: ["https://www.a.test/x/y"], 2: ["https://b.test/"], 3: ["https://www.a.test/z/"]}
        config = CrawlConfig(seeds=("https://www.a.test/x/y scope=domain", "https://www.a.test/z/ scope=prefix"))
        of = Scope.of(config, seeds, 2026)
        assert [of.seed_for(f"https://{url}") for url in ("sub.a.test/q", "www.a.test/z/1", "b.test/1", "c.test/")] == [
            1, 3, 2, None,
        ]  # fmt: skip
