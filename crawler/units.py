"""Sizes and times as people write them, and back. Pure."""

from __future__ import annotations

import math
import re

_SIZE = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*(?:([kmgt])(?:i?b)?|b)?", re.IGNORECASE | re.ASCII)
_TIME = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(sec|min|[smhdw])?", re.IGNORECASE | re.ASCII)

# Powers of 1024 whichever way they are written, as wget reads them: nobody means 2GB to be less than 2GiB.
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TIME_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LETTERS = ("", "K", "M", "G", "T")


def parse_size(text: str) -> int:
    """Bytes of `10`, `10K`, `5M`, `2G`, `1.5GiB`. Raises ValueError with a sentence."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write bytes, or a number with K, M, G or T, such as 500M")
    unit = _SIZE_UNITS[(match[2] or "").lower()]
    return round(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit


def parse_duration(text: str) -> float:
    """Seconds of `30`, `30s`, `5m`, `2h`, `1d`, `1h30m`. Raises ValueError with a sentence."""
    parts = list(_TIME.finditer(text.strip()))
    whole = bool(parts) and not _TIME.sub("", text).strip()
    if not whole or (len(parts) > 1 and any(part[2] is None for part in parts)):
        raise ValueError(f"{text!r} is not a time; write seconds, or a number with s, m, h, d or w, such as 90s or 2h")
    return math.fsum(float(part[1]) * _TIME_UNITS[(part[2] or "").lower()] for part in parts)


def exact_size(size: int) -> str | int:
    """The shortest way to write a size that `parse_size` reads back to the same number: `1G`, or 1000."""
    power = 0
    while size and size % 1024 == 0 and power < len(_LETTERS) - 1:
        size, power = size // 1024, power + 1
    return f"{size}{_LETTERS[power]}" if power else size


def show_bytes(size: float) -> str:
    """For people, rounded: `870 B`, `12.3 KB`, `1.2 GB` (powers of 1024)."""
    if size < 1000:
        return f"{size:.0f} B"
    for unit in "KMGT":
        size /= 1024
        if size < 999.5 or unit == "T":
            break
    return f"{size:.1f} {unit}B" if size < 99.95 else f"{size:,.0f} {unit}B"


def show_seconds(seconds: float) -> str:
    """For people: `4.2 s`, `1:05` (minutes), `2:03:04` (hours), `3 d 04:05:06`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_duration(seconds: float) -> str:
    """As an option's value: `30s`, `20m`, `2h`, `0.5s`."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
