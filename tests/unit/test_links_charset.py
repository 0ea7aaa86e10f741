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


@pytest.mark.parametrize(
    ("text", "encoding", "url", "name"),
    [
        ("<title>Привет, как дела</title>", "windows-1251", "http://a.test/", "windows-1251"),
        ("<title>Привет, как дела</title>", "koi8-r", "http://a.test/", "koi8-u"),
        ("<title>日本語の文書</title>", "shift_jis", "http://a.test/", "shift_jis"),
        ("<title>日本語の文書</title>", "euc-jp", "http://a.test/", "euc-jp"),
        ("<title>中文网页，没有声明编码</title>", "gbk", "http://a.test/", "gb18030"),
        ("<title>中文網頁，沒有聲明編碼</title>", "big5", "http://a.test/", "big5"),
        ("<title>한글 문서</title>", "euc-kr", "http://a.test/", "euc-kr"),
        ("<title>Příliš žluťoučký kůň</title>", "windows-1250", "http://a.test/", "windows-1250"),
        ("<title>Καλημέρα κόσμε</title>", "windows-1253", "http://a.test/", "windows-1253"),
        ("<title>สวัสดีชาวโลก</title>", "cp874", "http://a.test/", "windows-874"),
        ("<p>été", "latin-1", "http://a.test/", "windows-1252"),
        # In Russia it is more likely Russian.
        ("<title>Καλημέρα κόσμε</title>", "windows-1253", "http://a.ru/b.com", "windows-1251"),
        ("<title>Καλημέρα κόσμε</title>", "windows-1253", "http://host.ru:80", "windows-1251"),
        ("<title>Καλημέρα κόσμε</title>", "windows-1253", "http://127.0.0.1/", "windows-1253"),
        ("<title>Καλημέρα κόσμε</title>", "windows-1253", "http://[::1]/", "windows-1253"),
    ],
)
def test_what_says_nothing_is_told_by_its_bytes_and_its_domain(text: str, encoding: str, url: str, name: str) -> None:
    assert of_html(text.encode(encoding), None, url)[0].name == name


def test_the_path_of_an_undeclared_page_is_the_one_that_is_meant() -> None:
    page = '<title>Русский текст без кодировки</title><a href="/страница?q=да">'.encode("windows-1251")
    extraction = extract(Document("http://a.test/", "text/html", None, page))
    assert extraction.title == "Русский текст без кодировки"
    assert list(extraction.links) == ["http://a.test/%D1%81%D1%82%D1%80%D0%B0%D0%BD%D0%B8%D1%86%D0%B0?q=%E4%E0"]


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
