"""A page's title and words, without a tree."""

from __future__ import annotations

import time

import pytest

from storage.words import TITLE_LIMIT, WORDS_LIMIT, page_words


@pytest.mark.parametrize(
    ("markup", "title", "text"),
    [
        ("<title> A &amp; b\n</title><p>one<p>two", "A & b", "one two"),
        ("<b>W</b>ord <td>x<td>y", None, "Word x y"),
        ("<script>no</script><style>no</style>yes<!-- no --><textarea>typed</textarea>", None, "yestyped"),
        ("<title></title><title>second</title>", "second", ""),
        ("<p title='<b>no'>yes", None, "yes"),
        ("before<a href=torn", None, "before"),
        ("no tags &lt;b&gt;", None, "no tags <b>"),
        ("\ud800x<br>\udfffy", None, "?x ?y"),
        ("a\x00b", None, "ab"),
    ],
)
def test_words_are_what_a_reader_sees(markup: str, title: str | None, text: str) -> None:
    assert page_words(markup) == (title, text)


@pytest.mark.parametrize("piece", ["<div>", "<b><p>", "<font>x", "<table>", "<title>", "</a ", "<a b='"])
def test_no_page_costs_more_than_its_length(piece: str) -> None:
    start = time.process_time()
    title, text = page_words(piece * 50_000)
    assert time.process_time() - start < 2
    assert len(title or "") <= TITLE_LIMIT
    assert len(text) <= WORDS_LIMIT
