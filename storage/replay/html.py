"""HTML for replay: addresses lead into the archive, every other byte stays where and as it was.

The document is not parsed into a tree and written anew, which would repair what its author got wrong: start tags are
found as the tokenizer of the HTML standard finds them (section 13.2.5), and in them the values that change are
replaced. What it takes for a tag and a browser does not, or the other way round, costs a picture and never safety: the
replay's content security policy lets nothing out. Linear in the document's length. No I/O.
"""

from __future__ import annotations

import html
import re
from collections.abc import Generator, Iterator
from html.entities import html5

from storage.markup import MARKUP, ONE_ATTRIBUTE, RAW_TEXT
from storage.replay.address import Links
from storage.replay.css import rewrite_css
from storage.replay.elements import MATTERS, TAGS, Attributes, Change, Fate, changes
from storage.replay.script import rewrite_import_map, rewrite_script

NESTING = 3
"""Documents in documents: an iframe's srcdoc, and its frames' srcdoc."""

_CDATA_END = re.compile(r"\]\]>")
_PI_HREF = re.compile(r"(<\?xml-stylesheet\b[^>]*?\bhref\s*=\s*)(?:\"([^\"]*)\"|'([^']*)')")
_REFERENCE = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9A-Fa-f]++);?|(?P<name>[A-Za-z][A-Za-z0-9]*+;?)(?P<more>=)?)")


def rewrite_html(markup: str, links: Links, *, insert: str = "", xml: bool = False, depth: int = 0) -> str:
    """The document with its addresses mapped. `insert` is markup that goes to the start of its head.

    `xml`: XHTML or SVG, in which no element's content is raw text, and only an explicit head takes `insert`."""
    return "".join(_Rewriting(markup, links, insert, xml, depth).pieces())


class _Rewriting:
    """One pass over one document."""

    def __init__(self, markup: str, links: Links, insert: str, xml: bool, depth: int) -> None:
        self._markup, self._links, self._insert, self._xml, self._depth = markup, links, insert, xml, depth
        self._script = insert
        self._has_base = False

    def pieces(self) -> Iterator[str]:
        markup, position = self._markup, 0
        while (found := MARKUP.search(markup, position)) is not None:
            start, end = found.span()
            yield markup[position:start]
            position = end
            tag = found["tag"]
            if tag is not None:
                tag = tag.lower()
                yield from self._start_tag(tag, found)
                if tag == "plaintext" and not self._xml:
                    break
                if tag in RAW_TEXT:
                    position = yield from self._content(tag, found["attributes"], position)
            elif found["torn"] is not None:  # the file ends within this tag: there is no other in it
                position = start
                break
            else:
                position = yield from self._other(found)
        yield markup[position:]

    def _other(self, found: re.Match[str]) -> Generator[str, None, int]:
        """Comments, end tags, declarations; returns where to go on."""
        text = found[0]
        if self._xml and found["cdata"] is not None:
            end = _CDATA_END.search(self._markup, found.end())
            stop = len(self._markup) if end is None else end.end()
            yield self._markup[found.start() : stop]
            return stop
        if text.startswith("<?xml-stylesheet"):
            text = _PI_HREF.sub(self._stylesheet, text)
        yield text
        return found.end()

    def _stylesheet(self, found: re.Match[str]) -> str:
        value = html.unescape(found[2] if found[2] is not None else found[3])
        return f'{found[1]}"{_escaped(self._links.map(value) or value)}"'

    def _start_tag(self, tag: str, found: re.Match[str]) -> Iterator[str]:
        """The tag with its changes, and before or behind it what is inserted."""
        inserted = self._insert
        if inserted and tag != "html" and (tag == "head" or not self._xml):
            self._insert = ""
            yield from (self._changed(tag, found), inserted) if tag == "head" else (inserted, self._changed(tag, found))
        else:
            yield self._changed(tag, found)

    def _changed(self, tag: str, found: re.Match[str]) -> str:
        if tag.rpartition(":")[2] not in TAGS and MATTERS.search(found["attributes"]) is None:
            return found[0]
        attributes = _read(found["attributes"])
        new = changes(tag, attributes, self._links)
        if tag == "iframe" and "srcdoc" in attributes and self._depth < NESTING:
            new["srcdoc"] = rewrite_html(attributes["srcdoc"], self._links, insert=self._script, depth=self._depth + 1)
        if tag == "base" and "href" in attributes and not self._has_base:
            self._has_base = True
            self._links = self._links.rebased(attributes["href"])
        return f"<{found['tag']}{_replaced(found['attributes'], new)}>" if new else found[0]

    def _content(self, tag: str, attributes: str, start: int) -> Generator[str, None, int]:
        """The raw text of an element; returns where to go on, which is at its end tag."""
        if self._xml:
            if tag not in ("style", "script"):
                return start
            end = self._markup.find(f"</{tag}", start)
            end = start if end < 0 or attributes.rstrip().endswith("/") else end
        else:
            closing = RAW_TEXT[tag].search(self._markup, start)
            end = len(self._markup) if closing is None else closing.start()
        text = self._markup[start:end]
        if tag == "style":
            text = rewrite_css(text, self._links)
        elif tag == "script":
            text = self._program(text, attributes)
        yield text
        return end

    def _program(self, text: str, attributes: str) -> str:
        kind = _read(attributes).get("type", "").strip().lower()
        if kind == "importmap":
            return rewrite_import_map(text, self._links)
        return rewrite_script(text, self._links) if kind in ("module", "") or "javascript" in kind else text


def _read(attributes: str) -> Attributes:
    """Names in lower case with their values, references resolved; of a repeated name the first counts."""
    values: dict[str, str] = {}
    for found in ONE_ATTRIBUTE.finditer(attributes):
        values.setdefault(found["name"].lower(), unescaped(_value(found)))
    return values


def unescaped(value: str) -> str:
    """An attribute's value with its character references resolved: section 13.2.5.73, by which the `&copy` of
    `?a=1&copy=2` is none."""
    return _REFERENCE.sub(_character, value) if "&" in value else value


def _character(found: re.Match[str]) -> str:
    name = found["name"]
    if name is None:
        return html.unescape(found[0])
    if found["more"] and not name.endswith(";"):
        return found[0]
    return html5.get(name, f"&{name}") + (found["more"] or "")


def _value(found: re.Match[str]) -> str:
    return found["double"] or found["single"] or found["bare"] or ""


def _replaced(attributes: str, new: dict[str, Change]) -> str:
    """The text of a tag's attributes with some of them changed."""
    done: set[str] = set()

    def replace(found: re.Match[str]) -> str:
        name = found["name"].lower()
        change = new.get(name) if name not in done or new.get(name) is Fate.ASIDE else None
        if change is None:
            return found[0]
        done.add(name)
        before = found[0][: found.start("name") - found.start()]
        if change is Fate.ASIDE:  # where the name is repeated, all: the second would count otherwise
            return f"{before}data-archived-{found[0][len(before) :]}"
        return f'{before}{found["name"]}="{_escaped(change)}"'

    return ONE_ATTRIBUTE.sub(replace, attributes)


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
