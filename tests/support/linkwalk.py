"""An independent link walk: what can be reached from a page, found with the standard library alone.

It shares no code with the program it judges: html.parser reads the HTML, urllib.parse.urljoin resolves, regular
expressions find what style sheets name, http.client fetches. It is slow and simple on purpose.
"""

from __future__ import annotations

import http.client
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

_LINKS = {
    "a": ("href",),
    "area": ("href",),
    "audio": ("src",),
    "embed": ("src",),
    "frame": ("src",),
    "iframe": ("src",),
    "img": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "track": ("src",),
    "video": ("src", "poster"),
}
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)'"\s]*))\s*\)""", re.IGNORECASE)
_CSS_IMPORT = re.compile(r"""@import\s+(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_REFRESH = re.compile(r"""^\s*[\d.]+\s*[;,]\s*url\s*=\s*["']?([^"']+)""", re.IGNORECASE)
_SRCSET_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*\))*,?")


@dataclass(frozen=True, slots=True)
class Page:
    """What one address answered."""

    status: int
    media_type: str
    body: bytes
    location: str | None


@dataclass(slots=True)
class Walk:
    """Everything that was reached, in the order of discovery."""

    pages: dict[str, Page] = field(default_factory=dict)
    beyond: set[str] = field(default_factory=set)
    """Addresses of other origins: seen, not fetched."""


def walk(start: str) -> Walk:
    """Follows every link of `start`'s origin, redirects among them, until nothing new is found."""
    found = Walk()
    origin = urlsplit(start)[:2]
    queue, known = deque([start]), {start}
    connection = http.client.HTTPConnection(urlsplit(start).netloc, timeout=30)
    try:
        while queue:
            url = queue.popleft()
            page = found.pages[url] = _fetch(connection, url)
            for link in links_of(url, page):
                if urlsplit(link)[:2] != origin:
                    found.beyond.add(link)
                elif link not in known:
                    known.add(link)
                    queue.append(link)
    finally:
        connection.close()
    return found


def links_of(url: str, page: Page) -> Iterator[str]:
    """The absolute http(s) addresses that an answer names, without fragments; repeats included."""
    if page.location is not None:
        references, base = [page.location], url
    elif page.media_type == "text/html":
        parser = _Collector()
        parser.feed(page.body.decode("utf-8", "replace"))
        parser.close()
        references, base = parser.found, urljoin(url, parser.base or "")
    elif page.media_type == "text/css":
        references, base = list(css_references(page.body.decode("utf-8", "replace"))), url
    else:
        return
    for reference in references:
        try:
            absolute = urldefrag(urljoin(base, reference.strip())).url
        except ValueError:  # not an address at all, e.g. an unbalanced bracket in the host
            continue
        if urlsplit(absolute).scheme in ("http", "https"):
            yield absolute


def css_references(text: str) -> Iterator[str]:
    """What a style sheet imports or shows."""
    text = _CSS_COMMENT.sub(" ", text)
    for match in (*_CSS_IMPORT.finditer(text), *_CSS_URL.finditer(text)):
        reference = next((group for group in match.groups() if group), None)
        if reference:
            yield reference


def srcset_references(text: str) -> Iterator[str]:
    """The image addresses of a `srcset`; a comma inside an address belongs to it."""
    rest = text.lstrip(" \t\r\n\f,")
    while rest:
        reference, *more = rest.split(maxsplit=1)
        rest = more[0] if more else ""
        if not reference.endswith(","):
            rest = _SRCSET_DESCRIPTORS.sub("", rest, count=1)
        yield reference.rstrip(",")
        rest = rest.lstrip(" \t\r\n\f,")


class _Collector(HTMLParser):
    """Gathers the references of one HTML document, unresolved."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.base: str | None = None
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in reversed(attrs) if value is not None}  # the first of a name counts
        self._in_style = tag == "style"
        if tag == "base" and self.base is None:
            self.base = values.get("href")
        self.found += [values[name] for name in _LINKS.get(tag, ()) if name in values]
        if tag in ("img", "source") and "srcset" in values:
            self.found += srcset_references(values["srcset"])
        if tag == "link" and "imagesrcset" in values:
            self.found += srcset_references(values["imagesrcset"])
        if "style" in values:
            self.found += css_references(values["style"])
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.found += _REFRESH.findall(values.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += css_references(data)


def _fetch(connection: http.client.HTTPConnection, url: str) -> Page:
    parts = urlsplit(url)
    connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    response = connection.getresponse()
    media_type = response.headers.get_content_type() if "content-type" in response.headers else ""
    return Page(response.status, media_type, response.read(), response.headers.get("location"))
