"""A WACZ 1.1.1 package: segments, index, pages and logs in one ZIP file that viewers read by ranges.

    archive/    the sealed segments, byte for byte, stored uncompressed
    indexes/    index.cdx.gz: sorted CDXJ lines, 1024 a gzip member; index.idx: where each member begins
    pages/      pages.jsonl: the seeds' pages; extraPages.jsonl: the others; with titles and text
    logs/       urls.jsonl and crawl.log, where there are any
    datapackage.json, datapackage-digest.json    every file with its SHA-256

The same input gives the same bytes: no time and no name of the machine goes in. The package is written aside, synced
and renamed, so that nobody ever sees half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, Any

from msgspec import Struct

from storage.errors import ArchiveError
from storage.files import sync_directory
from storage.members import Readable

VERSION = "1.1.1"
_PIECE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a ZIP file can tell; no file of the package has one of its own."""


class About(Struct, frozen=True):
    """What the data package says of the archive as a whole."""

    title: str
    description: str = ""
    created: str | None = None
    """RFC 3339."""
    main_url: str | None = None
    main_date: str | None = None


@dataclass(slots=True)
class PackageWriter:
    """Files on their way into a package. Use `writing`, which gives one."""

    package: zipfile.ZipFile
    resources: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, pieces: Iterable[bytes], *, size: int | None = None, packed: bool = False) -> str:
        """Adds a file and returns its SHA-256 in hex. `size` is its exact size, None where that is not known yet;
        `packed` asks for compression, which what is read by ranges must not have."""
        if size is None:
            with TemporaryFile() as aside:
                aside.writelines(pieces)
                size = aside.tell()
                aside.seek(0)
                return self.add(path, pieces_of(aside, _unwatched), size=size, packed=packed)
        digest, total = hashlib.sha256(), 0
        with self._open(path, size, packed) as file:
            for piece in pieces:
                digest.update(piece)
                total += len(piece)
                file.write(piece)
        name = self._name(path)
        self.resources.append({"name": name, "path": path, "hash": f"sha256:{digest.hexdigest()}", "bytes": total})
        return digest.hexdigest()

    def finish(self, about: About, software: str) -> None:
        """Writes the data package and its digest."""
        value: dict[str, Any] = {"profile": "data-package", "wacz_version": VERSION, "title": about.title}
        if about.description:
            value["description"] = about.description
        if about.created is not None:
            value |= {"created": about.created, "modified": about.created}
        if about.main_url is not None:
            value |= {"mainPageUrl": about.main_url, "mainPageDate": about.main_date}
        value |= {"software": software, "resources": self.resources}
        data = (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        for path, content in (("datapackage.json", data), ("datapackage-digest.json", json.dumps(digest).encode())):
            with self._open(path, len(content), True) as file:
                file.write(content)

    def _open(self, path: str, size: int, packed: bool) -> IO[bytes]:
        info = zipfile.ZipInfo(path, _EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.create_system, info.external_attr = 3, 0o644 << 16
        # wabac.js takes a file without an extra field in the central directory to have none before its bytes either:
        # so both have one (for ZIP64), or neither, where zipfile would play safe near the limit.
        return self.package.open(info, "w", force_zip64=size > zipfile.ZIP64_LIMIT)

    def _name(self, path: str) -> str:
        """A name for a resource: lower case, and no other's (Frictionless Data Resource)."""
        name = path.rpartition("/")[2].lower()
        taken = {resource["name"] for resource in self.resources}
        return name if name not in taken else path.lower()


def write_package(target: Path, fill: Callable[[PackageWriter], None], *, replace: bool = False) -> None:
    """Writes a package whole or not at all: `fill` adds its files. Blocking.

    Raises ArchiveError if the target exists and may not be replaced; OSError and whatever `fill` raises."""
    if target.exists() and not replace:
        raise ArchiveError("there is such a file already", path=str(target))
    with NamedTemporaryFile("w+b", dir=target.parent, prefix=f".{target.name}.", suffix=".tmp", delete=False) as file:
        try:
            with zipfile.ZipFile(file, "w", allowZip64=True) as package:
                fill(PackageWriter(package))
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # a temporary file starts out private
            os.fsync(file.fileno())
            os.rename(file.name, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(file.name)
            raise
    sync_directory(target.parent)


def pieces_of(file: Readable, advance: Callable[[int], None]) -> Iterator[bytes]:
    """A file in pieces; `advance` is told of each."""
    while data := file.read(_PIECE):
        advance(len(data))
        yield data


def _unwatched(done: int) -> None:
    """Nobody is told."""
