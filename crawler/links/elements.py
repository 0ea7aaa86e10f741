"""Which attributes of which elements refer to something: HTML Standard, section 4, and what the web does besides.

A handler is given an element's attributes and text; it knows nothing of the parser that made them. What refers to
something and is no link all the same, and why, stands in docs/links.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import crawler.links.roles as roles
from crawler.links.css import add_css
from crawler.links.lazy import LAZY_SRCSETS, LAZY_URLS, add_lazy
from crawler.links.references import References
from crawler.links.refresh import refresh_url
from crawler.links.selectors import PRESENTATION
from crawler.links.srcset import srcset_urls
from crawler.model import Role

Attributes = Mapping[str, str | None]
Handler = Callable[[Attributes, References], None]

MAX_TITLE = 500

_LINK_REQUISITES = frozenset(
    [
        *("stylesheet", "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "apple-touch-startup-image"),
        *("mask-icon", "fluid-icon", "image_src", "preload", "modulepreload", "prefetch", "manifest", "import"),
    ]
)
_LINK_NOTHING = frozenset(("dns-prefetch", "preconnect", "pingback", "webmention"))
_META_REQUISITES = frozenset(
    [
        *("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"),
        *("og:video", "og:video:url", "og:video:secure_url", "og:audio", "og:audio:url", "og:audio:secure_url"),
        *("twitter:image0", "twitter:image1", "twitter:image2", "twitter:image3"),
        *("twitter:player", "twitter:player:stream", "msapplication-config", "msapplication-tileimage"),
        *("msapplication-square70x70logo", "msapplication-square150x150logo", "msapplication-square310x310logo"),
        *("msapplication-wide310x150logo", "thumbnail"),
        *("image", "logo", "contenturl", "embedurl", "thumbnailurl"),  # microdata, https://schema.org/
    ]
)
_META_LINKS = frozenset(("og:url", "og:see_also", "url", "twitter:url"))
_MEDIA = (
    "img",
    "source",
    "iframe",
    "video",
    "audio",
    "embed",
    "amp-img",
    "amp-anim",
    "amp-video",
    "amp-audio",
    "amp-iframe",
)


def _by(*rules: tuple[str, Role]) -> Handler:
    """A handler for plain address attributes."""

    def handle(attributes: Attributes, references: References) -> None:
        for name, role in rules:
            references.add(attributes.get(name), role)

    return handle


def _media(tag: str) -> Handler:
    """A handler for what is loaded at once, or later by a script (lazy loading)."""
    src, poster, srcset = (roles.embed(f"{tag}/@{name}") for name in ("src", "poster", "srcset"))
    lazy, longdesc = roles.embed(f"{tag}/@data-src"), roles.link(f"{tag}/@longdesc")

    def handle(attributes: Attributes, references: References) -> None:
        for name, value in attributes.items():
            if not value:
                continue
            if name == "src":
                references.add(value, src)
            elif name == "poster":
                references.add(value, poster)
            elif name == "srcset" or name in LAZY_SRCSETS:
                for url in srcset_urls(value):
                    references.add(url, srcset)
            elif name in LAZY_URLS:
                add_lazy(name, value, lazy, references, media=True)
            elif name == "longdesc":
                references.add(value, longdesc)
            elif name in ("lowsrc", "dynsrc"):
                references.add(value, src)

    return handle


_image_srcset = roles.embed("link/@imagesrcset")
_input_src = roles.embed("input/@src")


def _link(attributes: Attributes, references: References) -> None:
    """HTML Standard, section 4.6.7: the link types say whether the page needs it or a reader may follow it."""
    role = link_role(attributes.get("rel") or "")
    if (attributes.get("itemprop") or "").lower() in _META_REQUISITES:
        role = roles.LINK_REQUISITE
    if role is not None:
        references.add(attributes.get("href"), role)
    if role is roles.LINK_REQUISITE:
        for url in srcset_urls(attributes.get("imagesrcset") or ""):
            references.add(url, _image_srcset)


def link_role(relation: str) -> Role | None:
    """The role of a link of these types, separated by spaces; None for what names nothing to fetch."""
    types = relation.lower().split()
    if not _LINK_REQUISITES.isdisjoint(types):
        return roles.LINK_REQUISITE
    return None if types and _LINK_NOTHING.issuperset(types) else roles.LINK_HREF


def _meta(attributes: Attributes, references: References) -> None:
    content = attributes.get("content")
    if not content:
        return
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        references.add_now(refresh_url(content), roles.META_REFRESH)
    names = (attributes.get("property"), attributes.get("name"), attributes.get("itemprop"))
    for name in names:
        key = name.strip().lower() if name else ""
        if key in _META_REQUISITES and content.strip().lower() != "none":
            references.add(content, roles.META_CONTENT)
        elif key in _META_LINKS:
            references.add(content, roles.META_LINK)
    name = attributes.get("name")
    if name and _NOFOLLOW.search(content, 0, MAX_TITLE) and len(references.robots) < _MAX_ROBOTS:
        references.robots.append((name.strip(), content))


_NOFOLLOW = re.compile(r"\b(?:nofollow|none)\b", re.IGNORECASE)
_MAX_ROBOTS = 64


def _anchor(attributes: Attributes, references: References) -> None:
    nofollow = "nofollow" in (attributes.get("rel") or "").lower()
    role = roles.nofollow(roles.A_HREF) if nofollow else roles.A_HREF
    references.add(attributes.get("href") or attributes.get("xlink:href"), role)


_AREA_HREF = roles.link("area/@href")


def _area(attributes: Attributes, references: References) -> None:
    rel = (attributes.get("rel") or "").lower()
    references.add(attributes.get("href"), roles.nofollow(_AREA_HREF) if "nofollow" in rel else _AREA_HREF)


def _base(attributes: Attributes, references: References) -> None:
    references.meet_base(attributes.get("href"))


def _input(attributes: Attributes, references: References) -> None:
    if (attributes.get("type") or "").lower() == "image":
        references.add(attributes.get("src"), _input_src)


_form_action = roles.link("form/@action")


def _form(attributes: Attributes, references: References) -> None:
    """A form that is sent by GET leads to a page; what POST leads to must not be asked for without its data."""
    # HTML Standard, section 4.10.19.6: whatever is no known method is GET.
    if (attributes.get("method") or "").lower() not in ("post", "dialog"):
        references.add(attributes.get("action"), _form_action)


_applet = roles.embed("applet/@code")


def _applet_element(attributes: Attributes, references: References) -> None:
    """HTML 4.01, section 13.4: a class or archives of classes, below the codebase."""
    codebase = attributes.get("codebase") or ""
    if codebase and not codebase.endswith("/"):
        codebase += "/"
    archives = (attributes.get("archive") or "").split(",")
    code = attributes.get("code") or ""
    for name in [*archives, code if code.endswith(".class") or not code else f"{code}.class"]:
        if name.strip():
            references.add(codebase + name.strip(), _applet)


_PARAMETERS = frozenset(("movie", "src", "filename", "url"))
_param = roles.embed("param/@value")


def _param_element(attributes: Attributes, references: References) -> None:
    """What Flash and media players of old were told to show."""
    value = attributes.get("value") or ""
    if (attributes.get("name") or "").lower() in _PARAMETERS and ("." in value or "/" in value):
        references.add(value, _param)


def _svg(tag: str) -> Handler:
    """SVG 2 section 16.1.6 prefers href to the xlink:href of SVG 1.1."""
    role = roles.embed(f"{tag}/@href")
    return _by(("href", role), ("xlink:href", role))


_ANIMATED = roles.embed("animate/@values")


def _animation(attributes: Attributes, references: References) -> None:
    """SVG Animations, section 2.8: an attribute's values in turn, here those of an image's address."""
    if (attributes.get("attributename") or attributes.get("attributeName")) in ("href", "xlink:href"):
        for name in ("from", "to", "by", "values"):
            for value in (attributes.get(name) or "").split(";"):
                references.add(value, _ANIMATED)


_MATHML = ("math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msub", "msup", "msubsup", "msqrt", "mstyle", "mtd")
_math_href = roles.link("math/@href")
"""MathML 3, section 2.1.6, has links on any of its elements."""

_svg_script = roles.embed("script/@href")

HANDLERS: dict[str, Handler] = {
    "a": _anchor,
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
    "mpath": _svg("mpath"),
    "pattern": _svg("pattern"),
    "filter": _svg("filter"),
    **{tag: _svg("gradient") for tag in ("linearGradient", "lineargradient", "radialGradient", "radialgradient")},
    "textPath": _svg("textPath"),
    "textpath": _svg("textPath"),
    "font-face-uri": _svg("font-face-uri"),
    **{tag: _by(("href", _math_href), ("xlink:href", _math_href)) for tag in _MATHML},
    "animate": _animation,
    "set": _animation,
    "form": _form,
    "applet": _applet_element,
    "param": _param_element,
    **{tag: _by(("cite", roles.link(f"{tag}/@cite"))) for tag in ("blockquote", "q", "ins", "del")},
    **{tag: _media(tag) for tag in _MEDIA},
    "script": _by(("src", roles.embed("script/@src")), ("href", _svg_script), ("xlink:href", _svg_script)),
}

COMMON = frozenset(("style", "background", *PRESENTATION)) | LAZY_URLS | LAZY_SRCSETS


def add_common(attributes: Attributes, references: References) -> None:
    """What any element may carry: a style, an old-fashioned background, and what a script shows later."""
    style = attributes.get("style")
    if style and "(" in style:
        add_css(style, references)
    references.add(attributes.get("background"), roles.BACKGROUND)
    if not PRESENTATION.isdisjoint(attributes):
        for name in sorted(PRESENTATION & attributes.keys()):
            value = attributes[name]
            if value and "(" in value:
                add_css(value, references)
    for name, value in attributes.items():
        if value and name in LAZY_SRCSETS:
            for url in srcset_urls(value):
                references.add(url, roles.LAZY)
        elif value and name in LAZY_URLS:
            add_lazy(name, value, roles.LAZY, references, media=False)


def title(text: str) -> str:
    """The text of a title element, white space collapsed, bounded."""
    return " ".join(text[: MAX_TITLE * 8].split())[:MAX_TITLE].rstrip()
