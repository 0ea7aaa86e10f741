"""cookies.txt: what is read from it, and how each mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import UsageError
from crawler.identity.cookies import Cookie, CookieJar
from crawler.identity.cookiesfile import give_cookies, parse_cookies

FILE = (
    "# Netscape HTTP Cookie File\n"
    "# https://curl.se/docs/http-cookies.html\n"
    "\n"
    ".example.com\tTRUE\t/\tTRUE\t4102444800\tsid\t1a=2b\r\n"
    "www.example.com\tFALSE\t/docs\tFALSE\t0\tlang\ten\n"
    "#HttpOnly_example.org\tTRUE\t/\tfalse\t4102444800.5\thidden\t\n"
    "192.0.2.7\tTRUE\t/\tFALSE\t0\tempty\n"
    "Bücher.example\tFALSE\t/\tFALSE\t0\tx\té"
)


def test_each_form_of_line() -> None:
    assert list(parse_cookies(FILE, "f")) == [
        Cookie("example.com", "/", "sid", "1a=2b", False, True, 4102444800.0, 4, True),
        Cookie("www.example.com", "/docs", "lang", "en", True, False, None, 5, True),
        Cookie("example.org", "/", "hidden", "", False, False, 4102444800.5, 6, True),
        Cookie("192.0.2.7", "/", "empty", "", True, False, None, 7, True),
        Cookie("xn--bcher-kva.example", "/", "x", "é", True, False, None, 8, True),
    ]


def test_the_jar_sends_them_where_they_belong(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text(FILE, encoding="utf-8")
    jar = CookieJar()
    give_cookies(jar, path)
    values = {}
    for url in (
        "https://www.example.com/docs",
        "http://www.example.com/docs",
        "https://example.org/",
        "http://a.test/",
    ):
        header = jar.header(url)
        values[url] = None if header is None else (header.value, header.given)
    assert values == {
        "https://www.example.com/docs": ("lang=en; sid=1a=2b", True),
        "http://www.example.com/docs": ("lang=en", True),
        "https://example.org/": ("hidden=", True),
        "http://a.test/": None,
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("example.com TRUE / TRUE 0 a b", "a cookie has seven fields, with tabs between them, not 1"),
        ("example.com\tTRUE\t/\tTRUE\t0\ta\tb\tc", "a cookie has seven fields, with tabs between them, not 8"),
        ("example.com\tYES\t/\tTRUE\t0\ta\tb", "'YES' is neither TRUE nor FALSE"),
        ("example.com\tTRUE\t/\t1\t0\ta\tb", "'1' is neither TRUE nor FALSE"),
        ("example.com\tTRUE\t/\tTRUE\tsoon\ta\tb", "'soon' is not a time in seconds since 1970"),
        ("example.com\tTRUE\tdocs\tTRUE\t0\ta\tb", "has a path, name or value that no cookie can have"),
        ("example.com\tTRUE\t/\tTRUE\t0\ta\tb;c", "has a path, name or value that no cookie can have"),
        ("example.com\tTRUE\t/\tTRUE\t0\t\t", "has a path, name or value that no cookie can have"),
        ("\tTRUE\t/\tTRUE\t0\ta\tb", "'' is no domain"),
        ("exa mple.com\tTRUE\t/\tTRUE\t0\ta\tb", "'exa mple.com' is no domain"),
        ("a.test/x\tTRUE\t/\tTRUE\t0\ta\tb", "'a.test/x' is no domain"),
        (".com\tTRUE\t/\tTRUE\t0\ta\tb", "com is a public suffix"),
        ("co.uk\tTRUE\t/\tTRUE\t0\ta\tb", "co.uk is a public suffix"),
    ],
)
def test_each_mistake_is_told_with_its_line(line: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(parse_cookies(f"# a comment\n{line}\n", "my.txt"))
    assert str(caught.value).startswith(f"my.txt:2: {complaint}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        give_cookies(CookieJar(), tmp_path / "missing.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        give_cookies(CookieJar(), tmp_path / "binary")
