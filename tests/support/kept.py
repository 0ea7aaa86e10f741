"""What an archive keeps of each URL, read with warcio: blocks and headers as they stand, metadata taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator


@dataclass(frozen=True)
class Kept:
    """One record."""

    type: str
    url: str | None
    headers: dict[str, list[str]]
    block: bytes

    def header(self, name: str) -> str | None:
        return self.headers[name][0] if name in self.headers else None

    @property
    def fields(self) -> dict[str, list[str]]:
        """The block of a metadata or warcinfo record."""
        found: dict[str, list[str]] = {}
        for line in self.block.decode().split("\r\n")[:-1]:
            name, _, value = line.partition(": ")
            found.setdefault(name, []).append(value)
        return found


def segments(directory: Path) -> list[Path]:
    return sorted((directory / "archive").iterdir())


def kept(directory: Path, url: str | None = None, type_: str | None = None) -> list[Kept]:
    """The records, in the order of the archive; of one URL, of one type, if asked for."""
    found: list[Kept] = []
    for path in segments(directory):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, no_record_parse=True):
                headers: dict[str, list[str]] = {}
                for name, value in record.rec_headers.headers:
                    headers.setdefault(name, []).append(value)
                each = Kept(
                    record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), headers, record.raw_stream.read()
                )
                if (url is None or each.url == url) and (type_ is None or each.type == type_):
                    found.append(each)
    return found


def metadata(directory: Path, url: str) -> list[dict[str, list[str]]]:
    """The fields of the URL's metadata records, one for each attempt."""
    return [record.fields for record in kept(directory, url, "metadata")]
