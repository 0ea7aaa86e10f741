"""Tags as the tokenizer of the HTML Standard finds them (section 13.2.5), without a tree: patterns, linear in text."""

from __future__ import annotations

import re

_WHITE = r"[\t\n\f\r ]"
_ATTRIBUTE = (
    r"""[\t\n\f\r /]*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"""
    rf"""(?:{_WHITE}*+={_WHITE}*+"""
    r"""(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)'|(?P<bare>[^\t\n\f\r >"'][^\t\n\f\r >]*+)?))?+"""
)
ONE_ATTRIBUTE = re.compile(_ATTRIBUTE)
"""The next attribute of a start tag: `name`, and its value as `double`, `single` or `bare`."""
_ATTRIBUTES = re.sub(r"\?P<\w+>", "?:", _ATTRIBUTE)
MARKUP = re.compile(
    rf"""<(?:
    (?P<tag>[A-Za-z][^\t\n\f\r />]*+)(?P<attributes>(?:{_ATTRIBUTES})*+[\t\n\f\r /]*+)>
    |/[A-Za-z](?:{_ATTRIBUTES})*+[\t\n\f\r /]*+>
    |!--(?:>|->|.*?(?:--!?>|\Z))
    |!\[CDATA\[(?P<cdata>)
    |(?:[!?]|/(?![A-Za-z]))[^>]*+>
    |(?P<torn>[A-Za-z!?/])
    )""",
    re.VERBOSE | re.DOTALL,
)
"""A start tag with its attributes, an end tag, a comment or declaration; or the beginning of one that never ends."""

RAW_TEXT = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in "script style textarea title xmp iframe noembed noframes".split()
}
"""Elements whose content is text up to their end tag, with what ends them."""
