"""Asking for a document only if it has changed: which validators are worth sending, and what a 304 means. Pure.

RFC 9110 section 13 lets a client name what it has; a 304 then promises that it is current. How much that promise is
worth depends on the validator (section 8.8): an entity tag is compared weakly for a GET (section 13.1.2), and a date of
one second's grain may stand for two versions of that second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Fields = Iterable[tuple[str, str]]

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')
"""RFC 9110 section 8.8.3, but ASCII alone: what lies beyond would not go out as it came in."""
_GRAIN = timedelta(seconds=1)


def conditions_for(fields: Fields) -> tuple[tuple[str, str], ...]:
    """The request headers by which a document with these response headers is asked for again; none if a 304 would
    not be sure to mean the same document.

    Both validators are sent where there are both (RFC 9111 section 4.3.1): a server that knows entity tags goes by the
    tag alone (RFC 9110 section 13.1.3)."""
    found = {name.lower(): value for name, value in reversed(list(fields))}  # of several fields the first
    tag, modified = found.get("etag"), found.get("last-modified")
    conditions = []
    if tag is not None and _ENTITY_TAG.fullmatch(tag):
        conditions.append(("If-None-Match", tag))
    if modified is not None and (conditions or _is_strong(modified, found.get("date"))):
        conditions.append(("If-Modified-Since", modified))
    return tuple(conditions)


def confirms(conditions: Sequence[tuple[str, str]], fields: Fields) -> bool:
    """True if a 304 with these headers speaks of the document that was asked about: RFC 9111 section 4.3.4 gives it no
    meaning for another entity tag. Compared weakly, since servers that compress weaken the tag on one side alone."""
    asked = next((value for name, value in conditions if name == "If-None-Match"), None)
    answered = next((value for name, value in fields if name.lower() == "etag"), None)
    if asked is None or answered is None:
        return bool(conditions)
    return _opaque(asked) == _opaque(answered)


def _is_strong(modified: str, date: str | None) -> bool:
    """RFC 9110 section 8.8.2.2: the document was sent at least a second after it was last modified, so that it cannot
    have been modified again within the second that both dates name."""
    changed, sent = _http_date(modified), _http_date(date)
    return changed is not None and sent is not None and sent - changed >= _GRAIN


def _http_date(text: str | None) -> datetime | None:
    if text is None or not text.isascii():
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _opaque(tag: str) -> str:
    matched = _ENTITY_TAG.fullmatch(tag)
    return tag if matched is None else matched[1]
