"""How values are written for people: sizes, times, bytes, addresses. No I/O.

What an archive holds was written by strangers. Templates escape markup; here the rest is made visible that could
deceive the eye: control characters, and those that turn the reading direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from storage.printable import printable
from storage.replay.address import moment_of, normalised
from storage.replay.queries import Entry

BODY_SHOWN = 64 << 10
"""Bytes of a body that a page shows; all of it can be downloaded."""
_HEX_SHOWN = 4 << 10
_HEX_WIDTH = 16
_URL_CHARACTERS = "!$%&'()*+,-./:;=?@[]_~|"
_CHART = 1000
"""Width of a timeline's drawing, in its own units."""


def size(count: int) -> str:
    """`12.3 KiB`."""
    amount, units = float(count), ("B", "KiB", "MiB", "GiB", "TiB")
    for unit in units[:-1]:
        if amount < 1024:
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {units[-1]}"


def number(count: int) -> str:
    """Digits in groups of three, with a thin no-break space."""
    return f"{count:,}".replace(",", "\u202f")


def day(timestamp: str) -> str:
    """`2026-01-02 03:04:05`, in UTC; what is no date as it is."""
    moment = moment_of(timestamp)
    return timestamp if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def iso(timestamp: str) -> str:
    """For the `datetime` of a time element."""
    moment = moment_of(timestamp)
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def visible(text: str | None) -> str:
    """One line that shows whatever hides in it."""
    return printable(text or "")


def visible_lines(text: str) -> str:
    """The same over lines; one that ends in LF alone says so, for HTTP wants CR LF."""
    return "\n".join(printable(line.removesuffix("\r").replace("\t", "    ")) for line in text.split("\n"))


def component(text: str) -> str:
    """For one part of a path or a query."""
    return quote(text, safe="")


def in_path(url: str) -> str:
    """An archived URL as the rest of a path: in WHATWG form, and in ASCII whatever it is."""
    return quote(normalised(url), safe=_URL_CHARACTERS)


def name(entry: Entry) -> str:
    """What to call a capture without a title: the last part of its address."""
    path = entry.url.partition("?")[0].rstrip("/")
    return path.rpartition("/")[2] or entry.url


def hexdump(data: bytes) -> str:
    """Offset, bytes and what of them is ASCII, 16 a line; the first 4 KiB."""
    lines = []
    for start in range(0, min(len(data), _HEX_SHOWN), _HEX_WIDTH):
        row = data[start : start + _HEX_WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{start:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}")
    return "\n".join(lines)


def block_text(data: bytes) -> tuple[str, bool]:
    """A message body as people can read it, and whether it is a hexdump."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3:  # no mere cut within a character
            return hexdump(data), True
        text = data[: error.start].decode("utf-8")
    if any(char < " " and char not in "\t\n\r\f" for char in text):
        return hexdump(data), True
    return visible_lines(text), False


def status_word(entry: Entry) -> str:
    """The class of a status, for colours: never colour alone, the number stands beside it."""
    return {2: "good", 3: "moved", 4: "gone", 5: "broken"}.get((entry.status or 0) // 100, "none")


def chart(entries: Sequence[Entry]) -> list[tuple[int, Entry]]:
    """Where the captures of one URL stand on a line from the first to the last."""
    moments = [moment_of(entry.timestamp) for entry in entries]
    known = [(moment, entry) for moment, entry in zip(moments, entries, strict=True) if moment is not None]
    if not known:
        return []
    first, last = known[0][0], known[-1][0]
    return [(_position(moment, first, last), entry) for moment, entry in known]


def _position(moment: datetime, first: datetime, last: datetime) -> int:
    span = (last - first).total_seconds()
    return round(_CHART * (moment - first).total_seconds() / span) if span else _CHART // 2
