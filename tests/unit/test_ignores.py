"""Ignore patterns: the file's lines, the ready-made sets, and the file read again while a crawl runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from crawler.config import CrawlConfig, InvalidSetting, ScopeKind
from crawler.ignorefile import INTERVAL, IgnoreFile
from crawler.model import Kind
from crawler.rules.ignores import Ignores, parse_ignores
from crawler.rules.ignoresets import SETS
from crawler.scope import Scope
from tests.support.fakeclock import FakeClock

HOST = "https://www.example.com"


def rule_of(of: Scope, url: str) -> str:
    return of.verdict(url, Kind.NAVIGATION, 1, 0, 1).rule


def scope_with(text: str, **options: object) -> Scope:
    of = Scope(ScopeKind.HOST, {1: [HOST + "/"]}, **options)  # type: ignore[arg-type]
    ignores, complaints = parse_ignores(text, "ignores")
    assert complaints == []
    of.ignore(ignores)
    return of


def test_patterns_comments_and_sets() -> None:
    ignores, complaints = parse_ignores("# a comment\n\n  /calendar/ \nset:forums\n[?]sort=#x\n/calendar/\n", "ignores")
    assert complaints == []
    assert ([each.pattern for each in ignores.patterns], ignores.sets) == (["/calendar/", "[?]sort=#x"], ("forums",))


def test_a_bad_line_is_named_and_costs_itself_alone() -> None:
    ignores, complaints = parse_ignores("good\n(bad\nset:nonsense\nset: wikis\n", "DIR/ignores")
    assert ([each.pattern for each in ignores.patterns], ignores.sets) == (["good"], ("wikis",))
    assert complaints == [
        "DIR/ignores:2: '(bad' is not a regular expression: missing ), unterminated subpattern at position 0",
        "DIR/ignores:3: there is no ignore set 'nonsense'; there are global, forums, calendars, wikis, shops",
    ]


def test_each_pattern_means_what_it_means_alone() -> None:
    of = scope_with("/a|/b\n(?i)UPPER\n(x)\\1\n^https://www[.]example[.]com/start\n(y)\\1\n")
    for path in ("/a", "/b", "/upper", "/xx", "/start", "/yy"):
        assert rule_of(of, HOST + path) == "ignores", path
    for path in ("/c", "/x", "/xy", "/c/start", "/A"):
        assert rule_of(of, HOST + path) == "scope", path


def test_ones_own_patterns_win_over_includes_and_sets_do_not() -> None:
    of = scope_with("mine\nset:global\n", include=["keep"])
    assert rule_of(of, HOST + "/?keep&utm_source=x") == "include"
    assert rule_of(of, HOST + "/?utm_source=x") == "ignore-set global"
    assert rule_of(of, HOST + "/keep/mine") == "ignores"
    [said] = [each for each in of.explain(HOST + "/mine", Kind.NAVIGATION, 1, 0, 1) if each.decided]
    assert (said.rule, said.why) == ("ignores", "matches mine")


def test_new_patterns_hold_at_once() -> None:
    of = scope_with("a")
    assert rule_of(of, HOST + "/a") == "ignores"
    of.ignore(Ignores())
    assert rule_of(of, HOST + "/a") == "scope"


WANTED = [
    "/", "/viewtopic.php?f=2&t=7", "/showthread.php?t=12&page=3", "/index.php?topic=5.0", "/t/some-title/123",
    "/wiki/Main_Page", "/index.php?title=Main_Page", "/w/index.php?title=X&action=raw", "/wiki/File:A.jpg",
    "/products/shoe", "/collections/all?page=2", "/?page_id=3", "/events/summer-party/", "/2024/05/calendar-of-saints/",
    "/calendar/", "/share/", "/post/?p=1", "/article?id=5&date=today", "/image?price=low", "/cart-horse/history",
]  # fmt: skip

UNWANTED = {
    "global": ["/?utm_source=x", "/post/?replytocom=12", "/post/?share=twitter&nb=1", "/xmlrpc.php?rsd"],
    "forums": ["/posting.php?mode=reply&t=1", "/viewtopic.php?t=1&view=print", "/index.php?action=login",
               "/newreply.php?do=newreply&p=3", "/threads/a-title.12/reply"],
    "calendars": ["/events/month/", "/events/?ical=1", "/calendar?year=2024&month=5", "/?tribe-bar-date=2024-05-01"],
    "wikis": ["/index.php?title=X&action=edit", "/index.php?title=X&oldid=12", "/wiki/Special:RecentChanges",
              "/doku.php?id=start&do=edit", "/start?rev=1234567"],
    "shops": ["/?add-to-cart=7", "/shop/?orderby=price", "/checkout/cart/add/id/3", "/customer/account/login/"],
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_a_set_leaves_out_what_it_is_for(name: str) -> None:
    of = scope_with(f"set:{name}")
    assert {path: rule_of(of, HOST + path) for path in UNWANTED[name]} == dict.fromkeys(
        UNWANTED[name], f"ignore-set {name}"
    )


def test_all_sets_together_leave_content_alone() -> None:
    of = scope_with("\n".join(f"set:{name}" for name in SETS))
    assert {path: rule_of(of, HOST + path) for path in WANTED} == dict.fromkeys(WANTED, "scope")


class TestTheFile:
    def test_it_is_read_again_when_it_has_changed(self, tmp_path: Path) -> None:
        clock, of = FakeClock(), scope_with("")
        file = IgnoreFile(tmp_path, ["global"], of, clock)
        assert rule_of(of, HOST + "/?utm_source=x") == "ignore-set global"
        (tmp_path / "ignores").write_text("late\n")
        file.refresh()
        assert rule_of(of, HOST + "/late") == "scope", "it does not look at it for each URL"
        clock.now += INTERVAL
        file.refresh()
        assert rule_of(of, HOST + "/late") == "ignores"
        assert rule_of(of, HOST + "/?utm_source=x") == "ignore-set global"
        (tmp_path / "ignores").unlink()
        clock.now += INTERVAL
        file.refresh()
        assert rule_of(of, HOST + "/late") == "scope"

    def test_what_is_wrong_with_it_is_told_once(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        clock, of, path = FakeClock(), scope_with(""), tmp_path / "ignores"
        path.write_text("good\n(\n")
        file = IgnoreFile(tmp_path, [], of, clock)
        clock.now += INTERVAL
        file.refresh()
        errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert [each.split(": ")[0] for each in errors] == [f"{path}:2"]
        assert rule_of(of, HOST + "/good") == "ignores"

    def test_what_cannot_be_read_changes_nothing(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        clock, of, path = FakeClock(), scope_with(""), tmp_path / "ignores"
        path.write_text("good\n")
        file = IgnoreFile(tmp_path, [], of, clock)
        path.write_bytes(b"\xff\xfe")
        os.utime(path, (1, 1))
        clock.now += INTERVAL
        file.refresh()
        assert "is not UTF-8 text" in caplog.text
        path.unlink()
        path.mkdir()
        clock.now += INTERVAL
        file.refresh()
        assert "Is a directory" in caplog.text
        assert rule_of(of, HOST + "/good") == "ignores"


def test_sets_are_options_too() -> None:
    assert CrawlConfig(ignore_sets=("global, forums", "wikis")).ignore_sets == ("global", "forums", "wikis")
    with pytest.raises(InvalidSetting, match="'forum' is not one of global, forums"):
        CrawlConfig(ignore_sets=("forum",))
