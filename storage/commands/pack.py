"""`pack`: an archive as one WACZ file."""

from __future__ import annotations

import argparse
import heapq
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.commands import Command, UsageError
from storage.errors import ArchiveError, CorruptArchive
from storage.frames import Compression, compression_of
from storage.layout import archive_directory
from storage.lookup import lines_of
from storage.manifest import read_manifest
from storage.packedindex import DATA, PackedIndex
from storage.pages import Page, header, pages_of
from storage.sources import Source, sources_of
from storage.terminal import Advance, printable, progress
from storage.wacz import About, PackageWriter, pieces_of, write_package

_LOGS = ("urls.jsonl", "crawl.log")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="DIR", type=Path, help="a crawl directory, or a WARC file or directory of them")
    parser.add_argument("-o", "--output", metavar="X.wacz", type=Path, required=True, help="the package to write")
    parser.add_argument("--title", help="what the collection is called (default: the directory's name)")
    parser.add_argument("--description", default="", help="what it holds and why, in Markdown")
    parser.add_argument("--no-text", action="store_true", help="leave the text of pages out")
    parser.add_argument("--no-logs", action="store_true", help="leave the logs out")
    parser.add_argument("--replace", action="store_true", help="replace the package if there is one")


def run(given: argparse.Namespace) -> int:
    if not given.path.exists():
        raise UsageError(f"{given.path}: there is no such file or directory")
    if given.output.suffix != ".wacz":
        raise UsageError(f"a package's name must end in .wacz: {given.output}")
    if not given.output.parent.is_dir():
        raise UsageError(f"there is no directory {given.output.parent}")
    packing = _Packing(given)
    write_package(given.output, packing.fill, replace=given.replace)
    print(packing.told())
    return 0


class _Packing:
    """One run of the command."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        sources = sources_of([given.path])
        self._sources = [source for source in sources if not source.provisional]
        self._left_out = len(sources) - len(self._sources)
        self._directory: Path | None = given.path if archive_directory(given.path).is_dir() else None
        self._captures = self._pages = 0
        _refuse_unfit(self._sources, given.path)

    def fill(self, package: PackageWriter) -> None:
        total = sum(source.current_size() for source in self._sources)
        with progress("packing", total) as advance:
            for source in self._sources:
                self._add_segment(package, source, advance)
        index = PackedIndex(heapq.merge(*map(_lines, self._sources)))
        package.add(f"indexes/{DATA}", index.members())
        package.add("indexes/index.idx", index.index(), packed=True)
        self._captures = index.captures
        main = self._add_pages(package)
        if self._directory is not None and not self._given.no_logs:
            for name in _LOGS:
                path = self._directory / "logs" / name
                if path.exists():
                    with path.open("rb") as file:
                        package.add(f"logs/{name}", pieces_of(file, _unwatched), size=path.stat().st_size, packed=True)
        title = self._given.title or self._given.path.resolve().name
        created = _moment(index.newest)
        about = About(title, self._given.description, created, main.url if main else None, main.ts if main else None)
        package.finish(about, f"annals {version('annals')}")

    def told(self) -> str:
        """The summary for a person."""
        size = self._given.output.stat().st_size
        text = f"{self._given.output}: {_plural(len(self._sources), 'segment')}, {_plural(self._captures, 'capture')}, "
        text += f"{_plural(self._pages, 'page')}, {size:,} bytes"
        if self._left_out:
            text += f"; {_plural(self._left_out, 'segment')} not sealed yet and left out: the crawl is not finished"
        return printable(text)

    def _add_segment(self, package: PackageWriter, source: Source, advance: Advance) -> None:
        with source.open() as file:
            digest = package.add(f"archive/{source.name}", pieces_of(file, advance), size=source.current_size())
        listed = self._digests().get(source.name)
        if listed is not None and listed != digest:
            raise CorruptArchive("it is not what the manifest says; verify tells more", path=source.label)

    def _digests(self) -> dict[str, str]:
        if self._directory is None:
            return {}
        return {row.name: row.sha256 for row in read_manifest(self._directory)}

    def _add_pages(self, package: PackageWriter) -> Page | None:
        """Writes the lists of pages; returns the first page."""
        text = not self._given.no_text
        main: Page | None = None
        with tempfile.TemporaryFile() as seeds, tempfile.TemporaryFile() as others:
            seeds.write(header("pages", "Seed pages", has_text=text))
            others.write(header("extra-pages", "All other pages", has_text=text))
            found = others_found = 0
            with Archive(self._sources) as archive, progress("reading pages", None, unit="pages") as advance:
                for page in pages_of(archive, self._directory, text=text):
                    (seeds if page.seed else others).write(page.line())
                    main = main or (page if page.seed else None)
                    found += 1
                    others_found += not page.seed
                    advance(1)
            self._pages = found
            package.add("pages/pages.jsonl", _rewound(seeds), packed=True)
            if others_found:
                package.add("pages/extraPages.jsonl", _rewound(others), packed=True)
        return main


def _refuse_unfit(sources: list[Source], path: Path) -> None:
    if not sources:
        raise ArchiveError("no sealed segment to pack yet", path=str(path))
    names: set[str] = set()
    for source in sources:
        with source.open() as file:
            zstandard = compression_of(file.read(4)) is Compression.ZSTD
        if zstandard:
            raise ArchiveError("WACZ 1.1.1 holds plain and gzip WARC files, no Zstandard", path=source.label)
        if source.name in names:
            raise ArchiveError("two files have this name, and a package has one place for it", path=source.label)
        names.add(source.name)


def _lines(source: Source) -> Iterator[bytes]:
    """The index lines of a file, each with its LF."""
    for line in lines_of(source).since(b""):
        yield line + b"\n"


def _rewound(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    return pieces_of(file, _unwatched)


def _unwatched(done: int) -> None:
    """Too little to watch."""


def _moment(stamp: str) -> str | None:
    """The RFC 3339 form of 14 digits. The newest capture's time: the time of packing would differ each time."""
    try:
        return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


COMMAND = Command(
    description=(
        "Packs an archive into one WACZ 1.1.1 file, with index, pages with titles and text, and logs: to pass on, to"
        " put on a web server, to open in ReplayWeb.page. Segments go in byte for byte. Of a crawl in progress the"
        " sealed segments are packed. The same archive gives the same bytes."
    ),
    examples=(
        ("pack crawls/seeds -o seeds.wacz", "a crawl"),
        ('pack crawls/seeds -o seeds.wacz --title "Our seeds" --no-logs', "named, without the logs"),
        ("pack old.warc.gz -o old.wacz", "a file of any origin"),
    ),
    add_arguments=add_arguments,
    run=run,
)
