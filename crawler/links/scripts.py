"""What stands in script elements: data that is no program, and programs.

Data blocks are read as what they say they are: JSON-LD, import maps, speculation rules. What a module imports belongs
to the page as the module does. In any program, and in the state that a program is handed as JSON, a string that looks
like an address is a guess; see crawler/links/javascript.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import crawler.links.roles as roles
from crawler.links.javascript import add_javascript
from crawler.links.jsonlinks import add_import_map, add_json, add_speculation_rules
from crawler.links.modules import add_imports
from crawler.links.references import References

_LD_LINK, _LD_EMBED = roles.link("json-ld"), roles.embed("json-ld")
_IMPORT_MAP = roles.embed("importmap")
_SPECULATION = roles.link("speculationrules")
_PROGRAMS = frozenset(("", "module", "text/babel", "text/jsx", "text/typescript"))


def add_script(attributes: Mapping[str, str | None], text: str, references: References) -> None:
    """The references of a script element's text (HTML Standard, section 4.12.1: its type says what it is)."""
    if not text:
        return
    kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
    if kind == "application/ld+json":
        add_json(_uncommented(text), references, _LD_LINK, _LD_EMBED)
    elif kind == "importmap":
        add_import_map(text, references, _IMPORT_MAP)
    elif kind == "speculationrules":
        add_speculation_rules(text, references, _SPECULATION)
    else:
        if kind == "module":
            add_imports(text, references)
        if references.guesses:
            _add_guesses(kind, text, references)


def _add_guesses(kind: str, text: str, references: References) -> None:
    if kind.endswith("json"):
        add_json(text, references, roles.GUESS_JSON, roles.GUESS_JSON)
    elif kind in _PROGRAMS or kind.endswith(("javascript", "ecmascript", "jscript")):
        add_javascript(text, references)


def _uncommented(text: str) -> str:
    """Some generators wrap JSON-LD as scripts were wrapped for browsers of the last century."""
    text = text.strip()
    for opening, closing in (
        ("<!--", "-->"),
        ("//<![CDATA[", "//]]>"),
        ("/*<![CDATA[*/", "/*]]>*/"),
        ("<![CDATA[", "]]>"),
    ):
        if text.startswith(opening):
            return text.removeprefix(opening).removesuffix(closing)
    return text
