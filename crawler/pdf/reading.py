"""What a PDF refers to (ISO 32000-1): the actions of its annotations and of its outline, and its base address.

Only the reader's process imports this module: pypdf takes a while to load, and may hang or fill the memory on what was
made for it. Text that merely looks like an address is no link: where a line ends it cannot be told from its rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import IO, Any

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError

from crawler.pdf.process import GOTO, OUTLINE, URI

MAX_CHAIN = 64
"""Actions that follow one another."""
MAX_OUTLINE = 100_000
MAX_TITLE = 500

MAX_PLAIN = 2_048
_PLAIN = re.compile(rb"/URI\s*\((https?://[^()\\\s<>]{3,2000})\)")

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


class Unreadable(Exception):
    """Nothing can be had of the document, for the reason told."""


class Torn(Unreadable):
    """It has lost what tells where its objects are."""


class Reading:
    """One document; what it is found to be about is known when `references` has ended."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.base: str | None = None
        """What its relative addresses are relative to (section 12.6.4.7), if it says."""
        self.title: str | None = None
        self.damage: str | None = None
        """The first thing that could not be read."""

    def references(self) -> Iterator[tuple[str, str]]:
        """Where each stood, and the address as it is written. Raises Unreadable, MemoryError."""
        try:
            reader = self._open()
        except Torn:
            yield from self._in_plain_sight()
            raise
        root = self._try(lambda: reader.trailer["/Root"].get_object())
        if isinstance(root, Mapping):
            self.base = self._try(lambda: _text(_dictionary(root.get("/URI")).get("/Base")))
        self.title = self._try(lambda: _title(reader))
        for page in self._each(lambda: iter(reader.pages)):
            for annotation in self._each(lambda page=page: iter(_list(page.get("/Annots")))):
                yield from self._of_actions(annotation, URI)
        if isinstance(root, Mapping):
            yield from self._of_outline(root.get("/Outlines"))

    def _open(self) -> PdfReader:
        try:
            reader = PdfReader(self._stream)
            if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                raise Unreadable("the PDF is encrypted with a password")
        except (DependencyError, NotImplementedError) as error:
            raise Unreadable(f"the PDF is encrypted: {error}") from None
        except Unreadable:
            raise
        except Exception as error:
            _raise_for_memory(error)
            raise Torn(f"the PDF cannot be read: {_said(error)}") from None
        return reader

    def _in_plain_sight(self) -> Iterator[tuple[str, str]]:
        """The addresses in what is left of a document, where it is not compressed."""
        self._stream.seek(0)
        before = b""
        while piece := self._stream.read(1 << 20):
            for match in _PLAIN.finditer(before + piece):
                yield URI, match[1].decode("latin-1")
            before = piece[-MAX_PLAIN:]

    def _of_outline(self, outlines: Any) -> Iterator[tuple[str, str]]:
        """The bookmarks, breadth first; each once, since damaged ones may run in a circle."""
        pending, seen = [outlines], dict[int, Any]()
        while pending and len(seen) < MAX_OUTLINE:
            item = self._try(partial(_dictionary, pending.pop()))
            if not item or id(item) in seen:
                continue
            seen[id(item)] = item  # kept, so that no other object gets its id
            yield from self._of_actions(item, OUTLINE)
            pending += [item[name] for name in ("/First", "/Next") if name in item]

    def _of_actions(self, holder: Any, context: str) -> Iterator[tuple[str, str]]:
        """What the actions of an annotation or a bookmark lead to (section 12.6)."""
        found = self._try(lambda: list(_addresses(_dictionary(holder), context)))
        yield from found or ()

    def _each(self, items: Any) -> Iterator[Any]:
        """The items as far as they can be read."""
        iterator = self._try(items)
        while iterator is not None:
            try:
                item = next(iterator)
            except StopIteration:
                return
            except Exception as error:
                self._note(error)
                return
            yield item

    def _try(self, read: Any) -> Any:
        """What `read` gives. What a damaged object makes pypdf raise, of any type, costs that object alone."""
        try:
            return read()
        except Exception as error:
            self._note(error)
            return None

    def _note(self, error: Exception) -> None:
        _raise_for_memory(error)
        self.damage = self.damage or f"the PDF is damaged: {_said(error)}"


def _title(reader: PdfReader) -> str | None:
    title = None if reader.metadata is None else reader.metadata.title
    return " ".join(title[: MAX_TITLE * 8].split())[:MAX_TITLE] or None if title else None


def _addresses(holder: Mapping[str, Any], context: str) -> Iterator[tuple[str, str]]:
    pending = [holder.get("/A"), holder.get("/PA"), *_dictionary(holder.get("/AA")).values()]
    for _ in range(MAX_CHAIN):
        if not pending:
            return
        action = _dictionary(pending.pop(0))
        kind = action.get("/S")
        if kind == "/URI" and (address := _text(action.get("/URI"))):
            yield context, address
        elif kind == "/GoToR" and (address := _file(action.get("/F"))):
            yield GOTO, address
        following = action.get("/Next")
        if following is not None:
            following = following.get_object()
            pending += following if isinstance(following, list) else [following]


def _file(specification: Any) -> str | None:
    """Another document, by its path or its address (section 7.11)."""
    value = None if specification is None else specification.get_object()
    if isinstance(value, Mapping):
        return _text(value.get("/UF") or value.get("/F"))
    return _text(value)


def _dictionary(value: Any) -> Mapping[str, Any]:
    """The dictionary that an object is or refers to; an empty one for all else."""
    found = value.get_object() if hasattr(value, "get_object") else value
    return found if isinstance(found, Mapping) else {}


def _list(value: Any) -> list[Any]:
    found = value.get_object() if hasattr(value, "get_object") else value
    return found if isinstance(found, list) else []


def _text(value: Any) -> str | None:
    """A string object; its bytes are ASCII by the standard and UTF-8 by habit."""
    found = value.get_object() if hasattr(value, "get_object") else value
    if isinstance(found, bytes):
        return found.decode("utf-8", "replace")
    return str(found) if isinstance(found, str) else None


def _raise_for_memory(error: BaseException) -> None:
    """Raises MemoryError if that is what became this error on its way."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            raise cause
        cause = cause.__cause__ or cause.__context__


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
