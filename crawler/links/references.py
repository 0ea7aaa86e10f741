"""What an extractor has found so far: it outlives the extractor's failure."""

from __future__ import annotations

from webencodings import Encoding

from crawler.links.charset import UTF_8, encode_query
from crawler.links.roles import better
from crawler.model import Role
from crawler.urls import C0_AND_SPACE, Joiner, join

MAX_REFERENCES = 100_000
"""Distinct references of one document; a document with more is a trap, or an archive of its own."""


MAX_CHARACTERS = 32 << 20
"""Of all references of one document, as they are noted and once more as they are joined: a long base, or a template,
would make gigabytes of a short document's."""
_TOO_LONG = f"stopped after {MAX_CHARACTERS >> 20} Mi characters of links"


class Unfinished(Exception):
    """The search of a document ends here, for the reason told; what was found before counts."""


class TooManyReferences(Unfinished):
    """The document is cut off here."""


class References:
    """Distinct references of one document, in its order, each with its best role; not yet joined."""

    def __init__(self, url: str, *, guesses: bool = False) -> None:
        self.url = url
        """The document's own address."""
        self.guesses = guesses
        """True if strings that only look like addresses are wanted, too."""
        self.base: str | None = None
        """The first base element's href (HTML Standard, section 4.2.3)."""
        self.title: str | None = None
        self.robots: list[tuple[str, str]] = []
        """Name and content of the meta elements that ask robots not to follow."""
        self.encoding: Encoding = UTF_8
        """The document's encoding, in which its links' queries are percent-encoded."""
        self.within: str | None = None
        """What the references added now are relative to, where a part of the document has a base of its own."""
        self.module_prefixes: dict[str, str] = {}
        """What the document's import map says of names that begin so, and end with a slash."""
        self.nesting = 0
        """How many documents this one is nested in (srcdoc, noframes)."""
        self.unjoined: str | None = None
        """Why `resolve` left some of them out, if it did."""
        self._roles: dict[str, Role] = {}
        self._characters = 0

    def add(self, reference: str | None, role: Role) -> None:
        """Notes a reference as it stands in the document; an empty one, or a mere fragment, is none.

        Raises TooManyReferences."""
        if not reference:
            return
        reference = reference.partition("#")[0].strip(C0_AND_SPACE)
        if not reference:
            return
        if self.within is not None:
            reference = join(self.within, reference) or reference
        known = self._roles.get(reference)
        if known is None:
            if len(self._roles) >= MAX_REFERENCES:
                raise TooManyReferences(f"stopped after {MAX_REFERENCES} links")
            self._characters += len(reference)
            if self._characters > MAX_CHARACTERS:
                raise TooManyReferences(_TOO_LONG)
            self._roles[reference] = role
        elif known is not role:
            self._roles[reference] = better(known, role)

    def nested(self) -> References:
        """An empty collection for a document inside this one."""
        inner = References(self.base_url(), guesses=self.guesses)
        inner.encoding, inner.nesting = self.encoding, self.nesting + 1
        return inner

    def take(self, inner: References) -> None:
        """Adds what a nested document referred to; its own base element, if any, is applied before."""
        base = inner.base_url() if inner.base else None
        for reference, role in inner._roles.items():
            self.add(join(base, reference) if base else reference, role)

    def base_url(self) -> str:
        """What relative references are joined to; a base that is not http(s) does not count."""
        return self.within or (join(self.url, self.base) if self.base else None) or self.url

    def resolve(self, joiner: Joiner) -> dict[str, Role]:
        """The absolute URLs in the document's order, each with its best role."""
        joined = joiner.at(self.base_url())
        legacy = self.encoding is not UTF_8
        links: dict[str, Role] = {}
        left = MAX_CHARACTERS
        for reference, role in self._roles.items():
            if legacy and not reference.isascii():
                reference = encode_query(reference, self.encoding)
            url = joined(reference)
            if url is None:
                continue
            known = links.get(url)
            if known is None:
                left -= len(url)
                if left < 0:
                    self.unjoined = _TOO_LONG
                    break
                links[url] = role
            elif known is not role:
                links[url] = better(known, role)
        return links
