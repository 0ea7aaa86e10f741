"""Lazy loading: addresses that a script moves to where the browser looks for them, once the reader scrolls there.

No standard names these attributes. Those of the widespread scripts are known here; on an element that shows no media
of its own a value counts only if it looks like an address, since the same names hold colours, flags and numbers.
"""

from __future__ import annotations

import re

from crawler.links.css import add_css
from crawler.links.references import References
from crawler.model import Role

LAZY_URLS = frozenset(
    [
        *("data-src", "data-lazy", "data-lazy-src", "data-lazyload", "data-original", "data-original-src", "data-echo"),
        *("data-bg", "data-bg-src", "data-bg-image", "data-bgset", "data-background", "data-background-image"),
        *("data-lazy-background", "data-lazy-bg", "data-image-src", "data-poster", "data-hi-res-src", "data-full-src"),
        *(
            "data-large_image",
            "data-zoom-image",
            "data-thumb",
            "data-flickity-lazyload",
            "data-cfsrc",
            "data-src-retina",
        ),
        *(
            "data-image",
            "data-image-url",
            "data-img",
            "data-img-url",
            "data-lowsrc",
            "data-full-url",
            "data-rocket-src",
        ),
        *("data-orig-file", "data-large-file", "data-medium-file", "data-video-src", "data-video", "data-mp4"),
        *("data-parallax-image", "data-vc-parallax-image", "data-ll-src", "data-desktop-src", "data-mobile-src"),
    ]
)
LAZY_SRCSETS = frozenset(("data-srcset", "data-lazy-srcset", "data-original-set", "data-sources"))

_MAX_LENGTH = 4_096  # longer ones would take the pattern long
_SURE = frozenset(("data-src", "data-lazy-src", "data-original", "data-poster"))
_ADDRESS = re.compile(
    r"""\s*(?!\#)(?=[^\s{}<>"'|]++\s*\Z)(?:                         # one word of what addresses are written with
        (?:https?:)?//[^\s/] | \.{0,2}/[^\s/] |                    # absolute, or a path
        [^\s\[\]()]*\.[a-zA-Z][a-zA-Z0-9]{1,4}(?:[?\#]|\s*\Z)       # a file's name
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_NAMES = rb"data-(?:" + b"|".join(sorted(name[5:].encode() for name in LAZY_URLS | LAZY_SRCSETS)) + rb")\s*="
_IN_BYTES, _IN_TEXT = re.compile(_NAMES), re.compile(_NAMES.decode())


def has_lazy(markup: bytes | str) -> bool:
    """True if one of the names may stand in the markup: in most pages none does, and no element need be asked."""
    if isinstance(markup, bytes):
        return b"data-" in markup and _IN_BYTES.search(markup) is not None
    return "data-" in markup and _IN_TEXT.search(markup) is not None


def add_lazy(name: str, value: str, role: Role, references: References, *, media: bool) -> None:
    """Notes the address in a lazy-loading attribute, if it is one. Backgrounds may be written as CSS."""
    if "url(" in value:
        add_css(value, references)
    elif (media and name in _SURE) or (len(value) <= _MAX_LENGTH and _ADDRESS.match(value)):
        references.add(value, role)
