"""Start tags in a row, without a tree: for documents that would make a tree parser's work grow without measure.

A few kilobytes can be written so that a tree, built as the HTML Standard demands, has millions of nodes (each block
repeats every formatting element left open) or takes minutes (each tag looks through all that are open). `is_costly`
finds such documents and very long ones; `start_tags` reads them in one pass. What it cannot tell without a tree, such
as a second meaning of `<a` in a malformed attribute, costs at most a link.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

MAX_TREE_TAGS = 100_000
"""Beyond this many tags a tree costs hundreds of megabytes."""
_FREE_TAGS = 1_400  # so few cannot do harm: 1400² / 4 nodes
_FLAT_TAGS = 20_000  # so many, all nested, are parsed in half a second
_MAX_NODES = 2_000_000
_MAX_STEPS = 200_000_000
_WINDOW = 2_048
_MAX_SEPARATORS = 256

_FORMATTING_TAG = re.compile(
    rb"<(?:[bisuBISU]|tt|TT|em|EM|big|BIG|code|CODE|font|FONT|small|SMALL|strike|STRIKE|strong|STRONG)[\s/][^>]*"
)
_ANY_TAG = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)")
_SEPARATORS = re.compile(rb"[\s\"']+")
_NO_DEPTH = frozenset(
    b"area base br col embed hr img input link meta param source track wbr p li dd dt option tr td th".split()
)


def is_costly(content: bytes) -> bool:
    """True if a tree of this document could cost far more than its length suggests. An upper estimate, in one pass."""
    if len(content) > 4 * _WINDOW and _has_long_tag(content):
        return True
    tags = content.count(b"<")
    if tags <= _FREE_TAGS:
        return False
    if tags > MAX_TREE_TAGS:
        return True
    # HTML Standard, section 13.2.4.3: of equal formatting elements at most three are repeated; there are 12 names.
    formatting = 36 + 3 * len(set(_FORMATTING_TAG.findall(content)))
    if formatting * tags > _MAX_NODES:
        return True
    return tags > _FLAT_TAGS and _is_deep(content)


def _has_long_tag(content: bytes) -> bool:
    """A tag of very many attributes: each is compared with all before it."""
    if content.count(b"=") > 10_000 + 8 * content.count(b"<"):
        return True
    for start in range(0, len(content) - _WINDOW, _WINDOW):
        if content.find(b">", start, start + _WINDOW) < 0:
            window = content[start : start + _WINDOW]
            if len(_SEPARATORS.findall(window)) > _MAX_SEPARATORS and b"<" not in window:
                before = content.rfind(b"<", 0, start)
                if before >= 0 and content.find(b">", before, start) < 0:
                    return True
    return False


def _is_deep(content: bytes) -> bool:
    """Adds up how many elements are open at each tag."""
    opened: dict[bytes, int] = {}
    depth = steps = 0
    for tag in _ANY_TAG.finditer(content):
        name = tag[2].lower()
        if name in _NO_DEPTH:
            continue
        count = opened.get(name, 0)
        if not tag[1]:
            opened[name] = count + 1
            depth += 1
        elif count:
            opened[name] = count - 1
            depth -= 1
        steps += depth
        if steps > _MAX_STEPS:
            return True
    return False


_RAW_TEXT = "script|style|title|textarea|xmp|iframe|noembed|noframes"
_TAG = re.compile(
    rf"<(?!/?(?!(?:{_RAW_TEXT}|plaintext)>)[a-zA-Z][a-zA-Z0-9]*>)(?:(!--)|([!?/])|([a-zA-Z][^\s/>]*+))", re.IGNORECASE
)
"""Steps over end tags and start tags without attributes, which refer to nothing."""
_ATTRIBUTE = re.compile(
    r"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)(?:\"|\Z)|'([^']*+)(?:'|\Z)|([^\s>]*+)))?"
)
_TAG_END = re.compile(r"[\s/]*+>")
_END_OF_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW_TEXT.split("|")}
_MAX_ATTRIBUTES = 100


def start_tags(text: str) -> Iterator[tuple[str, dict[str, str | None], str]]:
    """Name, attributes, and for raw text elements their text; comments and the inside of scripts hold no tags."""
    position = 0
    while tag := _TAG.search(text, position):
        position = tag.end()
        if tag[1] or tag[2]:
            end = text.find("-->" if tag[1] else ">", position)
            if end < 0:
                return
            position = end + 1
            continue
        name = tag[3].lower()
        attributes, position = _attributes(text, position)
        content = ""
        if name == "plaintext":
            return
        if name in _END_OF_RAW:
            end_tag = _END_OF_RAW[name].search(text, position)
            content = text[position : end_tag.start() if end_tag else len(text)]
            position = end_tag.end() if end_tag else len(text)
        yield name, attributes, html.unescape(content) if name == "title" else content


def _attributes(text: str, position: int) -> tuple[dict[str, str | None], int]:
    attributes: dict[str, str | None] = {}
    while not (end := _TAG_END.match(text, position)):
        attribute = _ATTRIBUTE.match(text, position)
        if attribute is None:
            return attributes, len(text)
        position = attribute.end()
        name, double, single, bare = attribute.groups()
        if len(attributes) < _MAX_ATTRIBUTES:
            value = double if double is not None else single if single is not None else bare
            attributes.setdefault(name.lower(), html.unescape(value) if value else None)
    return attributes, end.end()
