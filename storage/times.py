"""Times as people and indexes write them: ISO 8601, or up to 14 digits, the rest left open."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

_DIGITS = re.compile(r"[0-9]{4,14}")


def parse_time(text: str, *, end: bool = False) -> datetime:
    """A time in UTC: `2026-01-02`, `2026-01-02T03:04:05Z`, `20260102`, `2026`. What is left open is filled with the
    earliest time, or with the latest if `end`. Raises ValueError."""
    text = text.strip()
    if _DIGITS.fullmatch(text) or re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text):
        try:
            return _filled(re.sub(r"\D", "", text), end=end)
        except ValueError as error:
            raise ValueError(f"{text!r} is not a time: {error}") from None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; 2026-01-02, 2026-01-02T03:04:05Z or 20260102030405 would be"
        ) from None


def _filled(digits: str, *, end: bool) -> datetime:
    if len(digits) % 2:
        raise ValueError("an odd number of digits")
    year = int(digits[:4])
    month = int(digits[4:6] or (12 if end else 1))
    day = int(digits[6:8] or (calendar.monthrange(year, month)[1] if end else 1))
    latest = (23, 59, 59) if end else (0, 0, 0)
    hour, minute, second = (int(digits[8 + 2 * n : 10 + 2 * n] or latest[n]) for n in range(3))
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def parse_stamp(timestamp: str) -> datetime:
    """14 digits of an index as a time; the earliest there is where they are none."""
    try:
        return datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
