"""An audit in words, and as JSON. Pure."""

from __future__ import annotations

from typing import Any

from crawler.audit.auditing import Audited, Figures
from crawler.report.text import printable


def lines_of(audited: Audited) -> list[str]:
    """A document of which something is missing."""
    lines = [printable(audited.kept.url.url)]
    if audited.unreadable is not None:
        lines.append(f"  cannot be read: {printable(audited.unreadable)}")
    lines += [f"  {printable(missing.link.url)}  ({printable(missing.why)})" for missing in audited.missing]
    return lines


def closing(figures: Figures) -> list[str]:
    """The figures in sentences."""
    needed = figures.captured + figures.missing
    lines = [
        f"{_number(figures.documents, 'document')} need {_number(needed, 'requisite')};"
        f" {figures.captured:,} of them{_percent(figures)} are in the archive"
        + (f", {figures.errors:,} of these as an error that the server sent." if figures.errors else ".")
    ]
    if figures.missing:
        lines.append(f"{_number(figures.missing, 'requisite')} of {_number(figures.incomplete, 'document')} missing.")
    if figures.excluded:
        rules = ", ".join(f"{printable(rule)} {count:,}" for rule, count in figures.excluded.most_common())
        lines.append(f"Left out by a rule, and not counted: {rules}.")
    if figures.unreadable:
        lines.append(f"{_number(figures.unreadable, 'document')} cannot be read; python -m storage verify tells more.")
    return lines


def json_of(audited: Audited) -> dict[str, Any]:
    """One line of `--json`."""
    missing = [
        {"url": each.link.url, "standing": each.stand.standing.value, "reason": each.stand.reason}
        for each in audited.missing
    ]
    return {"url": audited.kept.url.url, "missing": missing, "unreadable": audited.unreadable}


def json_of_figures(figures: Figures) -> dict[str, Any]:
    """The last line of `--json`."""
    return {
        "documents": figures.documents,
        "incomplete": figures.incomplete,
        "unreadable": figures.unreadable,
        "captured": figures.captured,
        "errors": figures.errors,
        "missing": figures.missing,
        "excluded": dict(figures.excluded),
        "completeness": _down(figures.completeness, 6),
    }


def _percent(figures: Figures) -> str:
    part = _down(figures.completeness, 3)
    return "" if part is None else f" ({part * 100:.1f} %)"


def _down(part: float | None, digits: int) -> float | None:
    """Rounded down: 100 % is said of what is complete alone."""
    return None if part is None else int(part * 10**digits) / 10**digits


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
