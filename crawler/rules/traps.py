"""Traps: what the URLs of a site without end look like. Pure; each bound is one that no real site is known to reach.

    trap-length     the URL is longer than 8,000 characters
    trap-segments   its path has more than 30 segments
    trap-repeat     a part of its path stands there again and again: `/a/b/a/b/a/b`, `/x/x/x/x`
    trap-query      a parameter of its query stands there again and again, with the same value
    trap-calendar   it names a month before 1600 or more than five years ahead
    trap-nesting    a requisite of a requisite of a requisite …, more than 50 of them in a row

What they cannot see, a trap whose URLs look like any others, is for crawler/rules/repeats.py.
"""

from __future__ import annotations

import re

from crawler.model import Kind
from crawler.rules.values import FOLLOWED, Rule, Verdict

LONGEST = 8_000
"""RFC 9110 section 4.1: what servers should at least support. Whoever doubles a URL again and again gets here soon."""
MOST_SEGMENTS = 30
"""Heritrix: 20. The deepest trees of published source code have some 25."""
MOST_IN_A_ROW = 3
"""Of one segment, `/000/000/000/` being how attachments are numbered; digits alone may stand there twice as often."""
MOST_GROUPS = 2
"""Of a group of segments, in a row."""
LONGEST_GROUP = 8
MOST_SAME_PARAMETERS = 2
FIRST_YEAR = 1600
"""No periodical is older than the Strasbourg Relation of 1605."""
YEARS_AHEAD = 5
MOST_NESTED = 50
"""Requisites in a row, each needed by the one before: modules that import modules, style sheets, frames, playlists. Of
large libraries published module by module (Monaco, Babylon.js, OpenLayers) none is further than 8 from its entry."""

NESTING = "trap-nesting"

_MONTH = re.compile(
    r"[/=_-](?P<year>[0-9]{4})(?:(?P<mark>[-/.])(?P<month>1[0-2]|0?[1-9])(?:(?P=mark)(?P<day>[12][0-9]|3[01]|0?[1-9]))?"
    r"|(?P<packed>(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])?))(?![0-9A-Za-z.-])"
)
"""A year with a month, and perhaps a day: `2031/05`, `2031-5-1`, `20310501`."""
_CALENDAR = re.compile(r"calend|kalend|agenda", re.IGNORECASE)
_EVENTS = re.compile(
    r"(?<![a-z])(?:events?|evenements?|veranstaltung(?:en)?|termine?|schedule|month|week|day|date)(?![a-z])",
    re.IGNORECASE,
)
_YEAR_PARAMETER = re.compile(r"[?&;](?:[a-z]+[_-])?(?:year|yr|jahr|annee|anno)=([0-9]{1,5})(?=[&;]|$)", re.IGNORECASE)
_MONTH_PARAMETER = re.compile(
    r"[?&;](?:[a-z]+[_-])?(?:month|mon|monat|mois|mes|mese)=[0-9]{1,2}(?=[&;]|$)", re.IGNORECASE
)

_TOO_LONG = Verdict(False, "trap-length", f"longer than {LONGEST} characters")
_TOO_MANY = Verdict(False, "trap-segments", f"more than {MOST_SEGMENTS} segments in its path")
_REPEATED = Verdict(False, "trap-repeat", "a part of its path is repeated in a row")
_NESTED = Verdict(False, NESTING, f"more than {MOST_NESTED} requisites in a row, each needed by the one before")
_SAME_AGAIN = Verdict(False, "trap-query", "a parameter is repeated with the same value")


def trap_rules(year: int) -> tuple[Rule, ...]:
    """The rules; `year` is the present one."""
    return (
        Rule("trap-length", _length),
        Rule("trap-segments", _segments),
        Rule("trap-repeat", _repeat),
        Rule("trap-query", _query),
        _calendar(year + YEARS_AHEAD),
        Rule(NESTING, _nesting),
    )


def _length(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    return _TOO_LONG if len(url) > LONGEST else None


def _segments(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    # Three slashes stand before the path; those of a query are none of the path's.
    return _TOO_MANY if url.count("/") > MOST_SEGMENTS + 2 and len(_path(url)) > MOST_SEGMENTS else None


def _repeat(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    # Fewer segments than this cannot hold a group of two more often than MOST_GROUPS, nor one of them MOST_IN_A_ROW.
    if url.count("/") < MOST_IN_A_ROW + 3:
        return None
    return _REPEATED if _repeats(_path(url)) else None


def _path(url: str) -> list[str]:
    """The segments of its path that hold anything."""
    path = url.partition("?")[0]
    return [segment for segment in path.split("/")[3:] if segment]


def _repeats(path: list[str]) -> bool:
    if len(set(path)) == len(path):
        return False
    for size in range(1, LONGEST_GROUP + 1):
        run = 0
        """Segments in a row that are those `size` before them."""
        for index in range(size, len(path)):
            run = run + 1 if path[index] == path[index - size] else 0
            if run >= size * MOST_GROUPS and run >= size * _most(path[index + 1 - size : index + 1]):
                return True
    return False


def _most(group: list[str]) -> int:
    """How often a group of segments may be followed by itself; one segment several times is no group of its own."""
    if len(set(group)) > 1:
        return MOST_GROUPS
    return MOST_IN_A_ROW * 2 if group[0].isdigit() else MOST_IN_A_ROW


def _query(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    mark = url.find("?")
    if mark < 0 or url.count("&", mark) < MOST_SAME_PARAMETERS:
        return None
    parameters = url[mark + 1 :].split("&")
    if len(set(parameters)) == len(parameters):
        return None
    return (
        _SAME_AGAIN if any(each and parameters.count(each) > MOST_SAME_PARAMETERS for each in set(parameters)) else None
    )


def _nesting(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
    return _NESTED if nesting >= MOST_NESTED else None


def _calendar(last: int) -> Rule:
    verdict = Verdict(False, "trap-calendar", f"a month before {FIRST_YEAR} or after {last}")

    def judge(url: str, kind: Kind, depth: int, offsite: int, nesting: int) -> Verdict | None:
        if kind not in FOLLOWED:
            return None
        found = _MONTH.search(url, url.find("/", 8))
        if found is not None:
            impossible = not FIRST_YEAR <= int(found["year"]) <= last and _is_date(url, found)
            return verdict if impossible else None
        mark = url.find("?")
        if mark < 0 or not (parameter := _YEAR_PARAMETER.search(url, mark)) or not _MONTH_PARAMETER.search(url, mark):
            return None
        return None if FIRST_YEAR <= int(parameter[1]) <= last else verdict

    return Rule("trap-calendar", judge)


def _is_date(url: str, found: re.Match[str]) -> bool:
    """Whether numbers that may be a year and a month are meant so: `/topic/1503/2` is the second page of a topic."""
    if _CALENDAR.search(url):
        return True
    padded = found["packed"] is not None or len(found["month"]) == 2
    if padded and _EVENTS.search(url):
        return True
    return padded and found["mark"] == "-" and found["day"] is not None and len(found["day"]) == 2
