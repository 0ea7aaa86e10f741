"""JSON documents: data, JSON Feed (https://www.jsonfeed.org/version/1.1/) and web app manifests."""

from __future__ import annotations

import crawler.links.roles as roles
from crawler.links.charset import decode, of_html
from crawler.links.document import Document
from crawler.links.html import add_markup
from crawler.links.jsonlinks import add_json, as_text, parsed
from crawler.links.references import References
from crawler.model import Role

_LINK, _EMBED = roles.link("json"), roles.embed("json")
_MANIFEST_LINK, _MANIFEST_EMBED = roles.link("manifest"), roles.embed("manifest")


def extract_json(document: Document, references: References) -> None:
    """The references of a JSON document, a JSON Feed among them; of a web app manifest, where it is one."""
    text = _text(document)
    if '"start_url"' in text and '"icons"' in text:
        _add_manifest(parsed(text), references)
    add_json(text, references, _LINK, _EMBED, add_markup)


def extract_manifest(document: Document, references: References) -> None:
    """The references of a web app manifest (https://www.w3.org/TR/appmanifest/), whose addresses may be relative."""
    _add_manifest(parsed(_text(document)), references)


def _add_manifest(value: object, references: References) -> None:
    if not isinstance(value, dict):
        return
    for name in ("icons", "screenshots"):
        _add_members(value.get(name), "src", _MANIFEST_EMBED, references)
    references.add(as_text(value.get("start_url")), _MANIFEST_LINK)
    shortcuts = value.get("shortcuts")
    _add_members(shortcuts, "url", _MANIFEST_LINK, references)
    for shortcut in shortcuts if isinstance(shortcuts, list) else []:
        _add_members(shortcut.get("icons") if isinstance(shortcut, dict) else None, "src", _MANIFEST_EMBED, references)
    _add_members(value.get("related_applications"), "url", _MANIFEST_LINK, references)


def _add_members(items: object, name: str, role: Role, references: References) -> None:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            references.add(as_text(item.get(name)), role)


def _text(document: Document) -> str:
    encoding, mark = of_html(document.content, document.charset)
    return decode(document.content[mark:], encoding)
