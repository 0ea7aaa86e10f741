"""URLs by the WHATWG standard; what a seeds line may say; joining each distinct reference once."""

from __future__ import annotations

import pytest

from crawler import urls
from crawler.urls import Joiner, Origin, directory_of, host_of, join, normalize, origin, origin_text, seed_url


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("HTTP://EXAMPLE.com:80/a/../b/./c?x=1#frag", "http://example.com/b/c?x=1"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://bücher.example/ä?ö", "https://xn--bcher-kva.example/%C3%A4?%C3%B6"),
        ("  https://example.com/a b\n", "https://example.com/a%20b"),
        ("https:\\\\example.com\\x", "https://example.com/x"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080/"),
        ("https://user:secret@example.com/@x?a@b", "https://example.com/@x?a@b"),
        ("https://us%40er:a@b:c@example.com:8080/p", "https://example.com:8080/p"),
        ("https://example.com/?#", "https://example.com/?"),
        ("https://example.com/\ud800\ud83d\ude00", "https://example.com/%EF%BF%BD%F0%9F%98%80"),
        ("https://example.com/%0d%0aX:y\r\n", "https://example.com/%0d%0aX:y"),
    ],
)
def test_normalises(given: str, expected: str) -> None:
    assert normalize(given) == expected
    assert normalize(expected) == expected


@pytest.mark.parametrize(
    "junk",
    [
        "", " ", "example.com", "/path", "ftp://example.com/", "mailto:a@example.com", "javascript:void(0)",
        "data:text/html,x", "http://", "https://exa mple.com/", "http://[::1", "http://a:99999/", "http://%00/",
        "http://1.2.3.256/", "blob:https://example.com/x",
    ],
)  # fmt: skip
def test_junk_is_none_and_raises_nothing(junk: str) -> None:
    assert normalize(junk) is None


def test_a_url_has_a_longest_length() -> None:
    url = "https://example.com/" + "a" * (urls.MAX_LENGTH - 20)
    assert len(url) == urls.MAX_LENGTH
    assert normalize(url) == url
    assert normalize(url + "a") is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("c.html", "http://h/a/c.html"),
        ("./c", "http://h/a/c"),
        ("../c", "http://h/c"),
        ("../../../c", "http://h/c"),
        ("/c", "http://h/c"),
        ("//other/c", "http://other/c"),
        ("\\\\other\\c", "http://other/c"),
        ("?q", "http://h/a/b?q"),
        (" \t?q", "http://h/a/b?q"),
        ("http:?q", "http://h/a/b?q"),
        ("http:c", "http://h/a/c"),
        ("https:c", "https://c/"),
        ("c\n\td", "http://h/a/cd"),
        ("", "http://h/a/b?x=/y"),
        ("#f", "http://h/a/b?x=/y"),
        ("https://user@other/x#y", "https://other/x"),
        ("mailto:x", None),
        ("http://a b/", None),
    ],
)
def test_joins(reference: str, expected: str | None) -> None:
    base = "http://h/a/b?x=/y"
    assert join(base, reference) == expected
    joiner = Joiner()
    assert [joiner.at(base)(reference) for _ in range(3)] == [expected] * 3


def test_a_joiner_asks_once_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counting(base: str, reference: str) -> str | None:
        asked.append(reference)
        return join(base, reference)

    monkeypatch.setattr(urls, "join", counting)
    joiner = Joiner()
    references = ["x.html", "../y", "/z", "https://other/", "?q", "javascript:x"]
    for page in ("http://h/d/1", "http://h/d/2?query/with/slashes", "http://h/e/3"):
        joined = joiner.at(page)
        assert [joined(reference) for reference in references] == [join(page, r) for r in references[:5]] + [None]
    assert sorted(asked) == sorted(["x.html", "../y"] * 2 + ["/z", "https://other/"] + ["?q"] * 3)


def test_a_query_reference_is_not_taken_for_another_page_of_the_directory() -> None:
    joiner = Joiner()
    assert joiner.at("http://h/d/one")("?q") == "http://h/d/one?q"
    assert joiner.at("http://h/d/two")("?q") == "http://h/d/two?q"
    assert joiner.at("http://h/d/two")("http:\t?q") == "http://h/d/two?q"
    assert joiner.at("http://h/d/one")("http:\t?q") == "http://h/d/one?q"


