"""The chain of sealed segments: every kind of tampering is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from storage import (
    CorruptArchive,
    FindingKind,
    SealedSegment,
    archive_directory,
    indexes_directory,
    read_manifest,
    verify_chain,
    write_manifest,
)


def name(number: int) -> str:
    return f"test-20260102030405678-{number:05d}.warc.gz"


@pytest.fixture
def rows(tmp_path: Path) -> list[SealedSegment]:
    """Three segments (any bytes will do) and their manifest."""
    archive_directory(tmp_path).mkdir()
    rows: list[SealedSegment] = []
    for number, seqs in enumerate([(1, 5), (None, None), (6, 9)]):
        data = f"segment {number}".encode() * 100
        (archive_directory(tmp_path) / name(number)).write_bytes(data)
        previous = rows[-1].sha256 if rows else None
        sha256 = hashlib.sha256(data).hexdigest()
        rows.append(SealedSegment(name(number), number, 3, len(data), sha256, *seqs, previous))
    write_manifest(tmp_path, rows)
    return rows


def test_a_whole_chain_has_no_findings(tmp_path: Path, rows: list[SealedSegment]) -> None:
    assert read_manifest(tmp_path) == rows
    assert verify_chain(tmp_path) == []
    (archive_directory(tmp_path) / f"{name(3)}.open").write_bytes(b"not sealed yet")
    assert verify_chain(tmp_path) == []


def test_no_manifest_yet(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == []
    assert verify_chain(tmp_path) == []


def _swap(rows: list[SealedSegment]) -> list[SealedSegment]:
    return [rows[1], rows[0], rows[2]]


def _with(at: int, **change: object) -> Callable[[list[SealedSegment]], list[SealedSegment]]:
    def changed(rows: list[SealedSegment]) -> list[SealedSegment]:
        return [msgspec.structs.replace(row, **change) if at == n else row for n, row in enumerate(rows)]

    return changed


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (_swap, {FindingKind.CHAIN, FindingKind.ORDER}),
        (lambda rows: rows[1:], {FindingKind.CHAIN, FindingKind.UNLISTED}),
        (lambda rows: [rows[0], rows[2]], {FindingKind.CHAIN, FindingKind.UNLISTED}),
        (lambda rows: rows[:2], {FindingKind.UNLISTED}),
        (_with(1, previous_sha256=None), {FindingKind.CHAIN}),
        (_with(1, number=0), {FindingKind.ORDER}),
        (_with(2, first_seq=5), {FindingKind.ORDER}),
        (_with(2, last_seq=5), {FindingKind.ORDER}),
        (_with(0, bytes=1), {FindingKind.LENGTH}),
        (_with(2, sha256="00"), {FindingKind.CONTENT}),
        (_with(2, name=name(9)), {FindingKind.MISSING, FindingKind.UNLISTED}),
    ],
)
def test_a_tampered_manifest_is_found(
    tmp_path: Path,
    rows: list[SealedSegment],
    change: Callable[[list[SealedSegment]], list[SealedSegment]],
    kinds: set[FindingKind],
) -> None:
    write_manifest(tmp_path, change(rows))
    findings = verify_chain(tmp_path)
    assert {finding.kind for finding in findings} == kinds
    assert all(str(finding).startswith("test-") for finding in findings)


def test_tampered_files_are_found(tmp_path: Path, rows: list[SealedSegment]) -> None:
    archive = archive_directory(tmp_path)
    data = bytearray((archive / name(0)).read_bytes())
    data[7] ^= 1
    (archive / name(0)).write_bytes(data)
    (archive / name(1)).write_bytes(b"short")
    (archive / name(2)).unlink()
    (archive / name(4)).write_bytes(b"")
    assert [(finding.kind, finding.segment) for finding in verify_chain(tmp_path)] == [
        (FindingKind.CONTENT, name(0)),
        (FindingKind.LENGTH, name(1)),
        (FindingKind.MISSING, name(2)),
        (FindingKind.UNLISTED, name(4)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"name": "../x.warc.gz", "number": 0, "records": 1, "bytes": 1, "sha256": "", "first_seq": null,'
        b' "last_seq": null, "previous_sha256": null}',
        b'{"name": "x.warc.gz", "number": "0", "records": 1, "bytes": 1, "sha256": "", "first_seq": null,'
        b' "last_seq": null, "previous_sha256": null}',
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, rows: list[SealedSegment], line: bytes) -> None:
    path = indexes_directory(tmp_path) / "manifest.jsonl"
    good = path.read_bytes()
    path.write_bytes(good + line + b"\n")
    with pytest.raises(CorruptArchive, match="not a manifest row") as caught:
        read_manifest(tmp_path)
    assert (caught.value.path, caught.value.offset) == (str(path), len(good))


def test_writing_is_all_or_nothing(tmp_path: Path, rows: list[SealedSegment]) -> None:
    before = (indexes_directory(tmp_path) / "manifest.jsonl").read_bytes()
    broken = [rows[0], msgspec.structs.replace(rows[1], name=object())]
    with pytest.raises(TypeError):
        write_manifest(tmp_path, broken)
    assert [path.name for path in indexes_directory(tmp_path).iterdir()] == ["manifest.jsonl"]
    assert (indexes_directory(tmp_path) / "manifest.jsonl").read_bytes() == before
