"""The cookie jar: who gets which cookie back, by the rules of rfc6265bis and the examples of RFC 6265."""

from __future__ import annotations

import random

import pytest

from crawler.identity.cookies import (
    MAX_AGE,
    MAX_COOKIES,
    MAX_FIELDS,
    MAX_PER_DOMAIN,
    Cookie,
    CookieJar,
    default_path,
    path_matches,
)

SITE = "https://www.example.com/"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jar(clock: Clock) -> CookieJar:
    return CookieJar(clock)


def sent(jar: CookieJar, url: str) -> str:
    header = jar.header(url)
    return "" if header is None else header.value


def test_rfc_6265_section_3_1(jar: CookieJar, clock: Clock) -> None:
    jar.receive(SITE, ["SID=31d4d96e407aad42"])
    assert sent(jar, SITE) == "SID=31d4d96e407aad42"
    jar.receive(SITE, ["SID=31d4d96e407aad42; Path=/; Domain=example.com"])
    assert sent(jar, "https://other.example.com/") == "SID=31d4d96e407aad42"
    jar = CookieJar(clock)
    clock.now += 1
    jar.receive(SITE, ["SID=31d4d96e407aad42; Path=/; Secure; HttpOnly", "lang=en-US; Path=/; Domain=example.com"])
    assert sent(jar, SITE) == "SID=31d4d96e407aad42; lang=en-US"
    jar.receive(SITE, ["lang=; Domain=example.com; Path=/; Expires=Sun, 06 Nov 1994 08:49:37 GMT"])
    assert sent(jar, SITE) == "SID=31d4d96e407aad42"