def test_root_relative_references_stay_on_their_origin() -> None:
    joiner = Joiner()
    assert joiner.at("http://h/d/")("/x") == "http://h/x"
    assert joiner.at("https://h/d/")("/x") == "https://h/x"
    assert joiner.at("http://h:81/d/")("/x") == "http://h:81/x"
    assert joiner.at("https://h/d/")("//o/x") == "https://o/x"


def test_a_joiner_is_bounded_and_forgets_the_oldest() -> None:
    joiner = Joiner(max_entries=100)
    for page in range(50):
        joined = joiner.at(f"http://h/{page}/")
        for link in range(30):
            assert joined(f"{link}.html") == f"http://h/{page}/{link}.html"
        assert len(joiner) <= 100
    assert len(joiner) > 0
    assert joiner.at("http://h/0/")("1.html") == "http://h/0/1.html"
    joiner.at("http://h/")("x" * 100_000)
    assert len(joiner) <= 100


def test_more_references_than_a_joiner_holds() -> None:
    joiner = Joiner(max_entries=10)
    joined = joiner.at("http://h/")
    assert [joined(str(i)) for i in range(100)] == [f"http://h/{i}" for i in range(100)]
    assert len(joiner) <= 10


@pytest.mark.parametrize(
    ("url", "value", "text"),
    [
        ("https://example.com/x/y", Origin("https", "example.com", 443), "https://example.com"),
        ("http://a/", Origin("http", "a", 80), "http://a"),
        ("http://example.com:8080/a:b", Origin("http", "example.com", 8080), "http://example.com:8080"),
        ("http://[::1]/x", Origin("http", "[::1]", 80), "http://[::1]"),
        ("https://[::1]:8443/x", Origin("https", "[::1]", 8443), "https://[::1]:8443"),
        ("https://example.com:80/", Origin("https", "example.com", 80), "https://example.com:80"),
    ],
)
def test_origins(url: str, value: Origin, text: str) -> None:
    assert origin(url) == value
    assert str(value) == origin_text(url) == text
    assert host_of(url) == value.host


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("http://h/", "http://h/"),
        ("http://h/a", "http://h/"),
        ("http://h/a/", "http://h/a/"),
        ("http://h/a/b?c/d/", "http://h/a/"),
        ("http://h/?/", "http://h/"),
    ],
)
def test_directories(url: str, directory: str) -> None:
    assert directory_of(url) == directory


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("https://example.com/", "https://example.com/"),
        ("http://example.com/x#y", "http://example.com/x"),
        ("HTTP://example.com", "http://example.com/"),
        ("example.com", "https://example.com/"),
        ("  example.com/x?y=http://z/ \n", "https://example.com/x?y=http://z/"),
        ("example.com:8080/x", "https://example.com:8080/x"),
        ("example.com:8080", "https://example.com:8080/"),
        ("localhost:8080?x", "https://localhost:8080/?x"),
        ("//example.com/x", "https://example.com/x"),
        ("[::1]:8080/x", "https://[::1]:8080/x"),
        ("192.0.2.1", "https://192.0.2.1/"),
        ("bücher.example/straße", "https://xn--bcher-kva.example/stra%C3%9Fe"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https:example.com", "https://example.com/"),
        ("example.com/@user", "https://example.com/@user"),
    ],
)
def test_a_seed_needs_no_scheme(line: str, expected: str) -> None:
    assert seed_url(line) == expected


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ftp://example.com/", "neither http nor https"),
        ("mailto:someone@example.com", "neither http nor https"),
        ("javascript:alert(1)", "neither http nor https"),
        ("htp://example.com", "neither http nor https"),
        ('"http://a.test/"', "has a quotation mark where its host should be"),
        ("\u201chttp://a.test/\u201d", "has a quotation mark where its host should be"),
        ("http://", "names no host"),
        ("https:///path", "names no host"),
        ("http://?x", "names no host"),
        ("", "names no host"),
        ("/path", "names no host"),
        ("#", "names no host"),
        ("not a url with spaces", "not a valid URL"),
        ("https://exa mple.com/", "not a valid URL"),
        ("example.com:99999/", "not a valid URL"),
        ("http://[::1", "not a valid URL"),
        ("https://user:pw@example.com/", "user name"),
        ("someone@example.com", "user name"),
        ("https://https://example.com/", "scheme where its host"),
        ("http//example.com/", "scheme where its host"),
    ],
)
def test_a_seed_that_is_no_web_address(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        seed_url(line)
    assert repr(line.strip()) in str(raised.value)
