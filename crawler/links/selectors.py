"""Which elements of a tree a handler may want, as CSS selectors: to ask only those costs least."""

from __future__ import annotations

from collections.abc import Iterable

from crawler.links.lazy import LAZY_SRCSETS, LAZY_URLS

_MERE_TEXT = (
    *("span", "code", "p", "li", "em", "a", "dd", "dt", "div", "ul", "ol", "dl", "td", "tr", "tbody", "table", "pre"),
    *("tt", "strong", "b", "i", "br", "h1", "h2", "h3", "h4", "small", "section", "label"),
)
"""Nearly all elements of nearly all pages: without an attribute of those below they refer to nothing. To ask for all
others costs less than to name those that matter."""
_ELSEWHERE = 'a:not([href^="#"])'
"""Half of a long page's links lead to another place in it. (`[href]` means `xlink:href`, too.)"""
_ANYWHERE = ("[style]", "[background]")


def _selector(attributes: Iterable[str]) -> str:
    return f":is({','.join((_ELSEWHERE, *_ANYWHERE, *attributes))},:not({','.join(_MERE_TEXT)}))"


SELECTOR = _selector(())
"""Every element that a handler may want, and few others."""

LAZY_SELECTOR = _selector(f"[{name}]" for name in sorted(LAZY_URLS | LAZY_SRCSETS))
"""The same for pages that load something lazily."""

PRESENTATION = frozenset(
    [
        *("fill", "stroke", "filter", "mask", "clip-path", "cursor"),
        *("marker", "marker-start", "marker-mid", "marker-end"),
    ]
)
"""SVG's attributes that are CSS, and may name a file (SVG 2, section 6.6)."""
