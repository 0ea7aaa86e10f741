"""robots.txt read by RFC 9309: what Google's cases leave out."""

from __future__ import annotations

import time

import pytest

from crawler.robotstxt import MAX_DELAY, MAX_SIZE, RobotsRules, crawl_delay, decode, sitemaps_in

CLOSED = "User-agent: *\nDisallow: /\n"


def allows(content: str | bytes, path: str, agent: str = "annals") -> bool:
    text = decode(content if isinstance(content, bytes) else content.encode())
    return RobotsRules(agent).allows(f"http://a.test{path}", text)


@pytest.mark.parametrize("line", ["annals", "Annals", "ANNALS/1.0", "annals (archive)", "annals*", "annals, other"])
def test_a_group_is_found_by_its_product_token(line: str) -> None:
    assert not allows(f"User-agent: {line}\nDisallow: /", "/x")


@pytest.mark.parametrize("line", ["a", "annal", "annals-image", "annalsbot", "my-annals", "*annals", "Mozilla annals"])
def test_a_part_of_a_name_is_another_name(line: str) -> None:
    assert allows(f"User-agent: {line}\nDisallow: /", "/x")


@pytest.mark.parametrize("agent", ["my.bot", "my.bot/2.1"])
def test_a_user_agent_that_is_no_token_is_cut_to_one(agent: str) -> None:
    assert not allows("User-agent: my.bot\nDisallow: /", "/x", agent)
    assert not allows("User-agent: my\nDisallow: /", "/x", agent)


def test_without_a_name_the_group_for_all_applies() -> None:
    assert not allows(CLOSED, "/x", "(none)")
    assert allows("User-agent: x\nDisallow: /", "/x", "(none)")


@pytest.mark.parametrize(
    "between", ["Crawl-delay: 5", "Sitemap: /s.xml", "Host: a.test", "Noindex: /", "junk", "<br />"]
)
def test_other_records_do_not_part_a_groups_names(between: str) -> None:
    text = f"User-agent: annals\n{between}\nUser-agent: other\nDisallow: /x\n"
    assert not allows(text, "/x")
    assert not allows(text, "/x", "other")


@pytest.mark.parametrize("spelling", ["Disallow:", "disallow :", "DISALLOW", "Dissallow:", "Disalow:"])
def test_a_rule_parts_groups_however_it_is_spelt(spelling: str) -> None:
    text = f"User-agent: other\n{spelling} /y\nUser-agent: annals\nDisallow: /x\n"
    assert allows(text, "/y")
    assert not allows(text, "/x")
    assert allows(text, "/x", "other")
    assert not allows(text, "/y", "other")


def test_groups_of_one_name_are_one() -> None:
    text = "User-agent: annals\nDisallow: /a\n\nUser-agent: *\nDisallow: /b\n\nUser-agent: annals\nDisallow: /c\n"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_the_standard_says(end: str) -> None:
    text = f"User-agent: *{end}Disallow: /a{end}Disallow: /b"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, False, True]


@pytest.mark.parametrize("character", ["\v", "\f", "\x85", "\u2028"])
def test_lines_end_nowhere_else(character: str) -> None:
    assert allows(f"User-agent: *\nDisallow: /a{character}Disallow: /b", "/b")


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert not allows(b"\xef\xbb\xbf" + CLOSED.encode(), "/x")


