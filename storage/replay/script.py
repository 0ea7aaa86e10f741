"""Scripts for replay: the addresses that modules import from. No I/O.

A program may put an address together in any way; rewriting that is out of reach here, and the small script that runs
before a page's own (static/client.js) and the service worker catch what they can. But a module's imports are looked
up before any script runs, so absolute ones are changed in its text.
"""

from __future__ import annotations

import json
import re

from storage.replay.address import Links

_IMPORT = re.compile(
    r"""((?<![\w$.])(?:from|import)\s*+(?:\(\s*+)?)(["'])((?:https?:)?/[^"'\\\s<>]*+)(?=\2)""", re.IGNORECASE
)


def rewrite_script(text: str, links: Links) -> str:
    """A script with what it imports by an absolute address or one from the root mapped."""
    if "import" not in text and "export" not in text:
        return text
    return _IMPORT.sub(lambda found: found[1] + found[2] + (links.map(found[3]) or found[3]), text)


def rewrite_import_map(text: str, links: Links) -> str:
    """An import map (HTML section 8.1.5.2) with every address mapped, prefixes included; as it is if it is none.

    A relative address stays: it is resolved against the page. Integrity is dropped, for contents may be rewritten."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(tree, dict):
        return text
    tree.pop("integrity", None)
    if isinstance(tree.get("imports"), dict):
        tree["imports"] = _mapped(tree["imports"], links)
    if isinstance(tree.get("scopes"), dict):
        scopes = {_address(key, links): value for key, value in tree["scopes"].items()}
        tree["scopes"] = {
            key: _mapped(value, links) if isinstance(value, dict) else value for key, value in scopes.items()
        }
    return json.dumps(tree).replace("<", "\\u003c")


def _mapped(entries: dict[str, object], links: Links) -> dict[str, object]:
    return {
        _address(key, links): _address(value, links) if isinstance(value, str) else value
        for key, value in entries.items()
    }


def _address(value: str, links: Links) -> str:
    """A bare specifier (`lodash`) is a name and stays."""
    if value.startswith(("/", "../")) or value[:8].lower().startswith(("http://", "https://")):
        return links.map(value) or value
    return value
