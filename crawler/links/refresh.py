"""The refresh pragma: HTML Standard, section 4.2.5.3, "shared declarative refresh steps"."""

from __future__ import annotations

import re

_TIME = re.compile(r"[ \t\n\f\r]*(?:[0-9][0-9.]*|\.[0-9.]*)(?=[;, \t\n\f\r])[ \t\n\f\r]*[;,]?[ \t\n\f\r]*")
_URL_EQUALS = re.compile(r"url[ \t\n\f\r]*=[ \t\n\f\r]*", re.IGNORECASE)


def refresh_url(content: str) -> str | None:
    """The address that a `content` such as `5; url=next.html` leads to; None if it only reloads or is invalid."""
    time = _TIME.match(content)
    if time is None:
        return None
    url = content[time.end() :]
    prefix = _URL_EQUALS.match(url)
    if prefix:
        url = url[prefix.end() :]
    elif url[:1] in ("u", "U"):
        return url
    if url[:1] in ("'", '"'):
        url = url[1:].partition(url[0])[0]
    return url or None
