"""What the demonstration site answers to which path. Pure but for reading the site's own files.

A path means one of: a file, a picture under a second name, a redirect, or a page that is sent in a special way.
"""

from __future__ import annotations

import enum
import gzip
import hashlib
from functools import cache
from importlib.resources import files

from msgspec import Struct

_TYPES = {
    "css": "text/css",
    "html": "text/html; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}

_OTHER_NAMES = {
    "/": "/index.html",
    "/cdn/w_240,h_160,q_80/tide.png": "/images/tide-240.png",
    "/cdn/w_480,h_320,q_80/tide.png": "/images/tide-480.png",
    "/café.html": "/cafe.html",
}

_REDIRECTS = {
    "/moved": (301, "/arrived.html"),
    "/chain/1": (301, "/chain/2"),
    "/chain/2": (302, "/chain/3"),
    "/chain/3": (307, "/arrived.html"),
}

_CHUNK_MARK = b"<!-- chunk -->\n"


class Manner(enum.Enum):
    """How an answer is sent."""

    PLAIN = "with its length"
    CHUNKED = "in the chunked coding"
    SLOW = "after a second"
    FLAKY = "after a first refusal"


_MANNERS = {"/chunked.html": Manner.CHUNKED, "/slow.html": Manner.SLOW, "/flaky.html": Manner.FLAKY}


class Answer(Struct, frozen=True):
    """A response, and how to send it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[bytes, ...]
    """The body; one piece unless it is sent in the chunked coding."""
    manner: Manner = Manner.PLAIN
    etag: str = ""


REFUSAL = Answer(
    503,
    (("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")),
    (b"Not now. Try again in a second.\n",),
)


@cache
def answer(path: str) -> Answer:
    """The answer for a decoded path. The same path has the same answer for ever, byte for byte."""
    if path in _REDIRECTS:
        status, target = _REDIRECTS[path]
        return Answer(status, (("Location", target), ("Content-Type", "text/plain")), (f"See {target}\n".encode(),))
    name = _OTHER_NAMES.get(path, path)
    body = _site().get(name)
    if body is None:
        return Answer(404, (("Content-Type", _TYPES["html"]),), (_site()["/404.html"],))
    headers = [("Content-Type", _content_type(name)), ("Cache-Control", "max-age=3600")]
    manner = _MANNERS.get(name, Manner.PLAIN)
    chunks: tuple[bytes, ...] = (body,)
    if name == "/compressed.html":
        headers.append(("Content-Encoding", "gzip"))
        chunks = (gzip.compress(body, mtime=0),)
    elif manner is Manner.CHUNKED:
        *pieces, last = body.split(_CHUNK_MARK)
        chunks = (*(piece + _CHUNK_MARK for piece in pieces), last)
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Answer(200, (*headers, ("ETag", etag)), chunks, manner, etag)


@cache
def _site() -> dict[str, bytes]:
    """Every file of the site by its path; 30 KB in all."""
    root = files(__package__) / "site"
    found: dict[str, bytes] = {}
    waiting = [("", root)]
    while waiting:
        path, place = waiting.pop()
        for entry in place.iterdir():
            name = f"{path}/{entry.name}"
            if entry.is_dir():
                waiting.append((name, entry))
            else:
                found[name] = entry.read_bytes()
    return found


def _content_type(name: str) -> str:
    if name == "/latin.html":
        return "text/html; charset=iso-8859-1"
    return _TYPES[name.rpartition(".")[2]]
