"""When a signed URL ceases to work, read from the URL itself. Pure.

Stores of files (S3, Google Cloud, Azure) and content networks hand out links that are good for minutes: a crawl that
asks for them in the order of finding comes too late. Only the query is looked at, and only a moment that a signature
could mean: a time after September 2001 and before 2106.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

EARLIEST, LATEST = 1_000_000_000, 1 << 32

_NAMES = r"expir(?:es?|y|ation|e[sd]?[_-]?at)|exp|se|oe|ex|hdn(?:ts|ea)|token|jwt"
_WORTH_A_LOOK = re.compile(rf"[?&;](?:x-(?:amz|goog|oss)-expires|x-oss-expires|{_NAMES})=", re.IGNORECASE)
_PARAMETER = re.compile(r"[?&;]([A-Za-z_-]{1,16})=([^&;#]{1,4096})")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_AKAMAI = re.compile(r"(?:^|~)exp=(\d{10})(?:~|$)")
_MAX_DATE = 40


def expiry_of(url: str) -> int | None:
    """Seconds since the epoch after which the URL's signature is void; None for a URL that names no such moment."""
    if "?" not in url or _WORTH_A_LOOK.search(url) is None:
        return None
    _, mark, query = url.partition("#")[0].partition("?")
    values = {name.lower(): unquote(value) for name, value in _PARAMETER.findall(mark + query)}
    moments = [_dated(values, vendor) for vendor in ("amz", "goog", "oss")]
    moments += [read(values[name]) for name, read in _READERS.items() if name in values]
    return min((moment for moment in moments if moment is not None and EARLIEST <= moment < LATEST), default=None)


def _dated(values: Mapping[str, str], vendor: str) -> int | None:
    """Signature version 4: a date, and how many seconds from then."""
    date, seconds = values.get(f"x-{vendor}-date", ""), values.get(f"x-{vendor}-expires", "")
    stamp = _STAMP.fullmatch(date)
    if stamp is None or not _is_number(seconds, 7):
        return None
    try:
        begun = datetime(*map(int, stamp.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return int(begun.timestamp()) + int(seconds)


def _epoch(value: str) -> int | None:
    """Seconds, or thousandths of them."""
    if _is_number(value, 10):
        return int(value)
    return int(value) // 1000 if _is_number(value, 13) and len(value) == 13 else None


def _hexadecimal(value: str) -> int | None:
    """Facebook's `oe`, Discord's `ex`."""
    return int(value, 16) if len(value) == 8 and all(char in "0123456789abcdefABCDEF" for char in value) else None


def _date(value: str) -> int | None:
    """Azure's `se`: ISO 8601, in UTC unless it says otherwise."""
    if len(value) > _MAX_DATE:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _either(value: str) -> int | None:
    return _epoch(value) or _date(value)


def _token(value: str) -> int | None:
    """Akamai's `exp=…~acl=…~hmac=…`, and the `exp` of a JSON Web Token (RFC 7519 section 4.1.4)."""
    found = _AKAMAI.search(value)
    if found is not None:
        return int(found[1])
    parts = value.split(".")
    if len(parts) != 3 or not value.startswith("eyJ"):
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    moment = claims.get("exp") if isinstance(claims, dict) else None
    return int(moment) if isinstance(moment, int | float) and 0 <= moment < LATEST else None


def _is_number(value: str, longest: int) -> bool:
    return 0 < len(value) <= longest and value.isascii() and value.isdigit()


_READERS: Mapping[str, Callable[[str], int | None]] = {
    "expires": _either,
    "expire": _either,
    "expiry": _either,
    "expiration": _either,
    "expires_at": _either,
    "expires-at": _either,
    "expiresat": _either,
    "exp": _epoch,
    "se": _date,
    "oe": _hexadecimal,
    "ex": _hexadecimal,
    "hdnts": _token,
    "hdnea": _token,
    "token": _token,
    "jwt": _token,
}
