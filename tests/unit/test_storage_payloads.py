"""The payloads of other archives: every form of index, made once, asked on disk."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import sqlite3
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import ArchiveError, DigestAlgorithm, KnownPayload, open_payloads
from storage.payloads import digest_bytes

SHA256, SHA1 = DigestAlgorithm.SHA256, DigestAlgorithm.SHA1
EMPTY = "3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def line(url: str, value: str | None, date: str = "20260102030405", mime: str = "text/html", **more: str) -> str:
    fields = {"url": url, "mime": mime, "status": "200", "length": "7", "offset": "99", "filename": "s.warc.gz"}
    fields |= {} if value is None else {"digest": value}
    return f"test,a)/ {date} {json.dumps({**fields, **more})}\n"


def cdxj(path: Path, *lines: str) -> Path:
    path.write_text("".join(sorted(lines)))
    return path


def found(path: Path, source: Path, *digests: str) -> dict[str, KnownPayload]:
    payloads = open_payloads(path, [source], SHA256)
    try:
        return payloads.find(digests)
    finally:
        payloads.close()


def test_the_earliest_response_with_a_digest_is_found(tmp_path: Path) -> None:
    lines = [
        line("http://a.test/late", digest("x"), "20260102030406"),
        line("http://a.test/ü", digest("x")),
        line("http://a.test/revisit", digest("y"), mime="warc/revisit"),
        line("urn:pageinfo:http://a.test/", digest("z")),
        line("http://a.test/none", None),
        "!meta {}\n",
        "\n",
    ]
    source = cdxj(tmp_path / "a.cdxj", *lines)
    known = found(tmp_path / "d.db", source, *(digest(name) for name in "xyzw"))
    assert known == {digest("x"): KnownPayload("http://a.test/ü", WHEN, None, None)}


def test_a_packed_index(tmp_path: Path) -> None:
    source = tmp_path / "a.cdxj.gz"
    source.write_bytes(gzip.compress(line("http://a.test/", digest("x")).encode()))
    assert list(found(tmp_path / "d.db", source, digest("x"))) == [digest("x")]
    source.write_bytes(source.read_bytes()[:-9])
    with pytest.raises(ArchiveError, match=r"a\.cdxj\.gz: is damaged"):
        open_payloads(tmp_path / "d.db", [source], SHA256)


def test_a_directory_names_the_file_and_the_place(tmp_path: Path) -> None:
    (tmp_path / "indexes").mkdir()
    cdxj(tmp_path / "indexes" / "all.cdxj", line("http://a.test/", digest("x")))
    known = found(tmp_path / "d.db", tmp_path, digest("x"))
    assert known[digest("x")] == KnownPayload("http://a.test/", WHEN, tmp_path / "archive" / "s.warc.gz", 99)


def test_it_is_made_once_and_anew_when_a_source_has_changed(tmp_path: Path) -> None:
    source, path = cdxj(tmp_path / "a.cdxj", line("http://a.test/", digest("x"))), tmp_path / "d.db"
    found(path, source, digest("x"))
    before = path.stat().st_ino
    found(path, source, digest("x"))
    assert path.stat().st_ino == before
    cdxj(source, line("http://a.test/", digest("y")))
    os.utime(source, ns=(1, 1))
    assert list(found(path, source, digest("x"), digest("y"))) == [digest("y")]
    other = cdxj(tmp_path / "b.cdxj", line("http://b.test/", digest("x")))
    with closing(open_payloads(path, [source, other], SHA256)) as payloads:
        assert len(payloads.find([digest("x"), digest("y")])) == 2
    path.write_bytes(b"not a database" * 100)
    assert list(found(path, source, digest("y"))) == [digest("y")]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.cdxj", "b.cdxj", "d.db"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line("http://a.test/", f"sha1:{EMPTY}"), "a.cdxj:2: has digests of sha1, and this archive those of sha256"),
        (line("http://a.test/", EMPTY), "a.cdxj:2: has digests of sha1"),
        (line("http://a.test/", "md5:00"), "a.cdxj:2: has digests like 'md5:00'"),
        ("test,a)/ 20260102030405\n", "a.cdxj:2: not an index line"),
        ("test,a)/ 20260102030405 []\n", "a.cdxj:2: not an index line"),
        (line("http://a.test/", digest("x"), date="2026"), "a.cdxj:2: '2026' is no date of 14 digits"),
        (line("http://a.test/", digest("x"), date="20261302030405"), "a.cdxj:2: month must be in 1..12"),
        (line("http://a.test/", digest("x"), offset="far"), "a.cdxj:2: not an index line"),
        ("test,a)/ \udcff\n", "a.cdxj:2: not an index line"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_line(tmp_path: Path, bad: str, message: str) -> None:
    source = tmp_path / "a.cdxj"
    source.write_bytes((line("http://a.test/", digest("y")) + bad).encode("utf-8", "surrogateescape"))
    with pytest.raises(ArchiveError) as caught:
        open_payloads(tmp_path / "d.db", [source], SHA256)
    assert message in str(caught.value)
    assert not list(tmp_path.glob("d.db*"))


def test_a_directory_without_an_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="holds no archive"):
        open_payloads(tmp_path / "d.db", [tmp_path], SHA256)


def test_making_it_can_be_stopped(tmp_path: Path) -> None:
    source = cdxj(tmp_path / "a.cdxj", *(line(f"http://a.test/{n}", digest(str(n))) for n in range(1000)))
    with pytest.raises(ArchiveError, match="not read to its end"):
        open_payloads(tmp_path / "d.db", [source], SHA256, lambda: True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.cdxj"]


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("sha256:" + "ab" * 32, SHA256),
        ("SHA-256:" + "AB" * 32, SHA256),
        ("sha256:" + base64.b32encode(b"\xab" * 32).decode().rstrip("="), SHA256),
        ("sha256:" + base64.b32encode(b"\xab" * 32).decode(), SHA256),
        ("sha1:" + base64.b32encode(b"\xab" * 20).decode(), SHA1),
        ("sha1:" + "ab" * 20, SHA1),
        (base64.b32encode(b"\xab" * 20).decode(), SHA1),
        ("sha256:" + "ab" * 31, None),
        ("sha1:" + "ab" * 32, None),
        ("ab" * 32, None),
        ("-", None),
        ("", None),
    ],
)
def test_every_form_of_a_digest(text: str, algorithm: DigestAlgorithm | None) -> None:
    length = {SHA256: 32, SHA1: 20, None: 0}[algorithm]
    assert digest_bytes(text) == (algorithm, b"\xab" * length)


def test_many_lines_take_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: random.Random) -> None:
    """Sorted in many runs, of which each is small."""
    monkeypatch.setattr("storage.payloads.RUN", 100_000)
    source, count = tmp_path / "a.cdxj", 20_000
    with source.open("w") as file:
        file.writelines(line(f"http://a.test/{n}", f"sha256:{rng.randbytes(32).hex()}") for n in range(count))
        file.write(line("http://a.test/wanted", digest("x")))
    tracemalloc.start()
    try:
        known = found(tmp_path / "d.db", source, digest("x"), digest("y"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert known[digest("x")].url == "http://a.test/wanted"
    assert peak < 3_000_000 < source.stat().st_size
    with closing(sqlite3.connect(tmp_path / "d.db")) as db:
        assert db.execute("SELECT count(*) FROM payloads").fetchone()[0] == count + 1
