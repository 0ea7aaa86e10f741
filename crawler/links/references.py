"""What an extractor has found so far: it outlives the extractor's failure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from webencodings import Encoding

from crawler.links.charset import UTF_8, encode_query
from crawler.links.roles import better, embed
from crawler.model import Kind, Role
from crawler.urls import C0_AND_SPACE, Joiner, join

MAX_REFERENCES = 100_000
"""Distinct references of one document; a document with more is a trap, or an archive of its own."""


MAX_CHARACTERS = 32 << 20
"""Of all references of one document, as they are noted and once more as they are joined: a long base, or a template,
would make gigabytes of a short document's."""
TOO_LONG = f"stopped after {MAX_CHARACTERS >> 20} Mi characters of links"


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
        self._base_url: str | None = None
        """What it means, once that was asked: each nested document asks."""
        self._early = 0
        """How many references stood before it."""
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
                raise TooManyReferences(TOO_LONG)
            self._roles[reference] = role
        elif known is not role:
            self._roles[reference] = better(known, role)

    def add_now(self, reference: str | None, role: Role) -> None:
        """Notes a reference that a base element after it does not move."""
        address = (reference or "").partition("#")[0].strip(C0_AND_SPACE)
        if address and self.base is None:
            address = join(self.base_url(), self._encoded(address)) or address
        self.add(address, role)

    def _encoded(self, reference: str) -> str:
        return reference if reference.isascii() else encode_query(reference, self.encoding)

    def meet_base(self, href: str | None) -> None:
        """A base element: the first one with an address counts."""
        if self.base is None and href is not None:
            self.base, self._early = href, len(self._roles)

    def nested(self) -> References:
        """An empty collection for a document inside this one."""
        inner = References(self.base_url(), guesses=self.guesses)
        inner.encoding, inner.nesting = self.encoding, self.nesting + 1
        return inner

    def take(self, inner: References) -> None:
        """Adds what a nested document referred to; its own base element, if any, is applied before."""
        base = inner.base_url() if inner.base else None
        for url, role in inner._asked_early() if base else ():
            self.add(url, role)
        for reference, role in inner._roles.items():
            self.add(join(base, reference) if base else reference, role)

    def base_url(self) -> str:
        """What relative references are joined to; a base that is not http(s) does not count."""
        if self.base and self._base_url is None:
            self._base_url = join(self.url, self.base) or self.url
        return self.within or self._base_url or self.url

    def _asked_early(self) -> Iterator[tuple[str, Role]]:
        """What browsers ask for before they know of the base element, by the document's own address."""
        if self.base_url() == self.url:
            return
        for reference, role in islice(self._roles.items(), self._early):
            if role.kind is Kind.REQUISITE or role.embedded:
                url = join(self.url, self._encoded(reference))
                if url is not None:
                    yield url, role if role.kind is Kind.REQUISITE else embed(role.context)

    def resolve(self, joiner: Joiner) -> dict[str, Role]:
        """The absolute URLs in the document's order, each with its best role."""
        joined = joiner.at(self.base_url())
        links: dict[str, Role] = {}
        left = MAX_CHARACTERS
        legacy = self.encoding is not UTF_8
        for reference, role in chain(self._asked_early(), self._roles.items()) if self._early else self._roles.items():
            url = joined(self._encoded(reference) if legacy else reference)
            if url is None:
                continue
            known = links.get(url)
            if known is None:
                left -= len(url)
                if left < 0:
                    self.unjoined = TOO_LONG
                    break
                links[url] = role
            elif known is not role:
                links[url] = better(known, role)
        return links
