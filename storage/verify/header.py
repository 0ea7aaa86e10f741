"""A record's header judged line by line; where storage/header.py stops, this goes on to the next problem. Pure.

What can be judged from the names alone is judged once for each set of names: an archive has a handful of them.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from storage.records import RecordType
from storage.verify.rules import Rule

Problem = tuple[Rule, str]

_USUAL = 8 << 10
"""Bytes of a header up to which its judgement is remembered; a few thousand are."""

VERSIONS = ("WARC/1.1", "WARC/1.0")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""CTL of section 4 less the tab, which is linear white space."""
_RECORD_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:[^<>\s]+>")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MEDIA_TYPE = re.compile(
    r"""[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+"""
    r"""([ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"([^"\\]|\\.)*"))?)*[ \t]*"""
)
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?Z)?)?)?", re.ASCII)
"""WARC 1.1 section 5.4: any granularity of W3C's profile, in UTC; one to nine digits of a fraction."""
_DATE_1_0 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ALL = frozenset(RecordType)
_MANDATORY = (
    ("WARC-Record-ID", _ALL, "5.2"),
    ("Content-Length", _ALL, "5.3"),
    ("WARC-Date", _ALL, "5.4"),
    ("WARC-Target-URI", _ALL - {"warcinfo", "metadata"}, "5.14"),
    ("WARC-Profile", {"revisit"}, "5.18"),
    ("WARC-Segment-Number", {"continuation"}, "5.20"),
    ("WARC-Segment-Origin-ID", {"continuation"}, "5.21"),
)
_FORBIDDEN = (
    ("WARC-Concurrent-To", {"warcinfo", "conversion", "continuation"}, "5.7"),
    ("WARC-IP-Address", {"warcinfo", "conversion", "continuation"}, "5.10"),
    ("WARC-Refers-To", {"warcinfo", "response", "resource", "request", "continuation"}, "5.11"),
    ("WARC-Refers-To-Target-URI", _ALL - {"revisit"}, "5.12"),
    ("WARC-Refers-To-Date", _ALL - {"revisit"}, "5.13"),
    ("WARC-Target-URI", {"warcinfo"}, "5.14"),
    ("WARC-Warcinfo-ID", {"warcinfo"}, "5.16"),
    ("WARC-Filename", _ALL - {"warcinfo"}, "5.17"),
    ("WARC-Segment-Origin-ID", _ALL - {"continuation"}, "5.21"),
    ("WARC-Segment-Total-Length", _ALL - {"continuation"}, "5.22"),
)
_NEW_IN_1_1 = {"warc-refers-to-target-uri", "warc-refers-to-date"}
"""An extension may use these as it likes in a WARC/1.0 record."""
_PAYLOAD_FIELDS = {"warc-payload-digest": "5.9", "warc-identified-payload-type": "5.19"}
_IDENTICAL = re.compile(r"https?://netpreserve\.org/warc/1\.[01]/revisit/identical-payload-digest")
_NOT_MODIFIED = re.compile(r"https?://netpreserve\.org/warc/1\.[01]/revisit/server-not-modified")


