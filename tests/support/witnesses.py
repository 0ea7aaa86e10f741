"""What warcio and FastWARC read in a file of records: witnesses that share no code with this project."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import fastwarc.warc
from warcio.archiveiterator import ArchiveIterator


class Seen(NamedTuple):
    """One record."""

    type: str
    url: str | None
    block: bytes


def by_warcio(path: Path) -> list[Seen] | Exception:
    """Every record, or the error that ended the reading."""
    found: list[Seen] = []
    try:
        with path.open("rb") as file:
            for record in ArchiveIterator(file, no_record_parse=True, arc2warc=True):
                url = record.rec_headers.get_header("WARC-Target-URI")
                found.append(Seen(record.rec_type, url, record.raw_stream.read()))
    except Exception as error:  # a witness may say anything
        return error
    return found


def by_fastwarc(path: Path) -> list[Seen] | Exception:
    """The same; its URLs have the angle brackets that some writers add."""
    found: list[Seen] = []
    try:
        with path.open("rb") as file:
            for record in fastwarc.warc.ArchiveIterator(file, parse_http=False):
                url = record.headers.get("WARC-Target-URI")
                found.append(Seen(str(record.record_type), url and url.strip("<>"), record.reader.read()))
    except Exception as error:
        return error
    return found


def bodies_by_warcio(path: Path) -> list[tuple[str, bytes]]:
    """URL and decoded body of each response that has one."""
    with path.open("rb") as file:
        return [
            (record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
            for record in ArchiveIterator(file, arc2warc=True)
            if record.rec_type == "response" and record.http_headers is not None
        ]
