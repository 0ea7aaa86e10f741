"""Which encoding a document is in, and how it shows in its links."""

from __future__ import annotations

import pytest

from crawler.links import Document, extract
from crawler.links.charset import of_html


@pytest.mark.parametrize(
    ("content", "declared", "name"),
    [
        (b"<p>plain", None, "utf-8"),
        ("<p>ä".encode(), None, "utf-8"),
        ("<p>ä".encode("latin-1"), None, "windows-1252"),
        (b"\xef\xbb\xbf<meta charset=gbk>", "latin1", "utf-8"),
        ("\ufeffx".encode("utf-16-le"), "utf-8", "utf-16le"),
        ("\ufeffx".encode("utf-16-be"), None, "utf-16be"),
        (b"<meta charset=gbk>", "windows-1251", "windows-1251"),
        (b"<meta charset=gbk>", "no-such-charset", "gbk"),
        (b"<META CharSet = 'Shift_JIS' >", None, "shift_jis"),
        (b"<meta charset=iso-8859-1>", None, "windows-1252"),
        (b"<meta charset=utf-16>", None, "utf-8"),
        (b"<meta charset=x-user-defined>", None, "windows-1252"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', None, "koi8-r"),
        (b'<meta content="text/html; charset=koi8-r" http-equiv=content-type>', None, "koi8-r"),
        (b'<meta name=x content="charset=koi8-r">', None, "utf-8"),
        (b"<!-- <meta charset=koi8-r> --><meta charset=gbk>", None, "gbk"),
        (b"<meta charset=nonsense><meta charset=gbk>", None, "gbk"),
        (b'<?xml version="1.0" encoding="euc-jp"?>', None, "euc-jp"),
        (b" " * 1100 + b"<meta charset=koi8-r>", None, "utf-8"),
        (b"", None, "utf-8"),
    ],
)
def test_encoding_of_html(content: bytes, declared: str | None, name: str) -> None:
    assert of_html(content, declared)[0].name == name


def test_a_cut_off_character_does_not_make_a_long_page_latin() -> None:
    content = b"<p>" + "ä".encode() * (1 << 20)
    assert of_html(content[:-1], None)[0].name == "utf-8"


@pytest.mark.parametrize(
    ("encoding", "query"),
    [
        ("windows-1252", "%E9%26%238364%3B".replace("%26%238364%3B", "%80")),
        ("koi8-r", "%26%23233%3B%26%238364%3B"),
        ("utf-8", "%C3%A9%E2%82%AC"),
        ("utf-16", "%C3%A9%E2%82%AC"),
    ],
)
def test_queries_are_written_in_the_documents_encoding(encoding: str, query: str) -> None:
    text = "<a href='/é?x=&eacute;&euro;&amp;y=1'>"
    extraction = extract(Document("http://h/", "text/html", encoding, text.encode(encoding, "ignore")))
    path = "" if encoding == "koi8-r" else "%C3%A9"
    assert list(extraction.links) == [f"http://h/{path}?x={query}&y=1"]


def test_multi_byte_queries() -> None:
    content = "<meta charset=shift_jis><a href='?q=表'><title>日本</title>".encode("cp932")
    extraction = extract(Document("http://h/p", "text/html", None, content))
    assert list(extraction.links) == ["http://h/p?q=%95\\"]
    assert extraction.title == "日本"
