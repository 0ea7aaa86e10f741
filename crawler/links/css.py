"""URLs in style sheets: url(), @import and image-set(), by the tokens of CSS Syntax Module Level 3.

One regular expression finds the few tokens that matter and steps over comments, strings and escaped names, in which
what looks like a URL is none. It agrees with tinycss2, which builds every token and takes many times as long; a
differential test holds it to that. Unclosed strings, functions and comments end with the sheet, as the standard says.
"""

from __future__ import annotations

import re

from crawler.links.charset import decode, of_css
from crawler.links.document import Document
from crawler.links.references import References
from crawler.links.roles import CSS_IMAGE_SET, CSS_IMPORT, CSS_URL
from crawler.model import Role

_NAME = r"[^\x00-,./:-@\[-^`{-\x7f]"
"""A name code point: `-`, digits, letters, `_` and all beyond ASCII. Said by what it is not, it compiles in no time."""
_ESCAPE = r"\\(?:[0-9A-Fa-f]{1,6}[ \t\n]?|[^\n0-9A-Fa-f]|\Z)"
_STRING = r'"(?:[^"\\\n]++|\\(?:.|\n|\Z))*+"?|' + r"'(?:[^'\\\n]++|\\(?:.|\n|\Z))*+'?"
_COMMENT = r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)"
_TOKEN = rf"""(?P<comment>{_COMMENT})
|(?P<string>{_STRING})
|@(?P<at>(?:{_NAME}|{_ESCAPE})++)
|(?:(?<!{_NAME})(?<!\#)|(?<=<!--))(?:
    (?P<function>{_NAME}++)\(
   |{_NAME}*+(?:{_ESCAPE}{_NAME}*+)++(?P<escaped>\(?)
 )
|\#(?:{_NAME}|{_ESCAPE})++
|<!--"""

_OUTSIDE = re.compile(_TOKEN, re.VERBOSE | re.DOTALL)
_INSIDE = re.compile(_TOKEN + r"|(?P<brackets>[()\[\]{}]+)", re.VERBOSE | re.DOTALL)
_SKIP = re.compile(rf"(?:[ \t\n]|{_COMMENT})*+", re.DOTALL)
_SPACE = re.compile(r"[ \t\n]*+")
_WHOLE_STRING = re.compile(_STRING, re.DOTALL)
_WHOLE_NAME = re.compile(rf"(?:{_NAME}|{_ESCAPE})++", re.DOTALL)
_URL_START = re.compile(rf"(?:{_NAME}|{_ESCAPE})++\(", re.DOTALL)
_UNQUOTED = re.compile(rf"((?:[^\"'()\\ \t\n\x00-\x08\x0b\x0e-\x1f\x7f]++|{_ESCAPE})*+)[ \t\n]*+(?:\)|\Z)", re.DOTALL)
_BAD_URL_REST = re.compile(rf"(?:[^)\\]++|{_ESCAPE}|\\)*+\)?", re.DOTALL)
_ESCAPED = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})[ \t\n]?|(\n)|(.)|\Z)", re.DOTALL)
_STEP = 256 << 10
_LONGEST_NAME = 256
"""Characters of a function's name that matters, all escaped, with its bracket: one may stand across two steps."""
_IMAGE_SETS = ("image-set", "-webkit-image-set")
_BLOCKS = {opener: (closer, False) for opener, closer in ("()", "[]", "{}")}
"""What each opens that is no function: its end, and that strings in it are no addresses."""


def extract_css(document: Document, references: References) -> None:
    """The references of a style sheet."""
    encoding, mark = of_css(document.content, document.charset)
    add_css(decode(document.content[mark:], encoding), references)


def add_css(css: str, references: References) -> None:
    """The references of a style sheet, of a style element, or of a style attribute."""
    if "\r" in css or "\f" in css or "\0" in css:  # CSS Syntax, section 3.3
        css = css.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").replace("\0", "\ufffd")
    scanner = _Scanner(css, references)
    position = 0
    while token := _find(_OUTSIDE, css, position):
        position = scanner.after(token)


def _find(pattern: re.Pattern[str], css: str, position: int) -> re.Match[str] | None:
    """The next token. Looked for step by step: within one search no other thread gets its turn."""
    length = len(css)
    while position < length:
        end = position + _STEP
        token = pattern.search(css, position, end)
        if token is None:
            position = end if end >= length else end - _LONGEST_NAME
        elif token.end() < end or end >= length:
            return token
        else:  # it may go on beyond the step
            position = token.start()
            if whole := pattern.match(css, position):
                return whole
            position += 1
    return None


