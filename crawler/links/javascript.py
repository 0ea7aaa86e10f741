"""JavaScript: what it imports, and guesses: strings that look like addresses.

A program is not run, so what it would ask for cannot be known. Its string literals are searched for what can hardly be
anything else: absolute URLs, paths from the root, and names that end as files of the web do. Strings that hold what no
address does, or that are pieces for the program to put together (`/item/` + number), are left alone.
"""

from __future__ import annotations

import re

from crawler.links.charset import decode, of_css
from crawler.links.document import Document
from crawler.links.modules import add_imports
from crawler.links.references import References
from crawler.links.roles import GUESS_JS

MAX_GUESSES = 2_000
"""Of one document: a bundle of a large program holds less that is worth asking for."""

_LITERAL = re.compile(r"""(["'`])((?:(?!\1)[^\\\s]|\\(?:/|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})){4,1024}+)\1""")
"""No escaped quotes: none stand in addresses, and each would be taken for the beginning of another string."""
_ABSOLUTE = re.compile(
    r"(?:https?:)?//(?:[a-z0-9_-]+\.)+[a-z0-9-]{2,}(?::\d{1,5})?(?:[/?][^\s<>\"'{}|\\^`()\[\],;]*)?\Z", re.I
)
_FILES = (
    r"\.(?:html?|xhtml|php|aspx?|jsp|json|xml|css|m?js|svgz?|png|jpe?g|gif|webp|avif|ico|bmp|pdf|docx?|xlsx?|pptx?"
    r"|odt|zip|txt|csv|woff2?|ttf|otf|mp[34]|m4[av]|web[mv]|og[gva]|wav|m3u8|mpd|vtt|wasm)(?:\?[^\s<>\"'{}|\\^`]*)?\Z"
)
_ROOTED = re.compile(r"/(?:[\w.~%@+-]+/)*[\w.~%@+-]*[\w%~-](?:\?[\w.~%@+=&-]*)?\Z")
_NAMED = re.compile(r"(?:\.{0,2}/)?(?:[\w.~%@+-]+/)*[\w.~%@+-]*[\w~-]" + _FILES, re.I)
_NO_PATH = re.compile(r"/(?:\d+|[a-zA-Z]{1,2}|[gimsuy]+)\Z|.*//")
_NAMESPACES = re.compile(
    r"https?://(?:www\.w3\.org/(?:\d{4}|XML|TR)\b|schema\.org|json-schema\.org|ns\.adobe\.com|xmlns?\.)", re.I
)
_FORMAT = re.compile(r"%(?![0-9a-fA-F]{2})")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(/))")


def extract_javascript(document: Document, references: References) -> None:
    """What a program imports; and its guesses, where they are asked for."""
    encoding, mark = of_css(document.content, document.charset)
    text = decode(document.content[mark:], encoding)
    add_imports(text, references)
    if references.guesses:
        add_javascript(text, references)


def add_javascript(text: str, references: References) -> None:
    """Notes the string literals of a program that look like addresses, as guesses."""
    found: set[str] = set()
    for match in _LITERAL.finditer(text):
        value = match[2]
        if "/" not in value and "." not in value:
            continue
        if "\\" in value:
            value = _ESCAPE.sub(_unescaped, value)
        if value not in found and looks_like_address(value):
            if len(found) >= MAX_GUESSES:
                return
            found.add(value)
            references.add(value, GUESS_JS)


def looks_like_address(value: str) -> bool:
    """True for a string that can hardly be anything else."""
    if _FORMAT.search(value):
        return False
    if _ABSOLUTE.match(value):
        return not _NAMESPACES.match(value)
    if _NAMED.match(value):
        return not value.startswith("//")
    return bool(_ROOTED.match(value)) and not _NO_PATH.match(value)


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2]
    return chr(int(digits, 16)) if digits else escape[3]
