"""CDXJ: one line a capture, sorted by SURT key and time, by which replay tools find a record.

    com,example)/ 20260102030405 {"url": …, "mime": …, "status": …, "digest": …, "length": …, …}

As cdxj-indexer writes it (pywb and wabac read it): all values are strings; a revisit's mime is `warc/revisit`; `mime`
is `unk` where a response does not say (pywb's rule); `status` only for an HTTP message. Requests, warcinfo and
records of application/warc-fields have no line.
"""

from __future__ import annotations

import heapq
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from storage.errors import CorruptArchive, InvalidRecord
from storage.header import HEADER_LIMIT, RecordHeader, decode_header
from storage.httpmessage import HEAD_LIMIT, ResponseFramer
from storage.layout import archive_directory, indexes_directory, replace_file
from storage.members import Member, members
from storage.records import Record, Written
from storage.surt import surt

RUN = 16 << 20
"""Characters of lines that are sorted in memory at a time."""

_USUAL_HEAD = 16 << 10
_INDEXED = frozenset({"response", "revisit", "resource", "metadata"})
_NEVER_INDEXED = re.compile(rb"WARC/1\.1\r\nWARC-Type: (?:request|warcinfo)\r\n")
_MIME_END = re.compile(r"[;\s]")


def index_path(directory: Path, segment_name: str) -> Path:
    """DIR/indexes/SEGMENT.cdxj, whether it is there or not."""
    return indexes_directory(directory) / f"{segment_name}.cdxj"


