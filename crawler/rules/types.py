"""Which media types are kept: `--accept-type` and `--reject-type`. Pure.

What an address will answer with is known for certain only from the head of the answer, where the fetch then ends; an
extension that stands for media or packages saves the request. Web pages lead to everything else, so they are kept
unless a rejection names them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate

from crawler.model import Kind
from crawler.rules.values import Rule, Verdict

RULE = "media-type"
PAGES = frozenset({"text/html", "application/xhtml+xml"})
TYPE_PATTERN = re.compile(r"[a-z0-9*?][a-z0-9!#$&^_.+*?-]*/[a-z0-9*?][a-z0-9!#$&^_.+*?-]*")
"""RFC 6838 section 4.2, and the signs of a pattern."""

_EXTENSIONS = {
    "image/": "avif bmp gif ico jfif jpeg jpg png tif tiff webp",
    "audio/": "aac aiff flac m4a mp3 oga ogg opus wav wma",
    "video/": "avi flv m4v mkv mov mp4 mpeg mpg ogv webm wmv",
    "font/": "otf ttf woff woff2",
    "application/": "pdf zip",
}
_NAMES = {
    "jpg": "jpeg", "jfif": "jpeg", "tif": "tiff", "ico": "vnd.microsoft.icon", "mp3": "mpeg", "mpg": "mpeg",
    "m4a": "mp4", "oga": "ogg", "ogv": "ogg", "m4v": "mp4", "mov": "quicktime", "avi": "x-msvideo", "mkv": "x-matroska",
}  # fmt: skip
"""Subtypes that are called otherwise than their extension."""
_OTHERS = {
    "svg": "image/svg+xml", "7z": "application/x-7z-compressed", "rar": "application/vnd.rar", "gz": "application/gzip",
    "tgz": "application/gzip", "tar": "application/x-tar", "bz2": "application/x-bzip2", "xz": "application/x-xz",
    "iso": "application/x-iso9660-image", "dmg": "application/x-apple-diskimage", "epub": "application/epub+zip",
}  # fmt: skip
TYPES = _OTHERS | {
    extension: main + _NAMES.get(extension, extension)
    for main, all_ in _EXTENSIONS.items()
    for extension in all_.split()
}
"""By extension: what it stands for on nearly every server."""
_ENDING = re.compile(r"/[^/?:]*\.([A-Za-z0-9]{2,5})(?:\?|$)")
"""The extension of a path's last segment; one with a colon may be a wiki's page about the file."""


class TypeFilter:
    """Patterns as a shell writes them, such as `video/*`; without `accept`, every type is accepted."""

    def __init__(self, accept: Sequence[str], reject: Sequence[str]) -> None:
        self._accept, self._reject = _either(accept), _either(reject)
        verdicts = {type_: Verdict(False, RULE, f"its extension stands for {type_}") for type_ in TYPES.values()}
        self._extensions = {
            extension: verdicts[type_] for extension, type_ in TYPES.items() if not self.keeps(type_)
        }  # fmt: skip

    def keeps(self, type_: str | None) -> bool:
        """Whether an answer of that type is kept; None, an answer without a type, is."""
        if type_ is None:
            return True
        if self._reject is not None and self._reject.fullmatch(type_):
            return False
        return self._accept is None or type_ in PAGES or self._accept.fullmatch(type_) is not None

    @property
    def rule(self) -> Rule:
        """For what is not asked for yet."""
        return Rule(RULE, self._judge)

    def _judge(self, url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        if kind in (Kind.SITEMAP, Kind.ROBOTS):
            return None
        found = _ENDING.search(url, url.find("/", 8))
        return None if found is None else self._extensions.get(found[1].lower())


def type_filter(accept: Sequence[str], reject: Sequence[str]) -> TypeFilter | None:
    """The filter, or None where every type is kept."""
    return TypeFilter(accept, reject) if accept or reject else None


def _either(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, patterns))) if patterns else None