class Header(Struct, frozen=True):
    """What a header says, as far as it can be read."""

    version: str
    values: dict[str, str]
    """By lower-case name; the first where a field is repeated."""
    concurrent: tuple[str, ...]
    """Ids in WARC-Concurrent-To, without brackets."""
    type: str = ""
    id: str = ""
    """As written."""
    date: int | None = None
    """Microseconds since 1970."""
    length: int | None = None
    """Content-Length; None if there is none to trust."""
    problems: list[Problem] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The value of a field by its lower-case name."""
        return self.values.get(name)


def read_header(data: bytes) -> Header:
    """Reads a header, given without the empty line that ends it, and judges it."""
    problems: list[Problem] = []
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        problems.append((Rule.NOT_UTF8, f"byte {error.start} of the header"))
        text = data.decode("utf-8", "replace")
    lines = text.split("\r\n")
    if not "".join(lines).isprintable() or "\r\n " in text:
        lines = _careful_lines(lines, problems)
    version = lines.pop(0)
    pairs = [line.partition(":") for line in lines]
    names = tuple([name for name, _, _ in pairs])
    if version not in VERSIONS:
        problems.append(_version_problem(version))
    usual = len(data) < _USUAL
    judge_names = _judge_names if usual else _judge_names.__wrapped__
    lower, about_names = judge_names(names, tuple([colon for _, colon, _ in pairs]))
    problems += about_names
    values: dict[str, str] = {}
    for name, (_, _, value) in zip(lower, pairs, strict=True):
        values.setdefault(name, value.strip(" \t"))
    concurrent: tuple[str, ...] = ()
    if "warc-concurrent-to" in values:
        concurrent = tuple(
            [bare(value) for name, (_, _, value) in zip(lower, pairs, strict=True) if name == "warc-concurrent-to"]
        )
    type_ = values.get("warc-type", "")
    judge_fields = _judge_fields if usual else _judge_fields.__wrapped__
    problems += judge_fields(type_, frozenset(lower), version == "WARC/1.1")
    date = _judge_values(values, type_, version, problems)
    length = _content_length(values.get("content-length"), problems)
    return Header(version, values, concurrent, type_, values.get("warc-record-id", ""), date, length, problems)


def bare(value: str) -> str:
    """A URI without white space and angle brackets around it."""
    value = value.strip(" \t")
    return value[1:-1] if value[:1] == "<" and value[-1:] == ">" else value


def date_of(text: str, version: str = "WARC/1.1") -> int | None:
    """Microseconds since 1970 of a WARC-Date; None if it is none. What is finer is cut off."""
    return _date_of(text, version) if len(text) < 40 else None


@functools.lru_cache(maxsize=4096)
def _date_of(text: str, version: str) -> int | None:
    found = _DATE.fullmatch(text)
    if found is None or (version == "WARC/1.0" and _DATE_1_0.fullmatch(text) is None):
        return None
    year, month, day, hour, minute, second, fraction = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        date = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), micro, UTC
        )
    except ValueError:
        return None
    return (date - _EPOCH) // _MICROSECOND


def _careful_lines(lines: Sequence[str], problems: list[Problem]) -> list[str]:
    """The lines unfolded, with what is wrong about their ends told; bare line feeds end a line too."""
    whole: list[str] = []
    for line in lines:
        parts = line.split("\n")
        if len(parts) > 1:
            problems.append((Rule.LINE_END, f"a bare line feed after {parts[0][:60]!r}"))
        for part in parts:
            if part[:1] in (" ", "\t") and whole:
                whole[-1] = f"{whole[-1]} {part.strip()}"
                continue
            found = _CONTROL.search(part)
            if found is not None:
                problems.append((Rule.CONTROL_CHARACTER, f"{found[0]!r} in {part[:80]!r}"))
            whole.append(part)
    return whole


def _version_problem(version: str) -> Problem:
    if re.fullmatch(r"WARC/0\.\d+", version):
        return Rule.VERSION_DRAFT, version
    return Rule.VERSION, f"{version[:40]!r}"


@functools.lru_cache(maxsize=4096)
def _judge_names(names: tuple[str, ...], colons: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The names in lower case, and what is wrong with them whatever the type."""
    problems: list[Problem] = []
    lower: list[str] = []
    for name, colon in zip(names, colons, strict=True):
        if not name and not colon:
            problems.append((Rule.LINE_END, "an empty line within the header"))
        elif not colon:
            problems.append((Rule.FIELD_SYNTAX, f"no colon in {name[:80]!r}"))
        elif _TOKEN.fullmatch(name) is None:
            problems.append((Rule.FIELD_SYNTAX, f"{name[:80]!r} is no field name"))
        lower.append(name.lower())
    seen: set[str] = set()
    for name, given in zip(lower, names, strict=True):
        if name in seen and name != "warc-concurrent-to" and name.startswith(("warc-", "content-")):
            problems.append((Rule.FIELD_REPEATED, given))
        seen.add(name)
    return tuple(lower), tuple(problems)


