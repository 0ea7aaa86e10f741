"""Which attributes of which elements refer to something: HTML Standard, section 4, and what the web does besides.

A handler is given an element's attributes and text; it knows nothing of the parser that made them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from crawler.links import roles
from crawler.links.css import add_css
from crawler.links.references import References
from crawler.links.refresh import refresh_url
from crawler.links.srcset import srcset_urls
from crawler.model import Role

Attributes = Mapping[str, str | None]
Handler = Callable[[Attributes, References], None]

SELECTOR = (
    ":is([href],[src],[style],[background],img,iframe,source,video,object,link,meta,style,title,template,noframes)"
)
"""Every element that a handler may want, and few others. Selecting by name costs least."""

MAX_TITLE = 500

_LINK_REQUISITES = frozenset(
    [
        *("stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "apple-touch-startup-image"),
        *("mask-icon", "fluid-icon", "image_src", "preload", "modulepreload", "prefetch", "manifest", "import"),
    ]
)
_LINK_NOTHING = frozenset(("dns-prefetch", "preconnect"))
_META_IMAGES = frozenset(
    [
        *("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"),
        *("msapplication-tileimage", "image"),
    ]
)
_LAZY_URLS = frozenset(
    ("data-src", "data-lazy", "data-lazy-src", "data-original", "data-bg", "data-poster", "data-background")
)
_LAZY_SRCSETS = frozenset(("data-srcset", "data-lazy-srcset"))
_MEDIA = ("img", "source", "iframe", "video", "audio", "embed")


def _by(*rules: tuple[str, Role]) -> Handler:
    """A handler for plain address attributes."""

    def handle(attributes: Attributes, references: References) -> None:
        for name, role in rules:
            references.add(attributes.get(name), role)

    return handle


def _media(tag: str) -> Handler:
    """A handler for what is loaded at once, or later by a script (lazy loading)."""
    src, poster, srcset = (roles.embed(f"{tag}/@{name}") for name in ("src", "poster", "srcset"))
    lazy = roles.embed(f"{tag}/@data-src")

    def handle(attributes: Attributes, references: References) -> None:
        for name, value in attributes.items():
            if not value:
                continue
            if name == "src":
                references.add(value, src)
            elif name == "poster":
                references.add(value, poster)
            elif name == "srcset" or name in _LAZY_SRCSETS:
                for url in srcset_urls(value):
                    references.add(url, srcset)
            elif name in _LAZY_URLS:
                references.add(value, lazy)

    return handle


_image_srcset = roles.embed("link/@imagesrcset")
_input_src = roles.embed("input/@src")


def _link(attributes: Attributes, references: References) -> None:
    """HTML Standard, section 4.6.7: the link types say whether the page needs it or a reader may follow it."""
    types = (attributes.get("rel") or "").lower().split()
    if not _LINK_REQUISITES.isdisjoint(types):
        references.add(attributes.get("href"), roles.LINK_REQUISITE)
        for url in srcset_urls(attributes.get("imagesrcset") or ""):
            references.add(url, _image_srcset)
    elif not types or not _LINK_NOTHING.issuperset(types):
        references.add(attributes.get("href"), roles.LINK_HREF)


def _meta(attributes: Attributes, references: References) -> None:
    content = attributes.get("content")
    if not content:
        return
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        references.add(refresh_url(content), roles.META_REFRESH)
    names = (attributes.get("property"), attributes.get("name"), attributes.get("itemprop"))
    if any(name and name.strip().lower() in _META_IMAGES for name in names):
        references.add(content, roles.META_CONTENT)
    name = attributes.get("name")
    if name and _NOFOLLOW.search(content, 0, MAX_TITLE) and len(references.robots) < _MAX_ROBOTS:
        references.robots.append((name.strip(), content))


_NOFOLLOW = re.compile(r"\b(?:nofollow|none)\b", re.IGNORECASE)
_MAX_ROBOTS = 64
_AREA_HREF = roles.link("area/@href")


def _area(attributes: Attributes, references: References) -> None:
    rel = (attributes.get("rel") or "").lower()
    references.add(attributes.get("href"), roles.nofollow(_AREA_HREF) if "nofollow" in rel else _AREA_HREF)


def _base(attributes: Attributes, references: References) -> None:
    if references.base is None:
        references.base = attributes.get("href")


def _input(attributes: Attributes, references: References) -> None:
    if (attributes.get("type") or "").lower() == "image":
        references.add(attributes.get("src"), _input_src)


def _svg(tag: str) -> Handler:
    """SVG 2 section 16.1.6 prefers href to the xlink:href of SVG 1.1."""
    role = roles.embed(f"{tag}/@href")
    return _by(("href", role), ("xlink:href", role))


_svg_script = roles.embed("script/@href")

HANDLERS: dict[str, Handler] = {
    "a": _by(("href", roles.A_HREF), ("xlink:href", roles.A_HREF)),
    "area": _area,
    "link": _link,
    "meta": _meta,
    "base": _base,
    "input": _input,
    "frame": _by(("src", roles.embed("frame/@src"))),
    "track": _by(("src", roles.embed("track/@src"))),
    "bgsound": _by(("src", roles.embed("bgsound/@src"))),
    "object": _by(("data", roles.embed("object/@data"))),
    "image": _svg("image"),
    "use": _svg("use"),
    "feImage": _svg("feImage"),
    "feimage": _svg("feImage"),
    **{tag: _media(tag) for tag in _MEDIA},
    "script": _by(("src", roles.embed("script/@src")), ("href", _svg_script), ("xlink:href", _svg_script)),
}

COMMON = frozenset(("style", "background"))


def add_common(attributes: Attributes, references: References) -> None:
    """What any element may carry: a style, and an old-fashioned background."""
    style = attributes.get("style")
    if style and "(" in style:
        add_css(style, references)
    references.add(attributes.get("background"), roles.BACKGROUND)


def title(text: str) -> str:
    """The text of a title element, white space collapsed, bounded."""
    return " ".join(text[: MAX_TITLE * 8].split())[:MAX_TITLE].rstrip()
