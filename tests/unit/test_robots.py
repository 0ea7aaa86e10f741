"""What an answer to a request for robots.txt means (RFC 9309 section 2.3), case by case."""

from __future__ import annotations

import pytest

from crawler.frontier import RobotsAnswer
from crawler.model import FailureKind, Truncation
from crawler.robots import BARRED_SECONDS, CACHE_SECONDS, MAX_HOPS, UNREACHABLE_SECONDS, answer_of
from crawler.robotstxt import MAX_SIZE, RobotsRules
from tests.support.exchanges import answered, failed

URL = "http://a.test/robots.txt"
ALLOW_ALL = RobotsAnswer(text="")


@pytest.mark.parametrize("status", [200, 203, 206, 299])
def test_2xx_are_rules(status: int) -> None:
    body = b"User-agent: *\nDisallow: /x\nCrawl-delay: 7\n"
    answer = answer_of(answered(status, url=URL, body=body), 0, "annals")
    assert answer == RobotsAnswer(text=body.decode(), expires_in=CACHE_SECONDS, crawl_delay=7.0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [("/r.txt", "http://a.test/r.txt"), ("https://b.test/robots.txt#x", "https://b.test/robots.txt")],
)
def test_redirects_are_followed(status: int, location: str, target: str) -> None:
    for hops in range(MAX_HOPS):
        answer = answer_of(answered(status, ("Location", location), url=URL), hops, "annals")
        assert answer == RobotsAnswer(next_url=target)


def test_five_redirects_are_followed_and_a_sixth_is_as_good_as_none() -> None:
    assert MAX_HOPS >= 5
    assert answer_of(answered(301, ("Location", "/r"), url=URL), MAX_HOPS, "annals") == ALLOW_ALL


@pytest.mark.parametrize("headers", [(), (("Location", "mailto:x@a.test"),), (("Location", "http://[bad/"),)])
def test_a_redirect_to_nowhere_is_as_good_as_none(headers: tuple[tuple[str, str], ...]) -> None:
    assert answer_of(answered(302, *headers, url=URL), 0, "annals") == ALLOW_ALL


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451, 499])
def test_4xx_allow_everything(status: int) -> None:
    assert answer_of(answered(status, url=URL, body=b"User-agent: *\nDisallow: /"), 0, "annals") == ALLOW_ALL


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_5xx_and_429_forbid_everything_for_an_hour(status: int) -> None:
    answer = answer_of(answered(status, url=URL), 0, "annals")
    assert answer.refusal == f"robots.txt answered {status}"
    assert (answer.text, answer.failure, answer.expires_in) == (None, FailureKind.ROBOTS, UNREACHABLE_SECONDS)


@pytest.mark.parametrize("kind", [FailureKind.DNS, FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.NOT_HTTP])
def test_unreachable_forbids_everything_and_says_why(kind: FailureKind) -> None:
    answer = answer_of(failed(kind, "no route"), 0, "annals")
    assert answer == RobotsAnswer(refusal="no route", failure=kind, expires_in=UNREACHABLE_SECONDS)


def test_an_answer_that_was_cut_off_is_none() -> None:
    answer = answer_of(answered(200, url=URL, truncated=Truncation.DISCONNECT), 0, "annals")
    assert answer.refusal == "truncated: disconnect"


def test_one_cut_off_for_its_length_has_said_enough() -> None:
    body = b"User-agent: *\nDisallow: /x\n"
    answer = answer_of(answered(200, url=URL, body=body, truncated=Truncation.LENGTH), 0, "annals")
    assert answer.text == body.decode()


def test_an_address_that_is_barred_is_asked_about_soon_again() -> None:
    answer = answer_of(failed(FailureKind.ADDRESS, "private"), 0, "annals")
    assert (answer.refusal, answer.expires_in) == ("private", BARRED_SECONDS)
    assert answer_of(failed(FailureKind.ADDRESS, "private"), 1, "annals") == ALLOW_ALL


def test_a_byte_order_mark_is_not_text() -> None:
    answer = answer_of(answered(200, url=URL, body=b"\xef\xbb\xbfUser-agent: *\nDisallow: /"), 0, "annals")
    assert answer.text is not None
    assert not RobotsRules("annals").allows("http://a.test/x", answer.text)


def test_500_kib_are_read() -> None:
    filler = b"# " + b"x" * 97 + b"\n"
    lines = b"User-agent: *\nDisallow: /before\n" + filler * (MAX_SIZE // 100 + 1) + b"Disallow: /after\n"
    answer = answer_of(answered(200, url=URL, body=lines), 0, "annals")
    assert answer.text is not None
    rules = RobotsRules("annals")
    assert not rules.allows("http://a.test/before", answer.text)
    assert rules.allows("http://a.test/after", answer.text)


@pytest.mark.parametrize(
    ("written", "seconds"), [("5", 5.0), ("0.5", 0.5), ("99999", 3600.0), ("nan", 0.0), ("-3", 0.0)]
)
def test_crawl_delay_is_a_number_of_seconds_within_reason(written: str, seconds: float) -> None:
    body = f"User-agent: *\nCrawl-delay: {written}\n".encode()
    assert answer_of(answered(200, url=URL, body=body), 0, "annals").crawl_delay == seconds


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://a.test/robots.txt", True),
        ("http://a.test:8080/robots.txt", True),
        ("http://a.test/", False),
        ("http://a.test/x/robots.txt", False),
        ("http://a.test/robots.txt.html", False),
        ("http://a.test/?/robots.txt", False),
    ],
)
def test_robots_txt_itself_is_always_allowed(url: str, allowed: bool) -> None:
    assert RobotsRules("annals").allows(url, "User-agent: *\nDisallow: /") is allowed
