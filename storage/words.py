"""A page's title and words, read in one pass over its tags. No I/O.

No tree is built: a few hundred kilobytes of tags within tags take a tree parser minutes and gigabytes, and a catalogue
reads whatever was crawled. Which words a browser would hide by a style sheet is not known here.
"""

from __future__ import annotations

import html
import re

from storage.markup import MARKUP, RAW_TEXT

TITLE_LIMIT = 300
WORDS_LIMIT = 200_000
"""Characters of a page's text that are kept."""

_UNSEEN = frozenset(("script", "style", "xmp", "iframe", "noembed", "noframes"))
_INLINE = frozenset("a abbr b bdi big cite code em font i ins kbd mark q s samp small span strong sub sup u".split())
_SPACE = re.compile(r"\s+")
_END_TAG = re.compile(r"</([A-Za-z][^\s/>]*)")


def page_words(markup: str) -> tuple[str | None, str]:
    """Title and text, white space made one space; the title is None where there is none."""
    title: str | None = None
    pieces: list[str] = []
    position = size = 0
    while size < WORDS_LIMIT and (found := MARKUP.search(markup, position)) is not None:
        text = markup[position : found.start()]
        pieces.append(text)
        size += len(text)
        if found["torn"] is not None:
            return title, tidy("".join(pieces))
        position = found.end()
        name = (found["tag"] or "").lower()
        closing = RAW_TEXT.get(name)
        if closing is not None:
            end = closing.search(markup, position)
            stop = len(markup) if end is None else end.start()
            if name == "title" and title is None:
                title = tidy(markup[position:stop][: 10 * TITLE_LIMIT])[:TITLE_LIMIT] or None
            elif name not in _UNSEEN and name != "title":
                pieces.append(markup[position:stop])
            position = stop
        elif not _is_inline(found, name):
            pieces.append(" ")
    if size < WORDS_LIMIT:
        pieces.append(markup[position:])
    return title, tidy("".join(pieces))


def tidy(text: str) -> str:
    """References resolved, white space made one space; without lone surrogates, which JSON cannot carry, and NUL."""
    plain = html.unescape(text).encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return _SPACE.sub(" ", plain).strip()[:WORDS_LIMIT]


def _is_inline(found: re.Match[str], name: str) -> bool:
    """A tag or comment that parts no words: `<b>W</b>ord` is one."""
    if found[0][1] in "!?":
        return True
    ending = _END_TAG.match(found[0])
    return (ending[1].lower() if ending else name) in _INLINE
