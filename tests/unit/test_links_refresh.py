"""meta refresh, by the shared declarative refresh steps."""

from __future__ import annotations

import pytest

from crawler.links.refresh import refresh_url


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("5; url=next.html", "next.html"),
        ("0;URL='a b'", "a b"),
        ('0; url = "x"y', "x"),
        ("0,x.html", "x.html"),
        ("5 x.html", "x.html"),
        ("  1.5 ; uRl=x", "x"),
        (".5;url=x", "x"),
        ("0;'x'y", "x"),
        ("0; url=\"x'y", "x'y"),
        ("0; url", "url"),
        ("0; urls.html", "urls.html"),
        ("0; u'x", "u'x"),
        ("0;url=url=x", "url=x"),
        ("5", None),
        ("5;", None),
        ("0; url=", None),
        ("0; url=''", None),
        ("x; url=y", None),
        ("; url=y", None),
        ("-1; url=y", None),
        ("5x; url=y", None),
        ("", None),
    ],
)
def test_refresh(content: str, expected: str | None) -> None:
    assert refresh_url(content) == expected
