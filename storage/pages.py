"""The pages of an archive as WACZ lists them: where a reader may begin, with titles and text to search in.

A crawl directory keeps its own list, which knows the pages from their requisites, and its log, which knows the seeds'
pages from those that links led to. Of any other archive, each HTML document that was answered with 200 is a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from storage.archive import Archive
from storage.capture import Capture
from storage.errors import ArchiveError
from storage.times import parse_stamp
from storage.words import page_words

_ABOUT_THE_SAME = timedelta(seconds=1)
"""A list of pages tells seconds, a record microseconds."""
RECORD_LIMIT = 16 << 20
"""Bytes of a record beyond which its page is listed without its text."""


class Page(Struct, frozen=True):
    """A line of a list of pages."""

    id: str
    url: str
    ts: str
    title: str
    text: str
    seed: bool

    def line(self) -> bytes:
        value: dict[str, Any] = {"id": self.id, "url": self.url, "ts": self.ts, "title": self.title}
        if self.seed:
            value["seed"] = True
        if self.text:
            value["text"] = self.text
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def header(name: str, title: str, *, has_text: bool) -> bytes:
    """The first line of a list of pages."""
    value = {"format": "json-pages-1.0", "id": name, "title": title, "hasText": has_text}
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def pages_of(archive: Archive, directory: Path | None, *, text: bool = True) -> Iterator[Page]:
    """The pages that the archive holds; `directory` is the crawl directory it was opened from, None if from none.

    Blocking. Raises ArchiveError, OSError."""
    listed = None if directory is None else directory / "pages" / "pages.jsonl"
    if directory is not None and listed is not None and listed.exists():
        yield from _listed_pages(archive, listed, directory / "logs" / "urls.jsonl", text=text)
        return
    for capture in archive.captures(status=200, mime="text/html"):
        stamp = capture.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
        name = hashlib.sha256(capture.record.id.encode() or f"{stamp} {capture.url}".encode()).hexdigest()[:32]
        title, words = _read(capture, text=text)
        yield Page(name, capture.url, stamp, title or capture.url, words, True)


def _listed_pages(archive: Archive, listed: Path, log: Path, *, text: bool) -> Iterator[Page]:
    depths = _depths(log)
    depth: tuple[int, int] | None = (0, 0)
    for value in _objects(listed):
        url, ts, seq = value.get("url"), value.get("ts"), value.get("seq")
        if not isinstance(url, str) or not isinstance(ts, str):
            continue
        capture = _capture_of(archive, url, ts)
        if capture is None:
            continue  # it lies in a segment that is not sealed yet
        while depth is not None and isinstance(seq, int) and depth[0] < seq:
            depth = next(depths, None)
        title, words = _read(capture, text=text)
        seed = depth is None or not log.exists() or (depth[0] == seq and depth[1] == 0)
        kept = value.get("title")
        known = kept if isinstance(kept, str) and kept != url else ""
        yield Page(str(value.get("id", url)), url, ts, known or title or url, words, seed)


def _capture_of(archive: Archive, url: str, ts: str) -> Capture | None:
    try:
        at = datetime.fromisoformat(ts)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else parse_stamp(at.strftime("%Y%m%d%H%M%S"))
    capture = archive.get(url, at=at)
    near = capture is not None and abs(capture.timestamp - at) <= _ABOUT_THE_SAME
    return capture if near else None


def _read(capture: Capture, *, text: bool) -> tuple[str, str]:
    """Title and text; empty where the body cannot be read, which is for `verify` to tell."""
    if not text:
        return "", ""
    try:
        if capture.payload_record.size > RECORD_LIMIT:
            return "", ""
        title, words = page_words(capture.text)
        return title or "", words
    except ArchiveError:
        return "", ""


def _depths(log: Path) -> Iterator[tuple[int, int]]:
    """Number and depth of each outcome."""
    if not log.exists():
        return
    for value in _objects(log):
        seq, depth = value.get("seq"), value.get("depth")
        if isinstance(seq, int):
            yield seq, depth if isinstance(depth, int) else 0


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines; a torn last line is left out."""
    with path.open("rb") as file:
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value
