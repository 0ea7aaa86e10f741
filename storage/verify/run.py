"""A verification from paths to findings: which files, in which order, what is held against what."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from storage.cdxj import index_path
from storage.errors import ArchiveError
from storage.layout import archive_directory, indexes_directory
from storage.manifest import MANIFEST
from storage.segment import OPEN, SUFFIX
from storage.sources import Source, sources_of
from storage.verify.directory import (
    check_ledger,
    check_log,
    check_manifest,
    check_pages,
    committed_lengths,
    is_unfinished,
    severity_of_claims,
)
from storage.verify.facts import Facts
from storage.verify.index import SegmentIndex, claim_index
from storage.verify.judge import File, Judge, filename_findings
from storage.verify.ledger import LEDGER
from storage.verify.package import BROKEN, Package, damage
from storage.verify.rules import Finding, Rule, Severity, finding
from storage.verify.walk import Seen, Walk

Advance = Callable[[int], None]


def _nobody(_: object) -> None:
    """Takes what nobody wants to know."""


_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(slots=True)
class Summary:
    """What was verified, and how much was found."""

    files: int = 0
    records: int = 0
    found: Counter[Severity] = field(default_factory=Counter)
    provisional: bool = False

    @property
    def whole(self) -> bool:
        """True if no error was found."""
        return not self.found[Severity.ERROR]


@dataclass(slots=True)
class _Place:
    """One of the paths that were given."""

    path: Path
    ours: bool = False
    unfinished: bool = False
    package: bool = False
    files: dict[str, int] = field(default_factory=dict)
    """Numbers of its files of records, by the names that indexes give them."""


def verify(paths: Sequence[Path], report: Callable[[Finding], None], advance: Advance = _nobody) -> Summary:
    """Verifies the archives in `paths`; every finding goes to `report` as soon as it is made.

    Each directory and each package is an archive by itself; all other files together are one. Blocking; in bounded
    memory. Raises ArchiveError for a path that holds no archive, OSError."""
    places = [_place(path) for path in paths]
    single = [place for place in places if not (place.package or place.path.is_dir())]
    archives = [[place] for place in places if place.package or place.path.is_dir()]
    summary = Summary()
    for archive in [single, *archives] if single else archives:
        _Verification(archive, summary, report, advance).run()
    return summary


def _place(path: Path) -> _Place:
    if not path.exists():
        raise ArchiveError("there is no such file or directory", path=str(path))
    if path.is_dir():
        ours = (indexes_directory(path) / MANIFEST).exists() and archive_directory(path).is_dir()
        return _Place(path, ours, is_unfinished(path) if ours else False)
    with path.open("rb") as file:
        return _Place(path, package=file.read(4) == _ZIP_MAGIC or path.suffix == ".wacz")


class _Verification:
    """One archive: the places that belong together."""

    def __init__(
        self, places: Sequence[_Place], summary: Summary, report: Callable[[Finding], None], advance: Advance
    ) -> None:
        self._places, self._tell, self._advance = places, report, advance
        self.summary = summary
        self._files: list[File] = []
        self._claimants: list[tuple[str, Rule, Severity]] = []
        self._facts = Facts()
        self._judge = Judge(self._facts, self._files, self._report)

    def run(self) -> None:
        try:
            for place in self._places:
                self._read(place)
            self._judge.at_the_end()
            for place in self._places:
                self._hold_against(place)
            self._judge_claims()
        finally:
            self._facts.close()
            for file in self._files:
                if file.source.unpacked is not None:
                    file.source.unpacked.close()

    def _report(self, found: Finding) -> None:
        self.summary.found[found.severity] += 1
        self._tell(found)

    def _read(self, place: _Place) -> None:
        """Reads every file of records of a place, and what can be checked without the others."""
        if place.package:
            Package(place.path, self._report, self._advance).check()
        if place.ours:
            check_manifest(place.path, self._report, self._advance)
        committed = committed_lengths(place.path) if place.ours else {}
        for source in self._sources(place):
            number = len(self._files)
            self._files.append(File(source, place.ours))
            place.files[source.name] = number
            self._read_file(place, source, number, committed.get(source.name, 0))
        if not place.files and not place.package:
            raise ArchiveError("holds no archive: no WARC file and no WACZ package", path=str(place.path))

    def _sources(self, place: _Place) -> list[Source]:
        try:
            sources = sources_of([place.path])
        except ArchiveError as error:
            if place.package:
                self._report(finding(Rule.PACKAGE, str(place.path), error.message))
                return []
            if not place.ours:
                raise
            archive = archive_directory(place.path)  # the manifest is unreadable, which was told
            paths = sorted([*archive.glob(f"*{SUFFIX}"), *archive.glob(f"*{OPEN}")])
            sources = [Source(path, path.name.removesuffix(OPEN), provisional=path.suffix == OPEN) for path in paths]
        # A segment that the manifest names and that is not there was told already.
        return [each for each in sources if each.provisional or each.path.exists()]

    def _read_file(self, place: _Place, source: Source, number: int, committed: int) -> None:
        if source.provisional and (size := source.current_size()) < committed:
            message = f"{source.name} has {size} bytes; {committed} are committed"
            self._report(finding(Rule.LEDGER, str(place.path / LEDGER), message))
        index = None
        if place.ours and not source.provisional:
            path = index_path(place.path, source.name)
            if path.exists():
                index = SegmentIndex(path, source.name)
            else:
                self._report(finding(Rule.INDEX_MISSING, str(source.path), f"there is no {path.name}"))

        def take(seen: Seen) -> None:
            self._judge.at_once(seen.header, number, seen.offset)
            if index is not None:
                index.add(seen)
            for found in filename_findings(seen.header, self._files[number], seen.offset):
                self._report(found)

        walk = Walk(source, self._report, take, self._advance, committed if source.provisional else 0)
        walk.run()
        self.summary.files += 1
        self.summary.records += walk.records
        self.summary.provisional = self.summary.provisional or source.provisional
        if index is not None:
            index.check(self._report, lambda take: Walk(source, _nobody, take, _nobody).run())

    def _hold_against(self, place: _Place) -> None:
        """Indexes, logs and lists of pages become claims; what they cannot claim is told."""
        severity = severity_of_claims(place.unfinished)
        if place.ours:
            check_ledger(place.path, self._report)
            log = self._claimant(str(place.path / "logs" / "urls.jsonl"), Rule.LOG, severity)
            check_log(place.path, self._facts, place.files, log, self._report)
            pages = place.path / "pages" / "pages.jsonl"
            claimant = self._claimant(str(pages), Rule.PAGES, severity)
            check_pages(pages, self._facts, claimant, self._report, unfinished=place.unfinished, ours=True)
        elif place.package:
            self._hold_package(place)
        elif place.path.is_dir() and indexes_directory(place.path).is_dir():
            for path in sorted(indexes_directory(place.path).glob("*.cdxj")):
                claimant = self._claimant(str(path), Rule.INDEX, severity)
                with path.open("rb") as file:
                    claim_index(file, str(path), False, self._facts, place.files, claimant, self._report)

    def _hold_package(self, place: _Place) -> None:
        try:
            with zipfile.ZipFile(place.path) as package:
                for name in package.namelist():
                    if name.startswith("indexes/") and name.endswith((".cdx", ".cdxj", ".cdx.gz", ".cdxj.gz")):
                        label = f"{place.path}:{name}"
                        claimant = self._claimant(label, Rule.INDEX, Severity.ERROR)
                        with package.open(name) as file:
                            packed = name.endswith(".gz")
                            claim_index(file, label, packed, self._facts, place.files, claimant, self._report)  # type: ignore[arg-type]
        except BROKEN as error:
            damage(error)  # told when the package was read

    def _claimant(self, label: str, rule: Rule, severity: Severity) -> int:
        self._claimants.append((label, rule, severity))
        return len(self._claimants) - 1

    def _judge_claims(self) -> None:
        for claimant, line, file, offset, other in self._facts.unfounded():
            label, rule, severity = self._claimants[claimant]
            where = "that it names" if file is None else f"in {self._files[file].label} at {offset}"
            what = f"the record {where} has another URI" if other else f"there is no record {where}"
            if file is not None and self._files[file].source.provisional:
                severity = Severity.NOTE
            self._report(replace(finding(rule, label, f"line {line}: {what}"), severity=severity))
