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

from crawler.links.effort import LONG_PAGE

MAX_TREE_TAGS = 100_000
"""Beyond this many tags a tree costs hundreds of megabytes."""
_FREE_TAGS = 1_400  # so few do no harm: at most 1400² / 4 nodes
_MAX_NODES = 2_000_000
_FLAT_TAGS, _MAX_STEPS = 10_000, 100_000_000
"""So many tags, each within the one before, are parsed in about a tenth of a second."""
_FLAT_TAGS_OF_LONG, _MAX_STEPS_OF_LONG = 30_000, 300_000_000
"""In about a second, but in a thread that holds nobody up (see crawler/links/effort.py)."""
_FREE_LENGTH = 32_768
_SHORTEST_ATTRIBUTE = 5  # ` ab=1`
_WINDOW = 4_096
_MAX_SEPARATORS = 512

_FORMATTING_TAG = re.compile(rb"<(?:[bisu]|tt|em|big|code|font|small|strike|strong)[\s/][^>]*+", re.IGNORECASE)
_LIKE_FORMATTING = re.compile(rb"<[bcefistuBCEFISTU][\s/imotIMOT][^>]*+")
"""Every formatting tag and few others, told by two letters: half the time of the exact pattern."""
# All but void elements and those whose end tag is implied by the next of their kind.
_NESTING_TAG = re.compile(
    rb"</?(?!(?:a|area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|param|source|td|th|tr|track|wbr)[\s/>])"
    rb"[a-z][^\s/>]*+"
)
"""In lower case."""
_SEPARATORS = re.compile(rb"[\s\"']+")
_FORMATTING = frozenset(b"<b <i <s <u <tt <em <big <code <font <small <strike <strong".split())
_SLASH = ord("/")


def is_costly(content: bytes) -> bool:
    """True if a tree of this document could cost far more than its length suggests."""
    tags = content.count(b"<")
    if len(content) > _FREE_LENGTH and _has_long_tag(content, tags):
        return True
    if tags <= _FREE_TAGS:
        return False
    if tags > MAX_TREE_TAGS:
        return True
    flat, most_steps = (
        (_FLAT_TAGS_OF_LONG, _MAX_STEPS_OF_LONG) if len(content) > LONG_PAGE else (_FLAT_TAGS, _MAX_STEPS)
    )
    return (tags > flat or _has_many_formatting(content, tags)) and _grows(content, tags, most_steps)


def _has_many_formatting(content: bytes, tags: int) -> bool:
    """HTML Standard, section 13.2.4.3: of equal formatting elements at most three are repeated; there are 12 names."""
    most = (_MAX_NODES // tags - 36) // 3
    return most < 0 or (
        len(set(_LIKE_FORMATTING.findall(content))) > most and len(set(_FORMATTING_TAG.findall(content))) > most
    )


def _has_long_tag(content: bytes, tags: int) -> bool:
    """A tag of very many attributes: each is compared with all before it."""
    many = 10_000 + 8 * tags
    if len(content) > _SHORTEST_ATTRIBUTE * many and content.count(b"=") > many:
        return True
    for start in range(0, len(content) - _WINDOW, _WINDOW):
        if content.find(b">", start, start + _WINDOW) < 0:
            window = content[start : start + _WINDOW]
            if len(_SEPARATORS.findall(window)) > _MAX_SEPARATORS:
                before = content.rfind(b"<", 0, start)
                if before >= 0 and content.find(b">", before, start) < 0:
                    return True
    return False


def _grows(content: bytes, tags: int, most_steps: int) -> bool:
    """True if so many elements are open at once that looking through them, or repeating them, at each tag is costly."""
    opened: dict[bytes, int] = {}
    depth = deepest = formatting = most_formatting = 0
    for tag in _NESTING_TAG.findall(content.lower()):
        if tag[1] != _SLASH:
            opened[tag] = opened.get(tag, 0) + 1
            depth += 1
            if depth > deepest:
                deepest = depth
            if tag in _FORMATTING:
                formatting += 1
                if formatting > most_formatting:
                    most_formatting = formatting
            continue
        start = b"<" + tag[2:]
        count = opened.get(start, 0)
        if count:
            opened[start] = count - 1
            depth -= 1
            if start in _FORMATTING:
                formatting -= 1
    return deepest * tags > most_steps or most_formatting * tags > _MAX_NODES


_RAW_TEXT = "script|style|title|textarea|xmp|iframe|noembed|noframes"
_TAG = re.compile(
    rf"<(?!/?(?!(?:{_RAW_TEXT}|plaintext)>)[a-zA-Z][a-zA-Z0-9]*>)(?:(!--)|([!?/])|([a-zA-Z][^\s/>]*+))", re.IGNORECASE
)
"""Steps over end tags and start tags without attributes, which refer to nothing."""
_STEP = 256 << 10
_LONGEST_PLAIN = 16
"""Characters behind a tag's beginning that tell comments and raw text from others."""
_ATTRIBUTE = re.compile(
    r"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)(?:\"|\Z)|'([^']*+)(?:'|\Z)|([^\s>]*+)))?"
)
_TAG_END = re.compile(r"[\s/]*+>")
_END_OF_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW_TEXT.split("|")}


def start_tags(text: str) -> Iterator[tuple[str, dict[str, str | None], str]]:
    """Name, attributes, and for raw text elements their text; comments and the inside of scripts hold no tags."""
    position = 0
    while tag := _next_tag(text, position):
        position = tag.end()
        if tag[1] or tag[2]:
            end = text.find("-->" if tag[1] else ">", position)
            if end < 0:
                return
            position = end + 1
            continue
        name = tag[3].lower()
        attributes, position = _attributes(text, position)
        if position < 0:
            return
        content = ""
        if name == "plaintext":
            return
        if name in _END_OF_RAW:
            end_tag = _END_OF_RAW[name].search(text, position)
            content = text[position : end_tag.start() if end_tag else len(text)]
            position = end_tag.end() if end_tag else len(text)
        yield name, attributes, html.unescape(content) if name == "title" else content


def _next_tag(text: str, position: int) -> re.Match[str] | None:
    """Looked for step by step: within one search no other thread gets its turn."""
    length = len(text)
    while position < length:
        end = position + _STEP
        tag = _TAG.search(text, position, end)
        if tag is None:
            position = end if end >= length else end - 1
        elif tag.end() + _LONGEST_PLAIN < end or end >= length:
            return tag
        else:  # what makes it a tag that matters, or one that does not, may stand beyond the step
            position = tag.start()
            if whole := _TAG.match(text, position):
                return whole
            position += 1
    return None


def _attributes(text: str, position: int) -> tuple[dict[str, str | None], int]:
    """The attributes of a start tag and where it ends; -1 if the text ends first, and there is no such tag."""
    attributes: dict[str, str | None] = {}
    while not (end := _TAG_END.match(text, position)):
        attribute = _ATTRIBUTE.match(text, position)
        if attribute is None:
            return attributes, -1
        position = attribute.end()
        name, double, single, bare = attribute.groups()
        value = double or single or bare
        attributes.setdefault(name.lower(), html.unescape(value) if value else None)
    return attributes, end.end()
