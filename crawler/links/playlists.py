"""Streamed media: HLS playlists (RFC 8216) and DASH manifests (ISO/IEC 23009-1). A film is its segments.

What a playlist names belongs to whatever showed the playlist, so it costs no further hop. Live streams have no end:
what stands in the manifest at the time of the fetch is what is found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from crawler.links.charset import decode, of_html
from crawler.links.document import Document
from crawler.links.references import MAX_CHARACTERS, TOO_LONG, References, Unfinished
from crawler.links.xmlevents import read_xml
from crawler.model import Kind, Role
from crawler.urls import join

MAX_SEGMENTS = 20_000
"""Of one manifest, counted over all its renditions."""

_HLS = Role(Kind.REQUISITE, "m3u8/uri", "E", same_hop=True)
_DASH = Role(Kind.REQUISITE, "mpd/segment", "E", same_hop=True)
_URI = re.compile(r'URI="(?:(?<=[:,\s]URI=")|(?<=[:,\s]X-ASSET-URI="))([^"\r\n]+)"')
"""Begins with what must be there, so that a line without it is looked through in no time."""
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_VARIABLE = re.compile(r"\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$")


def extract_m3u8(document: Document, references: References) -> None:
    """Every line that is no comment is an address; some tags have one, too (RFC 8216, section 4)."""
    encoding, mark = of_html(document.content, document.charset)
    count = 0
    for line in decode(document.content[mark:], encoding).splitlines():
        line = line.strip()
        found = _URI.findall(line) if line.startswith("#EXT") else [line] if line and not line.startswith("#") else []
        for address in found:
            count += 1
            if count > MAX_SEGMENTS:
                raise Unfinished(f"stopped after {MAX_SEGMENTS} segments")
            references.add(address, _HLS)


def extract_mpd(document: Document, references: References) -> None:
    """The segments of every representation. Raises Unfinished at too many, or where the XML ends the search."""
    read_xml(document, _Manifest(references))


@dataclass(slots=True)
class _Level:
    """What an MPD, Period, AdaptationSet or Representation says, with all that it inherits: shared until it says
    something of its own."""

    name: str
    base: str
    duration: float
    template: dict[str, str] = field(default_factory=dict)
    timeline: list[tuple[int | None, int, int]] = field(default_factory=list)
    """Start, duration and number of repeats of each run of segments."""
    representation: dict[str, str] = field(default_factory=dict)
    has_base: bool = False


class _Manifest:
    def __init__(self, references: References) -> None:
        self._references = references
        self._levels = [_Level("", references.url, 0.0)]
        self._count = self._characters = 0

    def start(self, path: list[str], attributes: Mapping[str, str]) -> None:
        name, above = path[-1], self._levels[-1]
        if name in ("mpd", "period", "adaptationset", "representation"):
            duration = attributes.get("duration") or attributes.get("mediapresentationduration") or ""
            self._levels.append(
                _Level(name, above.base, _seconds(duration) or above.duration, above.template, above.timeline)
            )
            if name == "representation":
                self._levels[-1].representation = dict(attributes)
        elif name == "segmenttemplate":
            own = {key: attributes[key] for key in _TEMPLATE if key in attributes}
            above.template = {**above.template, **own}
        elif name == "segmenttimeline":
            above.timeline = []
        elif name == "s" and len(above.timeline) < MAX_SEGMENTS:
            above.timeline.append(
                (_whole(attributes.get("t")), _whole(attributes.get("d")) or 0, _whole(attributes.get("r")) or 0)
            )
        elif name in ("segmenturl", "initialization", "representationindex"):
            for key in ("media", "sourceurl", "index"):
                self._add(attributes.get(key), above)

    def end(self, path: list[str], text: str) -> None:
        name, level = path[-1], self._levels[-1]
        if name == "baseurl" and not level.has_base:  # of several, the first; the others are mirrors
            level.has_base = True
            level.base = join(level.base, text.strip()) or level.base
        elif name == level.name:
            self._levels.pop()
            if name == "representation":
                self._expand(level)

    def _expand(self, level: _Level) -> None:
        """ISO/IEC 23009-1, section 5.3.9.4: the addresses that a template stands for."""
        media, initialization = level.template.get("media"), level.template.get("initialization")
        if not media and level.has_base and level.base.rpartition("/")[2]:
            self._add(level.base, level)  # one file, its parts asked for by ranges
        if initialization:
            self._add(_filled(initialization, level.representation, 0, 0), level)
        if media and not _VARIES.search(media):
            self._add(_filled(media, level.representation, 0, 0), level)
        elif media:
            for number, time in self._positions(level):
                self._add(_filled(media, level.representation, number, time), level)

    def _positions(self, level: _Level) -> list[tuple[int, int]]:
        first = _whole(level.template.get("startnumber"))
        first = 1 if first is None else first
        left = MAX_SEGMENTS - self._count + 1
        positions: list[tuple[int, int]] = []
        if level.timeline:
            time = 0
            scale = _whole(level.template.get("timescale")) or 1
            for start, duration, repeats in level.timeline:
                time = time if start is None else start
                if repeats < 0:  # until the period ends
                    repeats = ceil((level.duration * scale - time) / duration) - 1 if duration else 0
                for _ in range(min(max(repeats, 0) + 1, left - len(positions))):
                    positions.append((first + len(positions), time))
                    time += duration
            return positions
        length = (_whole(level.template.get("duration")) or 0) / (_whole(level.template.get("timescale")) or 1)
        count = ceil(level.duration / length) if length else 0
        step = _whole(level.template.get("duration")) or 0
        return [(first + index, index * step) for index in range(min(count, left))]

    def _add(self, address: str | None, level: _Level) -> None:
        if address:
            self._count += 1
            self._characters += len(level.base) + len(address)
            if self._count > MAX_SEGMENTS:
                raise Unfinished(f"stopped after {MAX_SEGMENTS} segments")
            if self._characters > MAX_CHARACTERS:
                raise Unfinished(TOO_LONG)
            self._references.add(join(level.base, address), _DASH)


_TEMPLATE = ("media", "initialization", "startnumber", "timescale", "duration")
_VARIES = re.compile(r"\$(?:Number|Time)")


def _filled(template: str, representation: Mapping[str, str], number: int, time: int) -> str:
    def value(match: re.Match[str]) -> str:
        name, width = match[1], match[2]
        if name is None:
            return "$"
        if name == "RepresentationID":
            return representation.get("id", "")
        filled = {"Number": number, "Time": time, "Bandwidth": _whole(representation.get("bandwidth")) or 0}[name]
        return f"{filled:0{int(width or 1)}d}"

    return _VARIABLE.sub(value, template)


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,15}", text) else None


def _seconds(text: str) -> float:
    """An xs:duration without years and months."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return 0.0
    days, hours, minutes = (int(part or 0) for part in match.group(1, 2, 3))
    seconds = re.fullmatch(r"\d{1,9}(?:\.\d*)?", match[4] or "0")
    return days * 86400.0 + hours * 3600 + minutes * 60 + (float(seconds[0]) if seconds else 0.0)
