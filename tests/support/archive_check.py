"""Reads a finished crawl directory with independent means (warcio, sqlite3, json) and says what it holds."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders

from crawler.model import Outcome, OutcomeKind


@dataclass
class Held:
    """What an archive holds: the block of every response, in order. A revisit counts as the response that it stands
    for: its own head with the payload that it refers to."""

    responses: list[tuple[str, bytes]] = field(default_factory=list)
    payloads: list[tuple[str, bytes]] = field(default_factory=list)
    """Of every capture, in order; for a 304 that of the capture that it confirms."""
    records: Counter[str] = field(default_factory=Counter)

    @property
    def by_url(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for url, block in self.responses:
            found.setdefault(url, []).append(block)
        return found


def read_archive(directory: Path, pattern: str = "*.warc.gz") -> Held:
    """Every record of every segment, in order of segment names; blocks raw."""
    held = Held()
    originals = _Originals()
    for path in sorted((directory / "archive").glob(pattern)):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, no_record_parse=True):
                block = record.raw_stream.read()
                digest = record.rec_headers.get_header("WARC-Block-Digest")
                assert digest == f"sha256:{hashlib.sha256(block).hexdigest()}", path
                held.records[record.rec_type] += 1
                url = record.rec_headers.get_header("WARC-Target-URI")
                if record.rec_type == "response":
                    originals.add(record.rec_headers, block)
                    held.responses.append((url, block))
                    held.payloads.append((url, block.partition(b"\r\n\r\n")[2]))
                elif record.rec_type == "revisit":
                    payload = originals.payload_of(record.rec_headers)
                    held.payloads.append((url, payload))
                    if record.rec_headers.get_header("WARC-Profile").endswith("/identical-payload-digest"):
                        held.responses.append((url, block + payload))
    return held


class _Originals:
    """The responses read so far, by record id: what a revisit may refer to."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[StatusAndHeaders, bytes]] = {}

    def add(self, header: StatusAndHeaders, block: bytes) -> None:
        self._found[header.get_header("WARC-Record-ID")] = header, block

    def payload_of(self, revisit: StatusAndHeaders) -> bytes:
        """The payload that a revisit stands for; it must be that of a whole earlier response."""
        header, block = self._found[revisit.get_header("WARC-Refers-To")]
        assert revisit.get_header("WARC-Refers-To-Target-URI") == header.get_header("WARC-Target-URI")
        assert revisit.get_header("WARC-Refers-To-Date") == header.get_header("WARC-Date")
        assert revisit.get_header("WARC-Payload-Digest") == header.get_header("WARC-Payload-Digest")
        assert header.get_header("WARC-Truncated") is None
        return block.partition(b"\r\n\r\n")[2]


def read_log(directory: Path) -> list[dict[str, object]]:
    """Whole lines of urls.jsonl; a torn last line is left out."""
    path = directory / "logs" / "urls.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


def assert_kept(directory: Path, root: str, expected: dict[str, bytes], told: Iterable[Outcome]) -> None:
    """Every outcome that was told lies where its receipt says, whole and to the byte; whatever else is on the disk."""
    for outcome in told:
        if outcome.receipt is None:
            assert outcome.kind in (OutcomeKind.INTERRUPTED, OutcomeKind.EXCLUDED), outcome
            continue
        archive, place = directory / "archive", outcome.receipt
        sealed = archive / place.segment
        data = (sealed if sealed.exists() else archive / f"{place.segment}.open").read_bytes()
        inflate = zlib.decompressobj(31)
        record = inflate.decompress(data[place.offset : place.offset + place.length])
        assert inflate.eof, f"{outcome.url}: torn at {place}"
        assert inflate.unused_data == b""
        header, _, block = record.partition(b"\r\n\r\n")
        assert f"WARC-Target-URI: {outcome.url}\r\n".encode() in header, outcome
        if outcome.url.endswith("/robots.txt"):
            continue
        answer = expected[outcome.url.removeprefix(root)]
        if outcome.kind is OutcomeKind.REVISITED:
            head, _, payload = answer.partition(b"\r\n\r\n")
            assert f"WARC-Payload-Digest: sha256:{hashlib.sha256(payload).hexdigest()}\r\n".encode() in header, outcome
            assert re.search(rb"WARC-Refers-To: (\S+)", header)[1] in _response_ids(archive), outcome  # type: ignore[index]
            answer = head + b"\r\n\r\n"
        assert block == answer + b"\r\n\r\n", outcome


def _response_ids(archive: Path) -> set[bytes]:
    """The ids of all responses in segments, open ones too, as far as they are whole."""
    found = set()
    for path in archive.iterdir():
        data = path.read_bytes()
        while data:
            inflate = zlib.decompressobj(31)
            try:
                record = inflate.decompress(data)
            except zlib.error:
                break  # what a power cut left behind the committed length
            if inflate.eof and b"WARC-Type: response\r\n" in record.partition(b"\r\n\r\n")[0]:
                found.add(re.search(rb"WARC-Record-ID: (\S+)", record)[1])  # type: ignore[index]
            data = inflate.unused_data
    return found


def assert_complete(directory: Path, root: str, expected: dict[str, bytes]) -> None:
    """Every expected path once, its bytes exact; sequence numbers gapless; log, ledger and archive agree."""
    held = read_archive(directory)
    wanted = {f"{root}{path}": answer for path, answer in expected.items()}
    found = {url: blocks for url, blocks in held.by_url.items() if not url.endswith("/robots.txt")}
    assert sorted(found) == sorted(wanted)
    twice = [url for url, blocks in found.items() if len(blocks) != 1]
    assert twice == []
    different = [url for url, blocks in found.items() if blocks[0] != wanted[url]]
    assert different == []
    log = read_log(directory)
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    with sqlite3.connect(directory / "crawl.db") as db:
        ledger = db.execute("SELECT seq, url, segment, offset FROM ledger ORDER BY seq").fetchall()
        queued = db.execute("SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM waiting)").fetchone()[0]
        seen = db.execute("SELECT count(*) FROM seen WHERE place <= 0").fetchone()[0]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    assert (queued, seen) == (0, 0)
    assert [(line["seq"], line["url"], line["segment"], line["offset"]) for line in log] == ledger
    # The order of sequence numbers is the order of the archive.
    places = [(segment, offset) for _, _, segment, offset in ledger if segment is not None]
    assert places == sorted(places)
    assert not list((directory / "archive").glob("*.open"))
