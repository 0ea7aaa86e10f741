"""What a robots.txt says to one crawler: RFC 9309's groups, Protego's patterns.

Protego matches paths; which lines concern the crawler is decided here, since Protego is more generous than RFC 9309
section 2.2.1: it lets `User-agent: a` apply to every crawler whose name begins with an a, takes
`foo bar` for a name, and lets a Crawl-delay part the names of a group. Google's published cases hold this module to it.
"""

from __future__ import annotations

import codecs
import re
from collections import OrderedDict
from collections.abc import Iterator
from urllib.parse import quote

from protego import Protego

MAX_SIZE = 500 * 1024
"""RFC 9309 section 2.5: at least 500 KiB are parsed."""
MAX_DELAY = 3600.0
"""A Crawl-delay beyond this many seconds is taken as this many."""
MAX_SITEMAPS = 1000
_CACHED_HOSTS = 500
_CACHED_CHARACTERS = 4 << 20
"""Of texts whose parsed rules are kept; these take some twenty times as much memory."""
HEAVY = 32_768
"""Characters from which on reading a text takes milliseconds: to be done outside the event loop."""
MAX_WILDCARDS = 1000
"""Rules with `*` or `$` that are matched one by one for each URL. The busiest real sites have a few hundred."""

_LINE_END = re.compile(r"\r\n?|\n")
_OTHER_LINE_ENDS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")  # Protego would end a line here, RFC 9309 does not
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_USER_AGENT = re.compile(r"(?:user-?agent|user agent)(?:\s*:|\s)\s*(.*)", re.IGNORECASE)
_SITEMAP = re.compile(r"(?:sitemaps?|site-map)(?:\s*:|\s)\s*(\S+)", re.IGNORECASE)
_RULE = re.compile(r"(?:allow|d[is]{2,3}all?ow|disalow|diasllow|disallaw)(?:\s*:|\s)", re.IGNORECASE)
_WILDCARD = re.compile(r"(.*?(?:\s*:|\s)\s*)([^*$]*)[*$]")
_CRAWL_DELAY = re.compile(
    r"crawl[- ]delay(?:\s*:|\s)\s*([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s*s?$", re.IGNORECASE
)
_TOKEN = re.compile(r"[a-z_-]*", re.IGNORECASE)  # section 2.2.1: identifier
_NAME = re.compile(r"[a-z0-9_-]*", re.IGNORECASE)


def decode(content: bytes) -> str:
    """The text of a robots.txt: at most 500 KiB, whole lines, no byte order mark; bytes that are not UTF-8 as %XX.

    RFC 9309 section 2.3 demands UTF-8; but who writes UTF-16, and says so by its byte order mark, means the rules no
    less for it. A rule that the limit cuts in two is dropped: `/private/a` must not become `/`."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = _from_utf16(content)
    if len(content) > MAX_SIZE:
        end = max(content.rfind(b"\n", 0, MAX_SIZE + 1), content.rfind(b"\r", 0, MAX_SIZE + 1))
        content = content[: max(end, 0)]
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return _NOT_UTF8.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text).replace("\0", "%00")


def _from_utf16(content: bytes) -> bytes:
    """The text in UTF-8. Two bytes of it are up to three there, so that less than the limit is enough to read."""
    return content[: 2 * MAX_SIZE + 4].decode("utf-16", "replace").encode()


def sitemaps_in(text: str) -> list[str]:
    """What its Sitemap lines name, as written, in order, each once. They belong to no group (section 2.2.4)."""
    found = dict.fromkeys(match[1] for line in _lines(text) if (match := _SITEMAP.match(line)))
    return list(found)[:MAX_SITEMAPS]


def crawl_delay(text: str, agent: str) -> float:
    """The seconds that the crawler's group, or else the group for all, asks for; 0 without any."""
    asked = [float(match[1]) for line in _lines_for(text, agent) if (match := _CRAWL_DELAY.match(line))]
    return min(asked[-1], MAX_DELAY) if asked else 0.0


