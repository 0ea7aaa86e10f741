"""feedparser's own test feeds: what it takes for an address there is a link here, or it is listed why not.

Each file begins with a comment that says what feedparser is expected to make of it, as a Python expression. What that
expression compares with an http(s) address is what must be found."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crawler.content import charset_of, media_type
from crawler.links import Document, extract
from crawler.model import Extraction
from crawler.urls import join
from tests.support.sources import source_package

DEVIATIONS = Path(__file__).parents[1] / "data" / "feedparser_deviations.json"
SERVER = "http://127.0.0.1:8097/"
"""Where feedparser's tests serve the files, and what their relative addresses become."""

_COMMENT = re.compile(rb"<!--(.*?)-->", re.DOTALL)
_HEADER = re.compile(r"^\s*Header:\s*(\S+?):\s*(.*)$", re.MULTILINE)
_COMPARED = re.compile(r"""(?:\[u?['"](\w+)['"]\]|\.(\w+)|\bget\(['"](\w+)['"]\))\s*==\s*u?(['"])(https?://[^'"]*)\4""")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
_MARKUP = re.compile(r"""(?:href|src)=["'](https?://[^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Feed:
    """One of the files."""

    name: str
    content: bytes
    headers: tuple[tuple[str, str], ...]
    expected: tuple[tuple[str, str], ...]
    """The member of feedparser's result and the address it is expected to hold."""

    def read(self) -> Extraction:
        content_type = dict(self.headers).get("content-type", "application/xml")
        return extract(
            Document(SERVER + self.name, media_type(content_type), charset_of(content_type), self.content, self.headers)
        )


@pytest.fixture(scope="module")
def feeds() -> list[Feed]:
    root = source_package("feedparser", "6.0.11") / "tests"
    return [feed_of(path, path.relative_to(root).as_posix()) for path in sorted(root.rglob("*.xml"))]


def feed_of(path: Path, name: str) -> Feed:
    content = path.read_bytes()
    comment = _COMMENT.search(content)
    said = comment[1].decode("utf-8", "replace") if comment else ""
    headers = tuple((key.lower(), value.strip()) for key, value in _HEADER.findall(said))
    # What is sanitized is what feedparser removes.
    expected = () if "/sanitize/" in name else tuple(expected_by(said.partition("Expect:")[2]))
    return Feed(name, content, headers, expected)


def expected_by(expression: str) -> Iterator[tuple[str, str]]:
    expression = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), expression)
    for attribute, member, got, _, url in _COMPARED.findall(expression):
        yield attribute or member or got, url
    for url in _MARKUP.findall(expression):
        yield "markup", html.unescape(url)


def test_every_address_is_found_or_it_is_listed_why_not(feeds: list[Feed]) -> None:
    told = json.loads(DEVIATIONS.read_text("utf-8"))
    assert len(feeds) > 2000
    assert sum(len(feed.expected) for feed in feeds) == 278
    differing = set()
    for feed in feeds:
        wanted = {join(SERVER, url) for member, url in feed.expected if member not in told["no_links"]}
        if wanted and not wanted <= feed.read().links.keys():
            differing.add(feed.name)
    assert differing == {name for each in told["deviations"] for name in each["files"]}


def test_ill_formed_and_oddly_encoded_ones_break_nothing(feeds: list[Feed]) -> None:
    broken = [(feed.name, failure) for feed in feeds if "extract_" in (failure := str(feed.read().failure))]
    assert broken == []
