"""Text that strangers wrote, made fit for a terminal. Pure."""

from __future__ import annotations

import unicodedata

from crawler.model import Outcome
from crawler.units import show_bytes

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that steer a terminal, turn the reading direction or show nothing."""


def printable(text: str) -> str:
    """The text with everything invisible written as an escape: URLs and reasons come from whoever was crawled."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def shorten(text: str, width: int) -> str:
    """At most `width` characters, cut in the middle, since a URL tells most at its ends."""
    if len(text) <= width:
        return text
    if width < 5:
        return text[: max(width, 0)]
    tail = (width - 1) // 3
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def status_word(outcome: Outcome) -> str:
    """Three to eight letters that say how it ended: `200`, `failed`, `excluded`."""
    if outcome.kind in ("archived", "revisited") and outcome.status is not None:
        return str(outcome.status)
    return outcome.kind.value


def outcome_line(outcome: Outcome) -> str:
    """One finished URL on one line, for --verbose."""
    parts = [f"{status_word(outcome):>8}", f"{show_bytes(outcome.bytes):>8}", f"{outcome.ms:>6} ms"]
    parts.append(printable(outcome.url))
    if outcome.kind == "revisited":
        parts.append("(unchanged)" if outcome.status == 304 else "(a payload that is archived already)")
    if outcome.reason:
        parts.append(f"({printable(outcome.reason)})")
    return "  ".join(parts)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