@pytest.mark.parametrize(
    ("url", "field", "gets", "not_"),
    [
        (SITE, "a=1", [SITE, "http://www.example.com/x", "https://www.example.com:8443/"],
         ["https://example.com/", "https://x.www.example.com/", "https://wwwwexample.com/"]),
        (SITE, "a=1; Domain=example.com", [SITE, "https://example.com/", "https://a.b.example.com/"],
         ["https://badexample.com/", "https://example.com.evil.test/", "https://com/"]),
        (SITE, "a=1; Domain=.EXAMPLE.com", [SITE, "https://example.com/"], []),
        (SITE, "a=1; Domain=www.example.com", [SITE, "https://x.www.example.com/"], ["https://example.com/"]),
        (SITE, "a=1; Domain=other.test; Domain=", [SITE], ["https://example.com/", "https://other.test/"]),
        ("https://www.example.com/a/b?c/d", "a=1", ["https://www.example.com/a", "https://www.example.com/a/x"],
         [SITE, "https://www.example.com/ab"]),
        (SITE, "a=1; Path=/docs", [SITE + "docs", SITE + "docs/", SITE + "docs/x", SITE + "docs?x"],
         [SITE, SITE + "docsx", SITE + "doc"]),
        (SITE, "a=1; Path=/docs/", [SITE + "docs/", SITE + "docs/x"], [SITE + "docs"]),
        (SITE + "x/y", "a=1; Path=nonsense", [SITE + "x"], [SITE]),
        (SITE, "a=1; Secure", [SITE], ["http://www.example.com/"]),
        ("http://192.0.2.7/", "a=1", ["http://192.0.2.7/"], ["http://192.0.2.8/", "http://2.7/"]),
        ("http://192.0.2.7/", "a=1; Domain=192.0.2.7", ["http://192.0.2.7/"], ["http://1.192.0.2.7/"]),
        ("http://[2001:db8::7]/", "a=1", ["http://[2001:db8::7]/"], ["http://[2001:db8::8]/"]),
        ("https://github.io/", "a=1; Domain=github.io", ["https://github.io/"], ["https://x.github.io/"]),
        ("http://localhost/", "a=1; Domain=localhost", ["http://localhost/"], ["http://x.localhost/"]),
    ],
)  # fmt: skip
def test_who_gets_it_back(jar: CookieJar, url: str, field: str, gets: list[str], not_: list[str]) -> None:
    assert jar.receive(url, [field])
    assert {target: sent(jar, target) for target in gets} == dict.fromkeys(gets, "a=1")
    assert {target: sent(jar, target) for target in not_} == dict.fromkeys(not_, "")


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (SITE, "a=1; Domain=com"),
        (SITE, "a=1; Domain=other.com"),
        (SITE, "a=1; Domain=x.www.example.com"),
        (SITE, "a=1; Domain=ww.example.com"),
        ("https://x.co.uk/", "a=1; Domain=co.uk"),
        ("https://x.github.io/", "a=1; Domain=github.io"),
        ("https://a.test/", "a=1; Domain=test"),
        ("http://192.0.2.7/", "a=1; Domain=2.7"),
        ("http://192.0.2.7/", "a=1; Domain=0.2.7"),
        ("http://www.example.com/", "a=1; Secure"),
        ("http://www.example.com/", "__Secure-a=1"),
        (SITE, "__Secure-a=1"),
        (SITE, "__Host-a=1; Secure; Path=/; Domain=www.example.com"),
        (SITE, "__Host-a=1; Secure"),
        (SITE, "__HOST-a=1; Path=/"),
        (SITE, "=__Host-a=1; Secure; Path=/"),
        (SITE, "a=1; Max-Age=0"),
        (SITE, "a=1; Max-Age=-5; Expires=Sun, 06 Nov 2094 08:49:37 GMT"),
        (SITE, "a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT"),
        (SITE, "a=\x011"),
        (SITE, "a=\x7f"),
        (SITE, "a=\xff"),
        (SITE, f"a={'b' * 4096}"),
        (SITE, ""),
        (SITE, "="),
        (SITE, " ; Path=/"),
    ],
)
def test_what_is_not_taken(jar: CookieJar, url: str, field: str) -> None:
    assert not jar.receive(url, [field])
    assert list(jar) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("a", "a"), ("=a", "a"), (" a = b c ", "a=b c"), ("a=b=c", "a=b=c"), ('a="b;c"', 'a="b'), ("a=", "a="),
     ("a=\xc3\xa9", "a=é"), ("a=1;;; ;secure=no", "a=1"), ("a=1\t; Path=/", "a=1"),
     (f"a={'b' * 4095}", f"a={'b' * 4095}"), ("__Host-a=1; Secure; Path=/", "__Host-a=1"),
     (f"a=1; Domain=com{' ' * 1024}", "a=1")],
)  # fmt: skip
def test_names_and_values(jar: CookieJar, field: str, value: str) -> None:
    assert jar.receive(SITE, [field])
    assert sent(jar, SITE) == value


def test_longer_paths_first_then_older(jar: CookieJar, clock: Clock) -> None:
    for field in ("old=1; Path=/", "deep=2; Path=/a/b", "new=3; Path=/", "old=4; Path=/"):
        clock.now += 1
        jar.receive(SITE, [field])
    assert sent(jar, SITE + "a/b") == "deep=2; old=4; new=3"


def test_a_plain_connection_does_not_touch_a_secure_cookie(jar: CookieJar) -> None:
    jar.receive(SITE, ["sid=good; Secure; Path=/"])
    assert not jar.receive("http://www.example.com/", ["sid=evil; Path=/"])
    assert not jar.receive("http://www.example.com/", ["sid=evil; Path=/x; Domain=example.com"])
    assert sent(jar, SITE + "x") == "sid=good"


@pytest.mark.parametrize(
    ("field", "lifetime"),
    [("a=1; Max-Age=60", 60), ("a=1; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT", 60),
     ("a=1; Max-Age=9999999999999999999999", MAX_AGE), ("a=1; Expires=Sun, 09 Sep 2001 01:46:50 GMT", 10),
     ("a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT", MAX_AGE), ("a=1; Max-Age=6x; Expires=09 Sep 01 01:46:50", 10)],
)  # fmt: skip
def test_how_long_it_lives(jar: CookieJar, clock: Clock, field: str, lifetime: float) -> None:
    jar.receive(SITE, [field])
    clock.now += lifetime - 1
    assert sent(jar, SITE) == "a=1"
    clock.now += 1
    assert sent(jar, SITE) == ""