class _Scanner:
    """Reads on from a token that has begun something."""

    __slots__ = ("css", "function_open", "references")

    def __init__(self, css: str, references: References) -> None:
        self.css = css
        self.references = references
        self.function_open = False
        """True after a `url(` that holds a string: its closing bracket is yet to come."""

    def after(self, token: re.Match[str]) -> int:
        """Handles one token; returns where to go on."""
        name = _function_name(token)
        if name == "url":
            return self.url(token.end(), CSS_URL)
        if name in _IMAGE_SETS:
            return self.image_set(token.end())
        if at := token["at"]:
            return self.at_rule(_unescape(at).lower(), token.end())
        return token.end()

    def url(self, position: int, role: Role | None) -> int:
        """What follows `url(`: a string, or an unquoted address (CSS Syntax, sections 4.3.4 and 4.3.6)."""
        position = _end(_SPACE, self.css, position)
        self.function_open = self.css[position : position + 1] in ('"', "'")
        if self.function_open:
            return self.string(position, role)
        unquoted = _UNQUOTED.match(self.css, position)
        if unquoted is None:
            return _end(_BAD_URL_REST, self.css, position)
        self.add(_unescape(unquoted[1]), role)
        return unquoted.end()

    def string(self, position: int, role: Role | None) -> int:
        token = _WHOLE_STRING.match(self.css, position)
        assert token is not None
        value = _string_value(token)
        if value is not None:
            self.add(value, role)
        return token.end()

    def add(self, reference: str, role: Role | None) -> None:
        if role is not None:
            self.references.add(reference, role)

    def at_rule(self, name: str, position: int) -> int:
        """`@import` names a style sheet by a string or url(); what `@namespace` names is no address to fetch."""
        if name not in ("import", "namespace"):
            return position
        role = CSS_IMPORT if name == "import" else None
        position = _end(_SKIP, self.css, position)
        start = _URL_START.match(self.css, position)
        if start is None and role is None:
            prefix = _WHOLE_NAME.match(self.css, position)
            if prefix:
                position = _end(_SKIP, self.css, prefix.end())
                start = _URL_START.match(self.css, position)
        if start is not None:
            return self.url(start.end(), role) if _unescape(start[0][:-1]).lower() == "url" else position
        return self.string(position, role) if self.css[position : position + 1] in ('"', "'") else position

    def image_set(self, position: int) -> int:
        """Strings directly within image-set() are addresses, those of its type() are not (CSS Images 4)."""
        blocks = [(")", True)]
        while blocks and (token := _find(_INSIDE, self.css, position)):
            position = token.end()
            name = _function_name(token)
            self.function_open = False
            if name == "url":
                position = self.url(position, CSS_URL)
            elif name is not None:
                blocks.append((")", name in _IMAGE_SETS))
            elif token["string"] and blocks[-1][1]:
                self.string(token.start(), CSS_IMAGE_SET)
            elif token["at"]:
                position = self.at_rule(_unescape(token["at"]).lower(), position)
            elif token["brackets"]:
                position = _through(token["brackets"], blocks, token.start())
            if self.function_open:
                blocks.append((")", False))
        return position if not blocks else len(self.css)


def _through(brackets: str, blocks: list[tuple[str, bool]], position: int) -> int:
    """Opens and closes blocks; returns where to go on: behind the bracket that closes the last, or behind all."""
    for index, bracket in enumerate(brackets, 1):
        if bracket in _BLOCKS:
            blocks.append(_BLOCKS[bracket])
        elif bracket == blocks[-1][0]:
            blocks.pop()
            if not blocks:
                return position + index
    return position + len(brackets)


def _end(pattern: re.Pattern[str], css: str, position: int) -> int:
    match = pattern.match(css, position)
    return match.end() if match else position


def _function_name(token: re.Match[str]) -> str | None:
    """The function that the token opens, in lower case, or None."""
    if name := token["function"]:
        return name.lower()
    return _unescape(token[0][:-1]).lower() if token["escaped"] else None


def _string_value(token: re.Match[str]) -> str | None:
    """None for a bad string, one that a newline cuts off (CSS Syntax, section 4.3.5)."""
    text = token[0]
    closed = len(text) > 1 and text[-1] == text[0] and not _ESCAPED_END.search(text[:-1])
    if closed:
        return _unescape(text[1:-1])
    if token.end() < len(token.string):
        return None
    return _unescape(text[1:-1] if _ESCAPED_END.search(text) else text[1:])


_ESCAPED_END = re.compile(r"(?<!\\)(?:\\\\)*+\\\Z")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(_escaped_character, text) if "\\" in text else text


def _escaped_character(escape: re.Match[str]) -> str:
    if digits := escape[1]:
        code = int(digits, 16)
        return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"
    if escape[2]:
        return ""  # in a string, a newline after a backslash continues it
    return escape[3] or "\ufffd"
