"""Style sheets for replay: url(), @import and image-set() lead into the archive, every other byte stays as it is.

One regular expression finds what holds an address and steps over comments and strings, where what looks like one is
none. What it misses is not lost safety: the replay's content security policy lets nothing out. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from storage.replay.address import Links

_OPEN_STRING = r'"(?:[^"\\\n]|\\.)*+"?|' + r"'(?:[^'\\\n]|\\.)*+'?"
_STRING = r'"(?:[^"\\\n]|\\.)*+"|' + r"'(?:[^'\\\n]|\\.)*+'"
_UNQUOTED = r"""(?:[^"'()\\\s]|\\(?:[0-9A-Fa-f]{1,6}[ \t\n]?|.))++"""
_TOKEN = re.compile(
    rf"""/\*.*?(?:\*/|\Z)
    |(?P<url>(?<![\w-])url\(\s*+)(?P<address>{_STRING}|{_UNQUOTED})(?=\s*+(?:\)|\Z))
    |(?P<import>@import\s*+)(?P<imported>{_STRING})
    |(?P<set>(?:-webkit-)?image-set\()
    |(?P<string>{_OPEN_STRING})
    |(?P<bracket>[()])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_CLOSED = re.compile(_STRING, re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})[ \t\n]?|(\n)|(.))", re.DOTALL)


def rewrite_css(css: str, links: Links) -> str:
    """A style sheet, the text of a style element or of a style attribute, with its addresses mapped."""
    return _TOKEN.sub(_Replacer(links.map), css)


class _Replacer:
    """Keeps count of brackets, for the strings of an image-set() are addresses and those of its type() are not."""

    def __init__(self, map_link: Callable[[str], str | None]) -> None:
        self._map = map_link
        self._depth = 0
        self._sets: list[int] = []

    def __call__(self, token: re.Match[str]) -> str:
        kind = token.lastgroup
        if kind == "address":
            self._depth += 1  # its closing bracket is yet to come
            return token["url"] + self._mapped(token["address"])
        if kind == "imported":
            return token["import"] + self._mapped(token["imported"])
        if kind == "string" and self._sets and self._sets[-1] == self._depth and _CLOSED.fullmatch(token[0]):
            return self._mapped(token[0])
        if kind == "set":
            self._depth += 1
            self._sets.append(self._depth)
        elif kind == "bracket":
            self._bracket(token[0])
        return token[0]

    def _bracket(self, bracket: str) -> None:
        if bracket == "(":
            self._depth += 1
            return
        if self._sets and self._sets[-1] == self._depth:
            self._sets.pop()
        self._depth = max(0, self._depth - 1)

    def _mapped(self, value: str) -> str:
        """A string or an unquoted address, mapped, or as it stands."""
        link = value[1:-1] if value[0] in "\"'" else value
        path = self._map(_unescaped(link))
        if path is None:
            return value
        quote = value[0] if value[0] in "\"'" else '"'
        return quote + path.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote


def _unescaped(text: str) -> str:
    """CSS Syntax Module Level 3, section 4.3.7."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return escape[3] or ""
    code = int(escape[1], 16)
    return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
