"""srcset and imagesrcset: candidates split as the HTML standard does, for addresses may hold commas. No I/O."""

from __future__ import annotations

import re

from storage.replay.address import Links

_CANDIDATE = re.compile(r"([^\s,][^\s]*+)((?<=,)|(?:\s++[^,(]*+(?:\([^)]*+\)?[^,(]*+)*+)?+)")


def rewrite_srcset(value: str, links: Links) -> str | None:
    """The attribute with its addresses mapped; None where it is right as it stands."""
    changed = _CANDIDATE.sub(lambda found: _candidate(found, links), value)
    return None if changed == value else changed


def _candidate(found: re.Match[str], links: Links) -> str:
    address, rest = found[1], found[2]
    url = address.rstrip(",")  # section 4.8.4.2.1: trailing commas end the candidate
    commas = address[len(url) :]
    path = links.map(url) if url else None
    return found[0] if path is None else f"{path}{commas}{rest}"
