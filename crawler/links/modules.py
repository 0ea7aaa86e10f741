"""What JavaScript imports: the modules that a browser fetches before it runs the one that names them.

ECMAScript, section 16.2: `import … from "./a.js"`, `import "./b.js"`, `export … from "./c.js"`; and, where the address
is a plain literal, `import("./d.js")` (section 13.3.10). Static ones stand in modules only, so what has them is one.
What looks like them in strings, templates, comments and regular expressions is none. Whether a slash divides or begins
a regular expression is told by what stands before it; behind brackets only a whole parser could tell for certain, and
the more usual is taken for granted: behind `}` it begins one, behind `)` it divides.

A name without an address (`import "lodash"`) means what an import map says, which only a page's own modules know here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from crawler.links.references import References, Unfinished
from crawler.links.roles import MODULE

MAX_OPENINGS = 2_000_000
"""Strings, comments, slashes and the like that are stepped over: some seconds of work. Large bundles have 100,000."""
MAX_TEMPLATES = 1_000
"""Of templates in templates in templates."""

_BY_ADDRESS = tuple(
    re.compile(rf"{begin}(?:[\"'`](?:\.{{0,2}}/|[hH][tT][tT][pP][sS]?:)|/[/*])")
    for begin in (r"import\s*+(?:\(\s*+)?", r"from\s*+")
)
"""What no program can do without that imports something by its address, comments between the words included."""
_BY_NAME = (re.compile(r"import\s*+[\"'(/`]"), re.compile(r"from\s*+[\"'/]"))
_OPENING = re.compile(r"[\"'`/]|import|export")
_OPENING_IN_TEMPLATE = re.compile(r"[\"'`/{}]|import|export")
_LONGEST_OPENING = 6
_STEP = 256 << 10
"""Characters looked through in one search, within which no other thread gets its turn."""
_LONGEST = 64 << 10
"""Characters of one import, or of a regular expression."""

_COMMENT = r"//[^\n\r\u2028\u2029]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)"
_STRING = r'"(?:[^"\\\n\r]|\\.)*+"?|' + r"'(?:[^'\\\n\r]|\\.)*+'?"
_LINE_COMMENT = re.compile(r"[^\n\r\u2028\u2029]*+")
_IN_STRING = {mark: re.compile(rf"(?:[^{mark}\\\n\r]|\\.)*+", re.DOTALL) for mark in "\"'"}
_IN_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{|\Z))*+", re.DOTALL)
_PATTERN = re.compile(r"/(?:[^/\\\[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*+\]?)++(/?)")
"""A regular expression; if it is not closed in its line, it is none."""

_SKIPPED = rf"(?:\s|{_COMMENT})*+"
_NAMES = rf"\{{(?:[\w$\s,]|{_COMMENT}|{_STRING})*+\}}"
_PLAIN = r"(?:\"(?P<double>[^\"\\\n\r]*+)\"|'(?P<single>[^'\\\n\r]*+)')"
_IMPORT_CLAUSE = re.compile(rf"(?:[\w$\s*,]|{_NAMES}|{_COMMENT})*+", re.DOTALL)
_ENDS_WITH_FROM = re.compile(r"(?<![\w$])from\s*\Z")
_NOTHING = re.compile(rf"{_SKIPPED}\Z", re.DOTALL)
_SPECIFIER = re.compile(_PLAIN)
_EXPORT_FROM = re.compile(
    rf"{_SKIPPED}(?:\*(?:{_SKIPPED}as(?![\w$]){_SKIPPED}(?:[\w$]++|{_STRING}))?|{_NAMES}){_SKIPPED}from{_SKIPPED}{_PLAIN}",
    re.DOTALL,
)
_IMPORT_CALL = re.compile(
    rf"{_SKIPPED}\({_SKIPPED}(?:{_PLAIN}|`(?P<template>(?:[^`\\$]|\$(?!\{{))*+)`){_SKIPPED}[,)]", re.DOTALL
)
_ADDRESS = re.compile(r"\.{0,2}/|https?:", re.IGNORECASE)  # HTML Standard, section 8.1.6.3: URL-like specifiers

_LOOK_BACK = 64
_LONGEST_NAME = 512
_WORD = re.compile(r"[\w$]+\Z")
_BEFORE_PATTERNS = frozenset("return typeof instanceof in of new delete void throw do else case yield await".split())
_VALUE = '"'


def add_imports(text: str, references: References) -> None:
    """Notes the modules that a program imports by their addresses."""
    if any(pattern.search(text) for pattern in (_BY_NAME if references.module_prefixes else _BY_ADDRESS)):
        _Scanner(text, references).run()


class _Scanner:
    """Goes through a program from one thing that begins something to the next."""

    __slots__ = ("_before", "_depths", "_divides_until", "_position", "_references", "_text")

    def __init__(self, text: str, references: References) -> None:
        self._text = text
        self._references = references
        self._position = 0
        self._before = ""
        """The end of the code before the position."""
        self._depths: list[int] = []
        """How many braces are open in each template's expression, of those that the position is in."""
        self._divides_until = 0
        """No regular expression begins before here."""

    def run(self) -> None:
        last = max(self._text.rfind("import"), self._text.rfind("from"))
        openings = 0
        while self._position <= last and len(self._depths) <= MAX_TEMPLATES:
            token = self._next()
            if token is None:
                return
            openings += 1
            if openings > MAX_OPENINGS:
                raise Unfinished(f"imports are looked for among {MAX_OPENINGS} strings, comments and the like")
            start, self._position = token.span()
            what = token[0]
            if what == "/":
                self._slash(start)
            elif what == "`":
                self._template()
            elif what in _IN_STRING:
                end = _end_of_run(_IN_STRING[what], self._text, self._position)
                self._position = end + self._text.startswith(what, end)
                self._before = _VALUE
            elif what in ("{", "}"):
                self._brace(what)
            elif self._is_word(start):
                self._before = what
                self._imported(what)

    def _next(self) -> re.Match[str] | None:
        """The next opening, with what stands before it noted."""
        text, begin, length = self._text, self._position, len(self._text)
        pattern = _OPENING_IN_TEMPLATE if self._depths else _OPENING
        while begin < length:
            end = begin + _STEP
            token = pattern.search(text, begin, end)
            if token is not None:
                code = text[max(self._position, token.start() - _LOOK_BACK) : token.start()].rstrip()
                self._before = code or self._before
                return token
            begin = end if end >= length else end - _LONGEST_OPENING
        return None

    def _is_word(self, start: int) -> bool:
        """Not a part of a longer name, nor a member's."""
        before, after = self._text[start - 1 : start], self._text[self._position : self._position + 1]
        return not (before.isalnum() or after.isalnum() or before in _OF_NAMES or after in _IN_NAMES)

    def _slash(self, start: int) -> None:
        following = self._text[start + 1 : start + 2]
        if following == "/":
            self._position = _end_of_run(_LINE_COMMENT, self._text, start)
        elif following == "*":
            end = self._text.find("*/", start + 2)
            self._position = len(self._text) if end < 0 else end + 2
        elif start >= self._divides_until and _may_precede_pattern(self._before):
            pattern = _PATTERN.match(self._text, start, start + _LONGEST)
            if pattern is not None and pattern[1]:
                self._position, self._before = pattern.end(), _VALUE
            else:
                self._divides_until = start + 1 if pattern is None else pattern.end()
                self._before = "/"
        else:
            self._before = "/"

    def _template(self) -> None:
        """From within a template to its end, or to the next expression in it."""
        end = _end_of_run(_IN_TEMPLATE, self._text, self._position)
        if self._text.startswith("${", end):
            self._depths.append(0)
            self._position, self._before = end + 2, "{"
        else:
            self._position, self._before = end + 1, _VALUE

    def _brace(self, brace: str) -> None:
        self._before = brace
        if brace == "{":
            self._depths[-1] += 1
        elif self._depths[-1]:
            self._depths[-1] -= 1
        else:
            self._depths.pop()
            self._template()

    def _imported(self, word: str) -> None:
        """What follows `import` or `export`. The position stays, or ends where no other of them can have begun."""
        text, limit = self._text, self._position + _LONGEST
        found = (_IMPORT_CALL if word == "import" else _EXPORT_FROM).match(text, self._position, limit)
        if found is None and word == "import":
            matched = _IMPORT_CLAUSE.match(text, self._position, limit)
            clause = matched[0] if matched else ""
            self._position += len(clause)
            if _ENDS_WITH_FROM.search(clause, max(0, len(clause) - _LOOK_BACK)) or _NOTHING.match(clause):
                found = _SPECIFIER.match(text, self._position, limit)
        if found is not None:
            self._position, self._before = found.end(), _VALUE
            specifier = next((each for each in found.groupdict().values() if each is not None), "")
            if _ADDRESS.match(specifier):
                self._references.add(specifier, MODULE)
            elif self._references.module_prefixes:
                self._references.add(_mapped(specifier, self._references.module_prefixes), MODULE)


_OF_NAMES = frozenset("_$.#\\")
_IN_NAMES = frozenset("_$\\")


def _may_precede_pattern(code: str) -> bool:
    """Whether a slash behind this code begins a regular expression."""
    word = _WORD.search(code)
    if word is not None:
        return word[0] in _BEFORE_PATTERNS
    return not code.endswith((")", "]", ".", _VALUE, "++", "--"))


def _mapped(specifier: str, prefixes: Mapping[str, str]) -> str | None:
    """What an import map makes of a name: its longest prefix counts (HTML Standard, section 8.1.6.2)."""
    at = specifier.rfind("/", 0, _LONGEST_NAME)
    while at >= 0:
        address = prefixes.get(specifier[: at + 1])
        if address is not None:
            return address + specifier[at + 1 :]
        at = specifier.rfind("/", 0, at)
    return None


def _end_of_run(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where the run of what the pattern matches ends; looked for step by step. An escape may stand across two steps."""
    while True:
        matched = pattern.match(text, position, position + _STEP)
        end = position if matched is None else matched.end()
        if end == position or end < position + _STEP - 1:
            return end
        position = end