class RobotsRules:
    """Asks the rules of many hosts for one user agent; parsed rules are kept for the hosts asked last."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._parsed: OrderedDict[str, Protego] = OrderedDict()
        self._characters = 0

    def allows(self, url: str, text: str) -> bool:
        """Whether the rules in `text`, those of the URL's host, allow it."""
        if not text or url[url.find("/", 8) :] == "/robots.txt":
            return True  # section 2.2.2: robots.txt itself is always allowed
        parsed = self._parsed.get(text)
        if parsed is None:
            parsed = self.parse(text)
            self.keep(text, parsed)
        else:
            self._parsed.move_to_end(text)
        return bool(parsed.can_fetch(url, self._agent))

    def is_heavy(self, text: str) -> bool:
        """Whether `allows` would parse the text for so long that `parse` should be called in a thread before."""
        return len(text) > HEAVY and text not in self._parsed

    def parse(self, text: str) -> Protego:
        """Reads the text; changes nothing, so any thread may."""
        return _parse(text, self._agent)

    def keep(self, text: str, parsed: Protego) -> None:
        """Remembers what `parse` made of the text."""
        if text not in self._parsed:
            self._characters += len(text)
        self._parsed[text] = parsed
        while len(self._parsed) > 1 and (len(self._parsed) > _CACHED_HOSTS or self._characters > _CACHED_CHARACTERS):
            self._characters -= len(self._parsed.popitem(last=False)[0])


def _lines(text: str) -> Iterator[str]:
    """Lines without comments and surrounding white space."""
    for line in _LINE_END.split(text):
        stripped = line.partition("#")[0].strip()
        if stripped:
            yield stripped


def _parse(text: str, agent: str) -> Protego:
    lines = _OTHER_LINE_ENDS.sub(lambda end: quote(end[0]), "\n".join(_few_wildcards(_lines_for(text, agent))))
    return Protego.parse(f"User-agent: *\n{lines}")


def _few_wildcards(lines: list[str]) -> Iterator[str]:
    """The lines, with wildcards in the first MAX_WILDCARDS rules only: each costs every URL of the host a search.

    Of the others what stands before the wildcard is disallowed, rather more than was said, and nothing is allowed."""
    left = MAX_WILDCARDS
    for line in lines:
        cut = _WILDCARD.match(line) if ("*" in line or "$" in line) and _RULE.match(line) else None
        if cut is not None and left > 0:
            left -= 1
            cut = None
        if cut is None:
            yield line
        elif line[0] in "dD":
            yield f"{cut[1]}{cut[2]}"


def _lines_for(text: str, agent: str) -> list[str]:
    """The lines of all groups for the crawler, or if there is none, of those for `*` (section 2.2.1)."""
    agent = _NAME.match(agent.lower())[0]  # type: ignore[index]
    own: list[str] = []
    others: list[str] = []
    is_named = for_agent = for_all = in_rules = False
    for line in _lines(text):
        user_agent = _USER_AGENT.match(line)
        if user_agent is None:
            if for_agent:
                own.append(line)
            if for_all:
                others.append(line)
            # Other records must not interfere with the parsing of the defined ones (section 2.2.4).
            in_rules = in_rules or _RULE.match(line) is not None
            continue
        if in_rules:
            for_agent = for_all = in_rules = False
        name = user_agent[1]
        if name.startswith("*") and not _NAME.match(name, 1)[0]:  # type: ignore[index]
            for_all = True
        elif agent and agent in _names(name):
            is_named = for_agent = True
    return own if is_named else others


def _names(value: str) -> set[str]:
    """Whom a user-agent line means: the product token at its beginning, be there digits in it or not."""
    return {pattern.match(value)[0].lower() for pattern in (_TOKEN, _NAME)}  # type: ignore[index]
