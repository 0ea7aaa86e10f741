"""Which elements of a tree a handler may want, as CSS selectors: to ask only those costs least."""

from __future__ import annotations

from crawler.links.lazy import LAZY_SRCSETS, LAZY_URLS

SELECTOR = (
    ":is([href],[src],[style],[background],img,iframe,source,video,object,link,meta,style,title,template,noframes"
    ",script,form,[cite],applet,param)"
)
"""Every element that a handler may want, and few others. Selecting by name costs least."""

PRESENTATION = frozenset(
    [
        *("fill", "stroke", "filter", "mask", "clip-path", "cursor"),
        *("marker", "marker-start", "marker-mid", "marker-end"),
    ]
)
"""SVG's attributes that are CSS, and may name a file (SVG 2, section 6.6)."""

LAZY_SELECTOR = (
    SELECTOR[:-1]
    + "".join(f",[{name}]" for name in sorted(LAZY_URLS | LAZY_SRCSETS))
    + "".join(f',[{name}*="url("]' for name in sorted(PRESENTATION))
    + ")"
)
"""The same for pages that load something lazily, or draw with what stands in other files."""
