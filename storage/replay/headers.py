"""The headers under which replay answers: what of an archived answer is passed on, and what keeps it harmless. No I/O.

A replayed document may load from the replay's own origin and from nowhere else; it may be framed by the application
alone; it is sandboxed whether it is framed or not. Cookies, policies and whatever else an archived answer would tell a
browser are shown as x-archive-orig-NAME and mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

PASSED = frozenset(("content-language", "content-disposition", "x-content-type-options"))
"""What a page needs to look as it did; Content-Type is written anew."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ORIGINALS = 100
_LENGTH = 2000


def policy(app_origins: Sequence[str], *, scripts: bool) -> str:
    """The content security policy of what is replayed. Without `scripts` it runs nothing."""
    sandbox = f"sandbox {'allow-scripts ' if scripts else ''}allow-same-origin allow-forms"
    source = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:" if scripts else "'self' 'unsafe-inline' data:"
    rules = [f"default-src {source}", "base-uri 'self'", "form-action 'self'", "object-src 'self'", "webrtc 'block'"]
    rules += [f"frame-ancestors 'self' {' '.join(app_origins)}".rstrip(), sandbox]
    if not scripts:
        rules.append("script-src 'none'")
    return "; ".join(rules)


def guards(content_security_policy: str) -> dict[str, str]:
    """What every answer of the replay carries."""
    return {
        "Content-Security-Policy": content_security_policy,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Origin-Agent-Cluster": "?1",
        "Referrer-Policy": "same-origin",
        "X-DNS-Prefetch-Control": "off",
        "Cache-Control": "no-cache",
    }


def passed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of the archived headers goes out, under its own name or as x-archive-orig-NAME."""
    found: list[tuple[str, str]] = []
    for name, value in islice(headers, _ORIGINALS):
        if _NAME.fullmatch(name) is None:
            continue
        value = clean(value)
        if name.lower() in PASSED:
            found.append((name, value))
        found.append((f"x-archive-orig-{name.lower()}", value))
    return found


def clean(value: str) -> str:
    """A header's value without what would end it, and no longer than anybody needs."""
    return _VALUE.sub(" ", value)[:_LENGTH].encode("latin-1", "replace").decode("latin-1")
