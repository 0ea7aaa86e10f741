"""URLs in JSON (RFC 8259): data of any kind, JSON-LD, JSON Feed, import maps, speculation rules.

A string counts as a URL only where it is wholly one: absolute, or a path from the root. Names of members tell what
kind it is: what stands under `image` or `icons` is shown, and so is what ends like an image, a film, a script or a
font. All else is a link. Text that is no JSON after all, and very long text, is searched for such strings one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from crawler.links.references import References
from crawler.model import Role

MAX_TREE = 4 << 20
"""Bytes of text beyond which no tree is built: it would take some ten times as much memory."""

_SHOWN = frozenset(
    [
        *("image", "images", "logo", "photo", "thumbnail", "thumbnails", "thumbnailurl", "contenturl", "embedurl"),
        *("icon", "icons", "favicon", "avatar", "poster", "banner_image", "screenshots", "screenshot", "attachments"),
        *("primaryimageofpage", "thumbnail_url", "image_url"),
    ]
)
_NO_ADDRESS = frozenset(("@context", "@type", "@vocab", "$schema", "$id", "$ref", "xmlns", "hubs", "version"))
_MARKUP = frozenset(("content_html",))  # JSON Feed 1.1, "items"
_URL = re.compile(
    r"""(?:https?://[^\s<>"{}|\\^`]{3,}|//[\w-]+(?:\.[\w-]+)+/[^\s<>"{}|\\^`]*|/[\w.~%-][^\s<>"{}|\\^`*$;()\[\]]*)\Z""",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"""https?://[^\s<>"{}|\\^`]{3,}\Z""", re.IGNORECASE)
_FILE = re.compile(r"[^\s<>\"{}|\\^`:*]*\.[a-zA-Z][a-zA-Z0-9]{1,5}(?:\?[^\s<>\"]*)?\Z")
_SHOWN_FILE = re.compile(
    r"[^?#]*\.(?:avif|bmp|gif|ico|jpe?g|jxl|png|svgz?|tiff?|webp|css|m?js|otf|ttf|woff2?|eot"
    r"|mp[34]|m4[av]|og[agv]|opus|wav|flac|web[mv]|mov|m3u8|mpd|vtt|wasm)(?:[?#].*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_STRING = re.compile(r'"((?:https?:)?\\?/(?:[^"\\\s]|\\.){1,2048}+)("?)', re.IGNORECASE)
"""Found by how it begins: in broken text nobody can tell opening quotes from closing ones. It counts if it is closed;
if not, it is a match all the same, so that nothing in it is looked at twice."""


def add_json(
    text: str, references: References, link: Role, embed: Role, markup: Callable[[str, References], None] | None = None
) -> None:
    """What JSON refers to; `link` and `embed` are the roles of what is followed and of what is shown.

    `markup` reads the HTML in a JSON Feed's members."""
    value = parsed(text)
    if value is None:
        for match in _STRING.finditer(text):
            if match[2]:
                _add_string(_unescaped(match[1]), references, link, embed)
        return
    # Depth first, members in their order, without recursion.
    pending: list[tuple[object, Role]] = [(value, link)]
    while pending:
        value, role = pending.pop()
        if isinstance(value, str):
            _add_string(value, references, role, embed)
        elif isinstance(value, list):
            pending.extend((item, role) for item in reversed(value))
        elif isinstance(value, dict):
            members = [(name.lower(), member) for name, member in value.items()]
            if markup is not None:
                for name, member in members:
                    if name in _MARKUP and isinstance(member, str):
                        markup(member, references)
            pending.extend(
                (member, embed if name in _SHOWN else role)
                for name, member in reversed(members)
                if name not in _NO_ADDRESS and name not in _MARKUP
            )


def add_import_map(text: str, references: References, role: Role) -> None:
    """The modules that an import map names (HTML Standard, section 8.1.5.2); its prefixes are noted, for the imports
    that use them."""
    value = parsed(text)
    if not isinstance(value, dict):
        return
    scopes = value.get("scopes")
    for imports in (value.get("imports"), *(scopes.values() if isinstance(scopes, dict) else ())):
        for name, address in imports.items() if isinstance(imports, dict) else ():
            if isinstance(address, str) and not address.endswith("/"):
                references.add(address, role)
            elif isinstance(address, str) and name.endswith("/"):
                references.module_prefixes.setdefault(name, address)


def add_speculation_rules(text: str, references: References, role: Role) -> None:
    """The pages that speculation rules name one by one; what they say by patterns stands in the page as links."""
    value = parsed(text)
    for rules in value.values() if isinstance(value, dict) else ():
        for rule in rules if isinstance(rules, list) else ():
            urls = rule.get("urls") if isinstance(rule, dict) else None
            for url in urls if isinstance(urls, list) else ():
                references.add(as_text(url), role)


def _add_string(text: str, references: References, role: Role, embed: Role) -> None:
    if 1 < len(text) <= 2048 and (_URL.match(text) or (role is embed and _FILE.match(text))):
        references.add(text, embed if _SHOWN_FILE.match(text) else role)


def add_address(text: str, references: References, link: Role, embed: Role) -> None:
    """Notes a text that is an absolute address and nothing else."""
    if 1 < len(text) <= 2048 and _ABSOLUTE.match(text):
        references.add(text, embed if _SHOWN_FILE.match(text) else link)


def as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def parsed(text: str) -> object:
    """The value; None where the text is no JSON, or too long or too deep to be made a tree of."""
    if len(text) > MAX_TREE:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text.replace("\\/", "/")
