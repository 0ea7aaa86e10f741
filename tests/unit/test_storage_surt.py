"""SURT keys: vectors that pywb's canonicalisation gives, and its library beside ours where that is installed."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import surt

SESSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://example.com", "com,example)/"),
        ("https://www.example.com:443/", "com,example)/"),
        ("http://www2.Example.com:80/a/../b//c/./d/?B=2&a=1#x", "com,example)/b/c/d?a=1&b=2"),
        ("ftp://ftp.example.com/x", "com,example,ftp)/x"),
        ("http://user:pw@example.com/", "com,example)/"),
        ("http://1.2.3.4/x", "4,3,2,1)/x"),
        ("http://127.0.0.1:8100/", "1,0,0,127:8100)/"),
        ("http://[::1]:8080/a", "::1:8080)/a"),
        ("http://3279880203/blah", "11,0,127,195)/blah"),
        ("http://017.1.1.1/", "1,1,1,15)/"),
        ("http://0x7f.1/", "1,0x7f)/"),
        ("http://demo.test/", "test,demo)/"),
        ("https://example.com:80/", "com,example:80)/"),
        ("http://example.com./", "com,example)/"),
        ("http://bücher.example/", "example,xn--bcher-kva)/"),
        ("http://xn--bcher-kva.example/", "example,xn--bcher-kva)/"),
        ("http://www.com/", "com)/"),
        ("http://www./", "www)/"),
        ("http://example.com/?", "com,example)/"),
        ("http://example.com/a?&", "com,example)/a?&"),
        ("http://example.com/a?b&a=", "com,example)/a?a=&b"),
        ("http://a.b/?x=1&x", "b,a)/?x&x=1"),
        ("http://example.com/%7Ea/%2e%2e/b%2Fc", "com,example)/b/c"),
        ("http://example.com/a%20b c", "com,example)/a%20b%20c"),
        ("http://example.com/é", "com,example)/%c3%a9"),
        ("http://example.com/A?X=%23&y=%26z", "com,example)/a?x=%23&y=&z"),
        ("http://example.com/..", "com,example)/.."),
        ("http://example.com/../..", "com,example)/"),
        ("http://example.com/a/", "com,example)/a"),
        ("http://example.com/%25%32%35", "com,example)/%25"),
        ("http://example.com/%00", "com,example)/%00"),
        ("http://example.com/a%3Fb", "com,example)/a?b"),
        (f"http://example.com/?jsessionid={SESSION}&x=1", "com,example)/?x=1"),
        (f"http://example.com/?x=1&PHPSESSID={SESSION}&y=2", "com,example)/?x=1&y=2"),
        ("http://example.com/?cfid=1&cftoken=2&z=3", "com,example)/?z=3"),
        ("http://example.com/(s(0123456789abcdefghijklmn))/x.aspx?a", "com,example)/x.aspx?a"),
        ("http://http://example.com/", "com,example)/"),
        ("example.com/a", "com,example)/a"),
        ("dns:example.com", "dns:example.com"),
        ("mailto:a@B.c", "mailto:a@b.c"),
        ("urn:some:Id", "urn:some:id"),
        ("", "-"),
    ],
)
def test_known_keys(url: str, key: str) -> None:
    assert surt(url) == key


@given(st.text(max_size=40), st.sampled_from(["http://", "https://", "http:", "", "http://a/", "http://a/?"]))
def test_a_key_is_always_one_plain_word(text: str, start: str) -> None:
    key = surt(start + text)
    assert key
    assert key.isascii()
    assert all("!" <= character <= "~" for character in key)


@pytest.mark.parametrize(
    "url",
    ["http://a:b:c/", "http://a:x/", "http://a:99999999999/", "http://[::1/", "http://", "\n", "http://\ud800/", ":"],
)
def test_nonsense_has_a_key_too(url: str) -> None:
    assert surt(url).isascii()


HOSTS = ["example.com", "www.a.b", "WWW12.Ex.org", "1.2.3.4", "017.1.2", "3279880203", "256.1.1.1", "x..y."]
SEGMENTS = ["a", "B", "..", ".", "", "%2e%2e", "%25%41", "é", "c d", "x;y", "(0123456789abcdefghijklmn)", "p.aspx"]
FIELDS = ["a=1", "B=2", "b", "", "=", f"sid={SESSION}", "cfid=1&cftoken=2", f"PHPSESSID={SESSION}", "x=%26y", "%"]
URLS = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}{path}{query}",
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", "", ":80", ":443", ":8080"]),
    st.lists(st.sampled_from(SEGMENTS), max_size=5).map(lambda parts: "".join("/" + part for part in parts)),
    st.just("") | st.lists(st.sampled_from(FIELDS), max_size=4).map(lambda fields: "?" + "&".join(fields)),
)


@given(URLS)
def test_the_same_keys_as_pywb_uses(url: str) -> None:
    assert surt(url) == _reference()(url)


def _reference() -> Callable[[str], str]:
    """The library behind pywb and cdxj-indexer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its regular expressions are old style
        try:
            module = importlib.import_module("surt")
        except ImportError:
            pytest.skip("surt is not installed")
    reference: Callable[[str], str] = module.surt
    return reference