@functools.lru_cache(maxsize=4096)
def _judge_fields(type_: str, names: frozenset[str], is_1_1: bool) -> tuple[Problem, ...]:
    """What is missing and what may not be, for a type."""
    if not type_:
        return ((Rule.FIELD_MISSING, "WARC-Type (section 5.5)"),)
    if type_ not in _ALL:
        if type_.lower() in _ALL or _TOKEN.fullmatch(type_) is None:
            return ((Rule.FIELD_SYNTAX, f"{type_[:40]!r} is no WARC-Type"),)
        return ((Rule.TYPE_UNKNOWN, repr(type_[:40])),)
    problems = [
        (Rule.FIELD_MISSING, f"{name} in a {type_} record (section {clause})")
        for name, types, clause in _MANDATORY
        if type_ in types and name.lower() not in names
    ]
    problems += [
        (Rule.FIELD_FORBIDDEN, f"{name} in a {type_} record (section {clause})")
        for name, types, clause in _FORBIDDEN
        if type_ in types and name.lower() in names and (is_1_1 or name.lower() not in _NEW_IN_1_1)
    ]
    if type_ in ("warcinfo", "metadata"):
        problems += [
            (Rule.PAYLOAD_UNDEFINED, f"{name} in a {type_} record (section {clause})")
            for name, clause in _PAYLOAD_FIELDS.items()
            if name in names
        ]
    return tuple(problems)


def _judge_values(values: dict[str, str], type_: str, version: str, problems: list[Problem]) -> int | None:
    """Judges the values of the fields the standard defines; returns the date."""
    record_id = values.get("warc-record-id")
    if record_id is not None and _RECORD_ID.fullmatch(record_id) is None:
        problems.append((Rule.RECORD_ID, repr(record_id[:80])))
    date, text = None, values.get("warc-date")
    if text is not None:
        date = date_of(text, version)
        if date is None:
            problems.append((Rule.DATE, repr(text[:40])))
            date = date_of(text)
    target = values.get("warc-target-uri")
    if target is not None:
        _judge_target(target, problems)
    address = values.get("warc-ip-address")
    if address is not None and not (len(address) < 100 and _is_address(address)):
        problems.append((Rule.ADDRESS, repr(address[:60])))
    media_type = values.get("content-type")
    if media_type is None:
        if type_ != "continuation" and values.get("content-length", "0") != "0":
            problems.append((Rule.CONTENT_TYPE_MISSING, "no Content-Type"))
    elif not (_is_media_type if len(media_type) < 200 else _is_media_type.__wrapped__)(media_type):
        problems.append((Rule.CONTENT_TYPE, repr(media_type[:80])))
    if type_ == "revisit":
        _judge_profile(values, problems)
    number = values.get("warc-segment-number")
    if number is not None:
        _judge_segment_number(number, type_, problems)
    return date


def _judge_target(target: str, problems: list[Problem]) -> None:
    if target[:1] == "<" and target[-1:] == ">":
        problems.append((Rule.TARGET_URI_BRACKETS, target[:80]))
        target = target[1:-1]
    if " " in target or "\t" in target:
        problems.append((Rule.TARGET_URI, f"white space in {target[:120]!r}"))
    elif _SCHEME.match(target) is None:
        problems.append((Rule.TARGET_URI, f"no scheme in {target[:120]!r}"))


def _judge_profile(values: dict[str, str], problems: list[Problem]) -> None:
    profile = bare(values.get("warc-profile", ""))
    if _IDENTICAL.fullmatch(profile):
        if "warc-payload-digest" not in values:
            problems.append((Rule.FIELD_MISSING, "WARC-Payload-Digest in a revisit of this profile (section 6.7.2)"))
    elif profile and _NOT_MODIFIED.fullmatch(profile) is None:
        problems.append((Rule.PROFILE, repr(profile[:120])))


def _judge_segment_number(number: str, type_: str, problems: list[Problem]) -> None:
    value = int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 0
    if value < 1 or (value == 1) == (type_ == "continuation"):
        problems.append((Rule.SEGMENT_NUMBER, f"{number[:20]!r} in a {type_[:40]} record"))


def _content_length(value: str | None, problems: list[Problem]) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        problems.append((Rule.CONTENT_LENGTH, repr(value[:40])))
        return None
    return int(value)


@functools.lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@functools.lru_cache(maxsize=1024)
def _is_media_type(text: str) -> bool:
    return _MEDIA_TYPE.fullmatch(text) is not None