@pytest.mark.parametrize("field", ["a=1", "a=1; Max-Age=soon", "a=1; Expires=later", "a=1; Expires=32 Dec 2001 1:2:3"])
def test_without_a_time_it_lives_as_long_as_the_crawl(jar: CookieJar, clock: Clock, field: str) -> None:
    jar.receive(SITE, [field])
    clock.now += 10 * MAX_AGE
    assert sent(jar, SITE) == "a=1"


def test_only_what_changes_what_is_sent_counts_as_a_change(jar: CookieJar) -> None:
    assert jar.receive(SITE, ["a=1; Path=/"])
    assert not jar.receive(SITE, ["a=1; Path=/"])
    assert jar.receive(SITE, ["a=2; Path=/"])
    assert jar.receive(SITE, ["a=; Path=/; Max-Age=0"])
    assert not jar.receive(SITE, ["a=; Path=/; Max-Age=0"])


def test_a_hosts_share_and_the_whole_are_bounded(clock: Clock, rng: random.Random) -> None:
    jar = CookieJar(clock)
    jar.put(Cookie("www.example.com", "/", "mine", "1", given=True))
    for number in range(MAX_PER_DOMAIN + 50):
        clock.now += 1
        jar.receive(SITE, [f"n{number}=1"])
    names = [cookie.name for cookie in jar]
    assert len(names) == MAX_PER_DOMAIN
    assert "mine" in names
    assert "n0" not in names
    for number in range(MAX_COOKIES + 500):
        clock.now += 1
        jar.receive(f"https://h{rng.randrange(10**9)}.test/", [f"n{number}=1"])
    assert len(list(jar)) == MAX_COOKIES
    assert "mine" in [cookie.name for cookie in jar]


def test_of_a_flood_in_one_answer_the_last_are_taken(jar: CookieJar) -> None:
    """Each costs a search among those there are: ten thousand would hold everything up for most of a second."""
    assert jar.receive(SITE, [f"n{number}=1" for number in range(10 * MAX_FIELDS)])
    last = [f"n{number}" for number in range(10 * MAX_FIELDS - MAX_PER_DOMAIN, 10 * MAX_FIELDS)]
    assert [cookie.name for cookie in jar] == last
    other = CookieJar()
    assert not other.receive(SITE, ["a=1", *[""] * MAX_FIELDS]), "one beyond them"


def test_a_snapshot_carries_everything(jar: CookieJar, clock: Clock) -> None:
    assert jar.snapshot() is None
    jar.receive(SITE, ["a=1; Path=/x; Secure", "b=\xc3\xa9; Domain=example.com; Max-Age=60"])
    jar.give([Cookie("example.com", "/", "c", "3", host_only=False, given=True)], "digest")
    snapshot = jar.snapshot()
    assert snapshot is not None
    assert jar.snapshot() is not None, "not durable yet"
    jar.saved(snapshot[0])
    assert jar.snapshot() is None
    other = CookieJar(clock)
    other.restore(snapshot[1])
    assert list(other) == list(jar)
    assert other.snapshot() is None
    assert not other.give([Cookie("example.com", "/", "c", "0")], "digest"), "the same file is not read again"
    assert other.give([Cookie("example.com", "/", "c", "4", host_only=False, given=True)], "another")
    assert sent(other, "https://example.com/") == "c=4; b=é"


def test_what_the_user_gave_stays_known_as_that(jar: CookieJar) -> None:
    jar.put(Cookie("www.example.com", "/", "sid", "1", given=True))
    jar.receive(SITE, ["sid=2; Path=/"])
    header = jar.header(SITE)
    assert header is not None
    assert (header.value, header.given) == ("sid=2", True)
    jar.receive("https://b.test/", ["x=1"])
    assert (other := jar.header("https://b.test/")) is not None
    assert not other.given


@pytest.mark.parametrize(
    ("path", "expected"), [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("/a/b/c.html", "/a/b")]
)
def test_default_paths(path: str, expected: str) -> None:
    assert default_path(path) == expected
    assert path_matches(path, expected)
