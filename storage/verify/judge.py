"""What the records say of each other, judged: ids, captures, revisits, segmented records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from storage.errors import CorruptArchive
from storage.frames import compression_of, frames
from storage.sources import Source
from storage.verify.digests import same_digest
from storage.verify.facts import Facts, Known, Reference, Row, same_date
from storage.verify.header import Header, bare, read_header
from storage.verify.rules import Finding, Rule, Severity, finding
from storage.verify.tape import Tape


class File(Struct, frozen=True):
    """A file of records within one verification."""

    source: Source
    complete: bool
    """True if all that its records refer to should be among the files verified: it is of our own crawl directory."""

    @property
    def label(self) -> str:
        return self.source.label


class Judge:
    """Judges what `facts` gathered of `files`."""

    def __init__(self, facts: Facts, files: Sequence[File], report: Callable[[Finding], None]) -> None:
        self._facts, self._files, self._report = facts, files, report

    def at_once(self, header: Header, file: int, offset: int) -> None:
        """Takes a record in, and judges those of its references that lead to one read just before."""
        for kind, known in self._facts.add(header, file, offset):
            if kind is Reference.CONCURRENT:
                if not same_date(known.date, header.date):
                    self._other_date(file, offset, header.id)
            elif known.type != "warcinfo":
                self._not_warcinfo(file, offset, header.id, known)

    def at_the_end(self) -> None:
        """Judges all else. Raises OSError."""
        self._facts.complete()
        self._judge_ids()
        for row in self._facts.references():
            self._judge_reference(row)
        for row in self._facts.unnamed_revisits():
            self._judge_revisit(row)
        self._judge_segments()

    def _judge_ids(self) -> None:
        for later, first in self._facts.repeated():
            file, offset = self._facts.place(later)
            first_file, first_offset = self._facts.place(first)
            one, other = self._id_at(file, offset), self._id_at(first_file, first_offset)
            if one != other:
                continue  # two ids with one hash
            message = f"also that of the record in {self._files[first_file].label} at {first_offset}"
            self._say(Rule.RECORD_ID_REPEATED, message, file, offset, one)

    def _id_at(self, file: int, offset: int) -> str:
        """The id of a record that was read before. Raises OSError."""
        source = self._files[file].source
        with source.open() as handle:
            compression = compression_of(handle.read(4))
            try:
                tape = Tape(frames(handle, source.label, compression, offset), compression)
                found = tape.take_header() if tape.more() else None
            except CorruptArchive:
                found = None
        return "" if found is None else read_header(found[0]).id

    def _judge_reference(self, row: Row) -> None:
        kind, file, offset, record_id, date, _, _, named, known_date, known_type, _, _ = row
        if kind == Reference.REVISIT:
            self._judge_revisit(row)
        elif known_type is None:
            rule = {
                Reference.CONCURRENT: Rule.CONCURRENT_MISSING,
                Reference.WARCINFO: Rule.WARCINFO_MISSING,
                Reference.REFERS: Rule.REFERRED_MISSING,
            }[Reference(kind)]
            graver = Severity.ERROR if self._files[file].complete else rule.severity
            self._say(rule, f"<{named}>", file, offset, record_id, graver)
        elif kind == Reference.CONCURRENT and not same_date(known_date, date):
            self._other_date(file, offset, record_id)
        elif kind == Reference.WARCINFO and known_type != "warcinfo":
            self._not_warcinfo(file, offset, record_id, Known(None, known_type))

    def _judge_revisit(self, row: Row) -> None:
        _, file, offset, record_id, date, uri, digest, named, known_date, known_type, known_uri, known_digest = row
        if known_type is None:
            # Another archive may hold it: crawls can refer to an older one's payloads.
            graver = Severity.WARNING if self._files[file].complete else Rule.REFERRED_MISSING.severity
            self._say(Rule.REFERRED_MISSING, named, file, offset, record_id, graver)
            return
        if not same_date(date, known_date):
            self._say(Rule.REFERRED_OTHER, f"the date of {named} is another", file, offset, record_id)
        if uri is not None and known_uri is not None and uri != known_uri:
            self._say(Rule.REFERRED_OTHER, f"the URI of {named} is another", file, offset, record_id)
        if known_type == "revisit":
            self._say(Rule.REFERRED_REVISIT, named, file, offset, record_id)
        elif digest is not None and known_digest is not None and _differ(digest, known_digest):
            self._say(Rule.REVISIT_DIGEST, f"{digest[:90]}, not {known_digest[:90]}", file, offset, record_id)

    def _judge_segments(self) -> None:
        group: list[Row] = []
        for row in self._facts.segmented():
            if group and group[0][0] != row[0]:
                self._judge_series(group)
                group = []
            group.append(row)
        if group:
            self._judge_series(group)

    def _judge_series(self, parts: list[Row]) -> None:
        """The parts of one segmented record, in order of their numbers."""
        _, file, offset, record_id, _, _, total = parts[-1]
        numbers = [part[4] for part in parts]
        complete = self._files[file].complete
        if numbers != list(range(1, len(parts) + 1)):
            graver = Severity.ERROR if complete or len(set(numbers)) < len(numbers) else Severity.NOTE
            self._say(Rule.SEGMENTATION, f"parts {numbers[:20]} were found", file, offset, record_id, graver)
        elif total is None:
            graver = Severity.ERROR if complete else Severity.WARNING
            self._say(Rule.SEGMENTATION, "no part tells the total length", file, offset, record_id, graver)
        elif total != sum(part[5] or 0 for part in parts):
            have = sum(part[5] or 0 for part in parts)
            self._say(Rule.SEGMENTATION, f"{have} bytes in all parts, not {total}", file, offset, record_id)

    def _other_date(self, file: int, offset: int, record_id: str) -> None:
        self._say(Rule.CONCURRENT_DATE, "not the date of the record it names", file, offset, record_id)

    def _not_warcinfo(self, file: int, offset: int, record_id: str, known: Known) -> None:
        self._say(Rule.WARCINFO_TYPE, f"names a {known.type[:40]} record", file, offset, record_id)

    def _say(
        self, rule: Rule, message: str, file: int, offset: int, record_id: str, graver: Severity | None = None
    ) -> None:
        found = finding(rule, self._files[file].label, message, offset, record_id or None)
        self._report(found if graver is None else replace(found, severity=graver))


def _differ(one: str, other: str) -> bool:
    return same_digest(one, other) is False


def filename_findings(header: Header, file: File, offset: int) -> Iterator[Finding]:
    """What a warcinfo record says of the file it is in."""
    name = header.get("warc-filename")
    if header.type == "warcinfo" and name is not None and bare(name) != file.source.name:
        yield finding(Rule.FILENAME, file.label, repr(name[:120]), offset, header.id)
