"""The Set-Cookie field as browsers read it: rfc6265bis section 5.6, and the dates of section 5.1.1. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec import Struct

MAX_PAIR = 4096
"""rfc6265bis section 5.6, step 5: longer name-value pairs are ignored."""
MAX_ATTRIBUTE = 1024
"""Step 6 of the attributes: longer values are ignored."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SPACE = " \t"
_DATE_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)", re.ASCII)
_DAY = re.compile(r"(\d{1,2})(?:\D|$)", re.ASCII)
_YEAR = re.compile(r"(\d{2,4})(?:\D|$)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class SetCookie(Struct, frozen=True):
    """What a Set-Cookie field says."""

    name: str
    value: str
    domain: str = ""
    """In lower case, without a leading dot."""
    path: str | None = None
    """None: the request's own directory."""
    secure: bool = False
    expires: float | None = None
    max_age: int | None = None


def parse_set_cookie(field: str) -> SetCookie | None:
    """Reads a field's value, as latin-1 text; None for one to be ignored.

    What is not UTF-8 cannot be sent back as it came, and is ignored too."""
    try:
        text = field.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    if _CONTROL.search(text):
        return None
    pair, *attributes = text.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    name, value = name.strip(_SPACE), value.strip(_SPACE)
    if not (name or value) or len(name.encode()) + len(value.encode()) > MAX_PAIR:
        return None
    found = {"domain": "", "path": ""}
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        if len(text) <= MAX_ATTRIBUTE:
            _keep(found, key.strip(_SPACE).lower(), text.strip(_SPACE))
    return SetCookie(
        name,
        value,
        domain=found["domain"].removeprefix(".").lower(),
        path=found["path"] if found["path"].startswith("/") else None,
        secure="secure" in found,
        expires=parse_date(found.get("expires", "")),
        max_age=int(found["max-age"]) if "max-age" in found else None,
    )


def _keep(found: dict[str, str], key: str, text: str) -> None:
    """The last of each attribute counts, but what cannot be understood does not."""
    if key == "max-age":
        if re.fullmatch(r"-?[0-9]+", text):
            found[key] = "-1" if text.startswith("-") else text[:12]
    elif key != "expires" or parse_date(text) is not None:
        found[key] = text


def parse_date(text: str) -> float | None:
    """A cookie-date in seconds since 1970, or None (rfc6265bis section 5.1.1)."""
    clock = day = month = year = None
    for token in _DATE_DELIMITERS.split(text):
        if clock is None and (match := _TIME.match(token)):
            clock = match
        elif day is None and (match := _DAY.match(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.match(token)):
            year = int(match[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:
        return datetime(year, month, day, int(clock[1]), int(clock[2]), int(clock[3]), tzinfo=UTC).timestamp()
    except ValueError:
        return None