def write_index(directory: Path, segment_name: str, *, run: int = RUN) -> Path:
    """Writes DIR/indexes/SEGMENT.cdxj for a sealed segment, atomically, and returns it. Blocking, bounded memory.

    Raises CorruptArchive where the segment is torn or damaged, so that an index is never silently short; OSError."""
    segment = archive_directory(directory) / segment_name
    target = index_path(directory, segment_name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lines = sorted_lines(index_lines(segment), run, target.parent, stack)
        replace_file(target, (line.encode("utf-8") for line in lines))
    return target


class IndexBuilder:
    """The index of a segment while it is written: spares reading it all again at sealing. Bounded memory.

    Lines are added after the commit of what they tell; a session that dies loses them, and `write_index` makes them
    anew from the segment."""

    def __init__(self, directory: Path, segment_name: str, *, run: int = RUN) -> None:
        self._target = index_path(directory, segment_name)
        self._segment, self._run = segment_name, run
        self._stack = ExitStack()
        self._runs: list[IO[str]] = []
        self._gathered: list[str] = []
        self._size = 0

    def add(self, records: Iterable[Record], written: Iterable[Written]) -> None:
        """Adds the lines of a group of records. Blocking, but only now and then; raises OSError."""
        for record, place in zip(records, written, strict=True):
            line = _line_of(record, place)
            if line is not None:
                self._gathered.append(line)
                self._size += len(line)
        if self._size >= self._run:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._runs.append(_spilled(sorted(self._gathered), self._target.parent, self._stack))
            self._gathered, self._size = [], 0

    def finish(self) -> Path:
        """Writes the index as `write_index` would, atomically. Blocking; raises OSError."""
        with self._stack:
            lines = heapq.merge(sorted(self._gathered), *self._runs)
            replace_file(self._target, (line.encode("utf-8") for line in lines))
        return self._target

    def close(self) -> None:
        """Forgets everything; after `finish` it does nothing."""
        self._stack.close()


def _line_of(record: Record, place: Written) -> str | None:
    content_type = record.content_type or ""
    if record.target_uri is None or not _is_indexed(record.type, content_type):
        return None
    mime: str | None = content_type
    status = None
    if record.type in ("response", "revisit") and content_type.startswith("application/http"):
        block = record.block if isinstance(record.block, bytes) else next(record.block.chunks(), b"")
        status, mime = _http(block)
    date = f"{record.date:%Y%m%d%H%M%S}"
    return _cdxj(
        record.type, record.target_uri, date, mime, status,
        (place.payload_digest, place.block_digest), (place.offset, place.length, place.segment),
    )  # fmt: skip


def index_lines(segment: Path) -> Iterator[str]:
    """The lines of a segment's captures, in the order of the segment. Raises as `write_index`."""
    for member in members(segment):
        start = _beginning(member)
        assert member.length is not None
        if _NEVER_INDEXED.match(start):  # most records of a crawl; saves taking their header apart
            continue
        try:
            header, block = decode_header(start)
            line = index_line(header, start[block:], member.offset, member.length, segment.name)
        except InvalidRecord as error:
            raise CorruptArchive(error.message, path=str(segment), offset=member.offset) from error
        if line is not None:
            yield line


def _beginning(member: Member) -> bytes:
    """What of a record can matter here, the rest being read for its checksum only."""
    kept: list[bytes] = []
    size = 0
    for piece in member.pieces():
        if size < HEADER_LIMIT + HEAD_LIMIT:
            kept.append(piece)
            size += len(piece)
    return b"".join(kept)


def index_line(
    header: RecordHeader, block: bytes, offset: int, length: int | None, filename: str, skip: int = 0
) -> str | None:
    """The line of a record, None if it has none. `block` may be cut off behind its HTTP head; `skip` is how far within
    the compressed frame the record begins, for files that put several in one. Raises InvalidRecord."""
    type_, url = header.need("WARC-Type"), header.get("WARC-Target-URI")
    content_type = header.get("Content-Type") or ""
    if url is None or not _is_indexed(type_, content_type):
        return None
    url = url[1:-1] if url[:1] == "<" and url[-1:] == ">" else url
    mime: str | None = content_type
    status = None
    if type_ in ("response", "revisit") and content_type.startswith("application/http"):
        status, mime = _http(block)
    date = re.sub(r"\D", "", header.need("WARC-Date"))[:14]
    digests = (header.get("WARC-Payload-Digest"), header.get("WARC-Block-Digest"))
    return _cdxj(type_, url, date, mime, status, digests, (offset, length, filename), skip)


def _is_indexed(type_: str, content_type: str) -> bool:
    return type_ in _INDEXED and not (type_ in ("resource", "metadata") and content_type == "application/warc-fields")


def _cdxj(
    type_: str, url: str, date: str, mime: str | None, status: str | None, digests: tuple[str | None, str | None],
    place: tuple[int, int | None, str], skip: int = 0,
) -> str:  # fmt: skip
    """`digests` are the payload's and the block's, `place` is offset, length and file name."""
    values = {"url": url, "mime": "warc/revisit" if type_ == "revisit" else _essence(mime)}
    if status is not None:
        values["status"] = status
    digest = digests[0]
    if digest is None and type_ in ("resource", "metadata"):
        digest = digests[1]  # the block is the payload
    if digest is not None:
        values["digest"] = digest
    offset, length, filename = place
    values |= {} if length is None else {"length": str(length)}
    values |= {"offset": str(offset), "filename": filename}
    if skip:
        values["skip"] = str(skip)
    return f"{surt(url)} {date} {json.dumps(values)}\n"


def _http(block: bytes) -> tuple[str | None, str | None]:
    """Status and Content-Type of an HTTP response, as far as they can be read."""
    framer = ResponseFramer()
    framer.feed(block[:_USUAL_HEAD])
    if framer.head_end is None:
        framer.feed(block[_USUAL_HEAD:])
    mime = next((value for name, value in framer.headers if name.lower() == "content-type"), None)
    return None if framer.status is None else str(framer.status), mime


def _essence(content_type: str | None) -> str:
    return _MIME_END.split(content_type or "", maxsplit=1)[0].strip() or "unk"


def sorted_lines(lines: Iterable[str], run: int, directory: Path, stack: ExitStack) -> Iterable[str]:
    """The lines in order of their UTF-8 bytes (they are ASCII: JSON escapes the rest), without repeats of a line."""
    runs: list[IO[str]] = []
    gathered: list[str] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= run:
            runs.append(_spilled(sorted(gathered), directory, stack))
            gathered, size = [], 0
    return heapq.merge(sorted(gathered), *runs)


def _spilled(lines: list[str], directory: Path, stack: ExitStack) -> IO[str]:
    file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="ascii", newline="\n", dir=directory))  # noqa: SIM115 (the stack closes it)
    file.writelines(lines)
    file.seek(0)
    return file
