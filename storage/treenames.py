"""Names for captured URLs in a tree of files: whatever the URL, the name stays inside and can be kept by any system.

    https://docs.example.com:8080/a/b.php?x=1   ->   docs.example.com+8080/a/b.php@x=1.html

Every part of a path is made safe by itself: `..`, control characters, separators, what Windows reserves (characters,
device names, a dot or space at the end) are percent-encoded; too long ones are cut and told apart by a hash. Names that
differ in case only, or would be both a file and a directory, are told apart by a hash of the URL.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
import unicodedata
from urllib.parse import urlsplit

PART_LIMIT = 120
"""Bytes of one part; file systems allow 255."""

PATH_LIMIT = 700
"""Bytes of a whole name; Linux allows 4096, with the directory it is in, Windows far less."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f<>:\"/\\|?*\ud800-\udfff\u2028\u2029]|[. ]$")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_INDEX = "index"
_PREFERRED = {"text/html": ".html", "application/xhtml+xml": ".xhtml", "text/plain": ".txt", "image/jpeg": ".jpg"}


def tree_parts(url: str, mime: str) -> tuple[str, ...]:
    """The parts of a name for a URL; the last one is the file's. Every part is safe."""
    try:
        split = urlsplit(url)
        host = split.netloc.rpartition("@")[2] or split.scheme or "_"
        path, query = split.path, split.query
    except ValueError:  # brackets that are no IPv6 address
        host, path, query = "_", url, ""
    *directories, last = path.removeprefix("/").split("/")
    name = _with_extension(last or _INDEX, mime, query)
    parts = (host.replace(":", "+"), *(part or "_" for part in directories), name)
    safe = tuple(safe_part(part) for part in parts)
    if sum(len(part.encode()) + 1 for part in safe) > PATH_LIMIT:
        return safe[0], f"_{_hash(url)}{_extension(safe[-1])}"
    return safe


def told_apart(parts: tuple[str, ...], at: int, url: str) -> tuple[str, ...]:
    """The same with another name for one part, which is taken."""
    part = parts[at]
    extension = _extension(part)
    changed = f"{part[: len(part) - len(extension)]}~{_hash(url)}{extension}"
    return (*parts[:at], safe_part(changed), *parts[at + 1 :])


def safe_part(text: str) -> str:
    """One part of a path that is a plain name on any system."""
    text = unicodedata.normalize("NFC", text)
    while (found := _UNSAFE.search(text)) is not None:
        code = f"%{ord(found[0]):02X}" if ord(found[0]) < 0x100 else f"%u{ord(found[0]):04X}"
        text = text[: found.start()] + code + text[found.end() :]
    if _DEVICE.fullmatch(text):
        text = f"_{text}"
    if len(text.encode()) > PART_LIMIT:
        ending = f"~{_hash(text)}{_extension(text)}"
        kept = text.encode()[: PART_LIMIT - len(ending.encode())].decode("utf-8", "ignore")
        text = kept + ending
    return text or "_"


def _with_extension(name: str, mime: str, query: str) -> str:
    extension = _PREFERRED.get(mime) or mimetypes.guess_extension(mime) or ""
    if query:
        return f"{name}@{query}{extension}"
    if _extension(name) and not (extension == ".html" and _guessed(name) not in (None, mime)):
        return name
    return name + extension


def _guessed(name: str) -> str | None:
    return mimetypes.guess_type(name, strict=False)[0]


def _extension(name: str) -> str:
    found = _EXTENSION.search(name)
    return found[0] if found is not None and found.start() else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
