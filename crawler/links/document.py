"""What an extractor is given."""

from __future__ import annotations

from msgspec import Struct


class Document(Struct, frozen=True):
    """One fetched document, ready to be searched for links."""

    url: str
    """Its own address: the base of relative links until a `base` element says otherwise."""
    media_type: str | None
    """The essence of Content-Type in lower case, None if the server sent none."""
    charset: str | None
    """The charset parameter of Content-Type, None if absent."""
    content: bytes
    """The decoded body (content codings undone), bounded in size."""
    headers: tuple[tuple[str, str], ...] = ()
    """The response's fields, as latin-1."""
    guesses: bool = False
    """True if strings in scripts that only look like addresses are wanted, too."""