@pytest.mark.parametrize(("mark", "coding"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_utf16_that_says_so_is_read(mark: bytes, coding: str) -> None:
    rules = "User-agent: *\r\nDisallow: /private\r\nDisallow: /stra\u00dfe\r\nCrawl-delay: 3\r\nSitemap: http://a.test/m\r\n"
    content = mark + rules.encode(coding)
    assert decode(content) == rules
    assert not allows(content, "/private/x")
    assert not allows(content, "/stra%C3%9Fe")
    assert allows(content, "/public")
    assert (crawl_delay(decode(content), "annals"), sitemaps_in(decode(content))) == (3.0, ["http://a.test/m"])
    assert decode(content + b"\n").startswith(rules), "half a character at the end costs nothing else"


@pytest.mark.parametrize("letter", ["x", "\u00df", "\u20ac", "\U0001f600"])
def test_utf16_ends_at_the_same_limit_with_a_whole_line(letter: str) -> None:
    line = f"Disallow: /{letter * 5000}\n"
    text = decode(("\ufeff" + line * 120).encode("utf-16-le"))
    assert text == decode((line * 120).encode())
    assert text == (line * (MAX_SIZE // len(line.encode()))).removesuffix("\n")


def test_bytes_that_are_not_utf8_stand_for_themselves() -> None:
    content = b"User-agent: *\nDisallow: /caf\xe9\nDisallow: /\xe3\x83\x84\n"
    assert [allows(content, path) for path in ("/caf%E9", "/caf%e9", "/%E3%83%84", "/caf")] == [
        False,
        False,
        False,
        True,
    ]


def test_what_lies_beyond_the_limit_does_not_count() -> None:
    head, filler = b"User-agent: *\n", b"# " + b"x" * 97 + b"\n"
    full = head + filler * ((MAX_SIZE - len(head)) // len(filler) - 1)
    assert not allows(full + b"Disallow: /x\n", "/x")
    assert allows(full + filler * 2 + b"Disallow: /x\n", "/x")


def test_a_rule_that_the_limit_cuts_in_two_is_none() -> None:
    head, rule = b"User-agent: *\n#", b"\nDisallow: /private\n"
    for cut in range(1, len(rule) - 1):
        assert allows(head + b"x" * (MAX_SIZE - len(head) - cut) + rule + b"#", "/open"), cut
    assert not allows(head + b"x" * (MAX_SIZE - len(head) - len(rule)) + rule + b"#", "/private")


@pytest.mark.parametrize(
    "content",
    [
        b"<!doctype html>\n<title>Disallow: /</title>\n<p>User-agent: * is what we\nDisallow: /\n",
        b"<html><body><pre>\nDisallow: /\n</pre></body></html>",
        bytes(range(256)) * 40,
        b"\xff\xfeU\0s\0e\0r\0",
        b"\0" * 1000,
        b"",
    ],
)
def test_what_is_no_robots_txt_allows_everything(content: bytes) -> None:
    assert allows(content, "/x")
    assert crawl_delay(decode(content), "annals") == 0


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Crawl-delay: 5", 5), ("crawl-delay:0.5", 0.5), ("Crawl-delay : .25", 0.25), ("Crawl delay 7", 7),
        ("Crawl-delay: 10 # s", 10), ("Crawl-delay: 10s", 10), ("Crawl-delay: 999999", MAX_DELAY),
        ("Crawl-delay: -1", 0), ("Crawl-delay: nan", 0), ("Crawl-delay: inf", 0), ("Crawl-delay: 1e9", 0),
        ("Crawl-delay:", 0),
    ],
)  # fmt: skip
def test_crawl_delay(line: str, seconds: float) -> None:
    assert crawl_delay(f"User-agent: *\n{line}\nDisallow:\n", "annals") == seconds


def test_crawl_delay_is_that_of_the_crawlers_own_group() -> None:
    text = "User-agent: *\nCrawl-delay: 9\n\nUser-agent: annals\nDisallow: /x\n"
    assert (crawl_delay(text, "annals"), crawl_delay(text, "other")) == (0, 9)


def test_sitemaps_belong_to_no_group() -> None:
    text = "Sitemap: https://a.test/1.xml\nUser-agent: other\nDisallow: /\nsitemap:/2.xml # two\n"
    text += "SITEMAP : /1.xml\nsitemap: /2.xml\n"
    assert sitemaps_in(text) == ["https://a.test/1.xml", "/2.xml", "/1.xml"]


def test_wildcards_beyond_the_thousandth_forbid_what_stands_before_them_and_allow_nothing() -> None:
    many = "".join(f"Disallow: /{number}*x\nAllow: /{number}/y$\n" for number in range(600))
    late = "Disallow: /late/*.pdf\nAllow: /closed/*/open\nDisallow: /closed\nAllow: /z/plain\nDisallow: /z\n"
    text = f"User-agent: *\n{many}{late}"
    paths = ("/7/x", "/7/y", "/7", "/599/x", "/late/1", "/latest", "/closed/1/open", "/z/plain", "/z/other")
    assert [allows(text, path) for path in paths] == [False, True, True, False, False, True, False, True, False]
    assert [allows(f"User-agent: *\n{late}", path) for path in ("/closed/1/open", "/late/1")] == [True, True]


@pytest.mark.parametrize(
    "rule", ["Disallow: /*{}q", "Disallow: /{}$", "Allow: /*{}*a*b", "Disallow: *{}", "Disallow: /{}"]
)
def test_tens_of_thousands_of_rules_cost_a_url_a_few_milliseconds_at_most(rule: str) -> None:
    """The processor's time, so that a busy machine does not matter; 64 ms before there was a bound."""
    text = decode(b"User-agent: *\n" + "".join(f"{rule.format(n)}\n" for n in range(40_000)).encode())
    rules = RobotsRules("annals")
    assert rules.is_heavy(text)
    rules.keep(text, rules.parse(text))
    assert not rules.is_heavy(text)
    url = "http://a.test/" + "abc/" * 500
    began = time.process_time()
    for _ in range(10):
        rules.allows(url, text)
    assert (time.process_time() - began) / 10 < 0.02


def test_rules_of_hosts_asked_long_ago_are_forgotten() -> None:
    rules = RobotsRules("annals")
    texts = [f"User-agent: *\nDisallow: /{number}\n#{'x' * 100_000}\n" for number in range(400)]
    for _ in range(2):
        for number, text in enumerate(texts[::200]):
            assert not rules.allows(f"http://a.test/{number * 200}", text)
    for text in texts:
        assert rules.allows("http://a.test/", text)
    assert sum(map(len, rules._parsed)) == rules._characters <= 16 << 20
