"""`verify` on single files: each rule of the grammar, of the fields and of references is seen broken, and only it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from storage.verify import Rule, Severity
from tests.support.rawwarc import (
    DATE,
    HTTP,
    INFO,
    REQUEST,
    URL,
    errors,
    findings,
    packed,
    record,
    request,
    response,
    rid,
    rules,
    sha1,
    warcinfo,
)

TARGET = f"WARC-Target-URI: {URL}"
IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
OCTETS = "Content-Type: application/octet-stream"


def revisit(number: int, *lines: str) -> bytes:
    return record("revisit", number, b"", TARGET, f"WARC-Profile: {IDENTICAL}", *lines)


SOUND = {
    "a response": response(),
    "a whole capture": warcinfo()
    + request(2, f"WARC-Warcinfo-ID: {INFO.replace('0000000000ff', '000000000255')}")
    + response(1, HTTP, f"WARC-Concurrent-To: {rid(2)}"),
    "a reference forwards": request(2, f"WARC-Concurrent-To: {rid(1)}") + response(),
    "several concurrent": response() + request(2) + record(
        "metadata", 3, b"a: b\r\n", "Content-Type: application/warc-fields",
        f"WARC-Concurrent-To: {rid(1)}", f"WARC-Concurrent-To: {rid(2)}"),
    "brackets left out of a reference": response() + request(2, f"WARC-Concurrent-To: {rid(1)[1:-1]}"),
    "WARC/1.0": record("resource", 1, b"x", TARGET, OCTETS, version="WARC/1.0"),
    "odd spacing": record("resource", 1, b"", "WARC-Target-URI:http://example.com/", "X-Empty:"),
    "a folded line": record("resource", 1, b"", TARGET, "X-Long: one", " two", "\tthree"),
    "names in any case": record("resource", 1, b"", "warc-TARGET-uri: http://example.com/"),
    "an extension twice": record("resource", 1, b"", TARGET, "X-A: 1", "X-A: 2"),
    "UTF-8": record("resource", 1, b"", TARGET, "X-A: Grüße 日本"),
    "a chunked payload, freed": response(1, CHUNKED, f"WARC-Payload-Digest: {sha1(b'hello')}"),
    "hexadecimal": record("resource", 1, b"hello", TARGET, OCTETS,
        "WARC-Block-Digest: SHA-1:AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D"),
    "lower-case base 32": record("resource", 1, b"hello", TARGET, OCTETS,
        "WARC-Block-Digest: " + sha1(b"hello").lower()),
    "base 64": record("resource", 1, b"hello", TARGET, OCTETS,
        "WARC-Block-Digest: sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00="),
    "md5": record("resource", 1, b"hello", TARGET, OCTETS, "WARC-Block-Digest: md5:5d41402abc4b2a76b9719d911017c592"),
    "sha512": record("resource", 1, b"", TARGET, "WARC-Block-Digest: sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b"
        "5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"),
    "dates of any granularity": b"".join(
        record("resource", number, b"", TARGET, date=date)
        for number, date in enumerate(["2026", "2026-01", "2026-01-02", "2026-01-02T03:04Z", "2026-01-02T03:04:05.1Z",
                                       "2026-01-02T03:04:05.123456789Z"], 1)),
    "a dns answer": record("resource", 1, b"a. 1 IN A 1.2.3.4\n", "WARC-Target-URI: dns:example.com",
        "Content-Type: text/dns", "WARC-IP-Address: 2001:db8::1"),
    "a media type with parameters": record("resource", 1, b"x", TARGET, 'Content-Type: text/plain ; a="b c"; d=e'),
    "a revisit": response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'hello')}", f"WARC-Refers-To: {rid(1)}",
        f"WARC-Refers-To-Target-URI: {URL}", f"WARC-Refers-To-Date: {DATE}"),
    "a revisit by URI and date": response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'hello')}",
        f"WARC-Refers-To-Target-URI: {URL}", f"WARC-Refers-To-Date: {DATE}"),
    "a segmented record": record("resource", 1, b"ab", TARGET, OCTETS, "WARC-Segment-Number: 1")
    + record("continuation", 2, b"cd", TARGET, "WARC-Segment-Number: 2", f"WARC-Segment-Origin-ID: {rid(1)}")
    + record("continuation", 3, b"e", TARGET, "WARC-Segment-Number: 3", f"WARC-Segment-Origin-ID: {rid(1)}",
        "WARC-Segment-Total-Length: 5"),
    "an archived record": record("resource", 1, response(7) + packed(response(8)), TARGET, OCTETS),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_of_what_is_sound(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(SOUND[name])
    assert [str(each) for each in findings(path)] == []


BROKEN: list[tuple[str, bytes]] = [
    ("not-a-record", b"rubbish\r\n" + response()),
    ("not-a-record", response() + b"rubbish"),
    ("version", response().replace(b"WARC/1.1", b"WARC/2.0")),
    ("version-draft", response().replace(b"WARC/1.1", b"WARC/0.18")),
    ("header", b"WARC/1.1\r\nWARC-Type: resource\r\n"),
    ("line-end", response().replace(b"WARC-Type: response\r\n", b"WARC-Type: response\n")),
    ("line-end", record("resource", 1, b"", TARGET)[:-4].replace(b"\r\n", b"\n") + b"\r\n\r\n"),
    ("field-syntax", response(1, HTTP, "no field at all")),
    ("field-syntax", response(1, HTTP, "X(A): 1")),
    ("field-syntax", response(1, HTTP, ": 1")),
    ("field-syntax", response().replace(b"WARC-Type: response", b"WARC-Type: Response")),
    ("field-syntax", response().replace(b"WARC-Type: response", b"WARC-Type: res\\onse")),
    ("control-character", response(1, HTTP, "X-A: a\x00b")),
    ("control-character", response(1, HTTP, "X-A: a\rWARC-Type: resource")),
    ("not-utf8", response(1, HTTP, "X-A: \udcff")),
    ("record-end", response()[:-4] + b"\r\n" + response(2)),
    ("record-end", response()[:-2]),
    ("record-end", response()[:-4]),
    ("record-end", response() + b"\r\n" + response(2)),
    ("file-torn", response()[:-8]),
    ("field-repeated", response(1, HTTP, "WARC-Date: 2027-01-01T00:00:00Z")),
    ("field-repeated", response(uri="http://example.com/\r\nWARC-Target-URI: http://evil.example/")),
    ("field-missing", record("response", 1, HTTP, "Content-Type: application/http;msgtype=response")),
    ("field-missing", record("continuation", 1, b"", TARGET, "WARC-Segment-Number: 2")),
    ("field-missing", record("revisit", 1, b"", TARGET)),
    ("field-missing", revisit(1)),
    ("field-missing", response().replace(b"WARC-Date", b"X-Date")),
    ("field-missing", response().replace(b"WARC-Record-ID", b"X-Record-ID")),
    ("field-missing", response().replace(b"WARC-Type", b"X-Type")),
    ("field-missing", response().replace(b"\r\nContent-Length: 6", b"\r\nX-Length: 6", 1)),
    ("field-forbidden", warcinfo(1, TARGET)),
    ("field-forbidden", warcinfo(1, f"WARC-Warcinfo-ID: {rid(1)}")),
    ("field-forbidden", response(1, HTTP, "WARC-Filename: x.warc")),
    ("field-forbidden", response(1, HTTP, f"WARC-Segment-Origin-ID: {rid(1)}")),
    ("field-forbidden", response(1, HTTP, "WARC-Segment-Total-Length: 5")),
    ("field-forbidden", record("conversion", 1, b"", TARGET, "WARC-IP-Address: 1.2.3.4")),
    ("field-forbidden", response(1, HTTP, f"WARC-Refers-To-Target-URI: {URL}")),
    ("record-id", response().replace(rid(1).encode(), b"urn:uuid:1")),
    ("record-id", response().replace(rid(1).encode(), b"<no uri>")),
    ("content-length", record("resource", 1, b"", TARGET, OCTETS, length="+0")),
    ("content-length", record("resource", 1, b"", TARGET, OCTETS, length="9" * 30)),
    ("date", record("resource", 1, b"", TARGET, date="2026-01-02T03:04:05+01:00")),
    ("date", record("resource", 1, b"", TARGET, date="2026-02-30")),
    ("date", record("resource", 1, b"", TARGET, date="2026-01-02T03:04:05.1Z", version="WARC/1.0")),
    ("date", record("resource", 1, b"", TARGET, date="20260102030405")),
    ("type-unknown", record("novelty", 1)),
    ("content-type", record("resource", 1, b"x", TARGET, "Content-Type: text")),
    ("content-type-missing", record("resource", 1, b"x", TARGET)),
    ("ip-address", response(1, HTTP, "WARC-IP-Address: 1.2.3")),
    ("target-uri", response(uri="http://example.com/a b")),
    ("target-uri", response(uri="example.com/")),
    ("target-uri-brackets", response(uri="<http://example.com/>")),
    ("profile", record("revisit", 1, b"", TARGET, "WARC-Profile: http://example.com/mine")),
    ("segment-number", record("continuation", 1, b"", TARGET, "WARC-Segment-Number: 1",
        f"WARC-Segment-Origin-ID: {rid(2)}", "WARC-Segment-Total-Length: 0")),
    ("digest-syntax", record("resource", 1, b"x", TARGET, OCTETS, "WARC-Block-Digest: 3I42H3S6NNFQ2MSV")),
    ("digest-syntax", record("resource", 1, b"x", TARGET, OCTETS, "WARC-Block-Digest: sha1:AB2CD3EF4GH5IJ6KL7MN8OPQ")),
    ("digest-unknown", record("resource", 1, b"x", TARGET, OCTETS, "WARC-Block-Digest: vha1:0123456789abcdef")),
    ("digest-unchecked", record("resource", 1, b"x", TARGET, OCTETS, "WARC-Block-Digest: xxh3:0123456789abcdef")),
    ("block-digest", record("resource", 1, b"x", TARGET, OCTETS, f"WARC-Block-Digest: {sha1(b'y')}")),
    ("payload-digest", response(1, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}")),
    ("payload-digest", response(1, CHUNKED, f"WARC-Payload-Digest: {sha1(b'other')}")),
    ("payload-digest", record("resource", 1, b"x", TARGET, OCTETS, f"WARC-Payload-Digest: {sha1(b'y')}")),
    ("payload-digest", record("request", 1, REQUEST + b"body", TARGET, "Content-Type: application/http",
        f"WARC-Payload-Digest: {sha1(b'y')}")),
    ("payload-framed", response(1, CHUNKED)),
    ("payload-undefined", record("metadata", 1, b"x", OCTETS, f"WARC-Payload-Digest: {sha1(b'x')}")),
    ("not-truncated", response(1, HTTP[:-1])),
    ("not-truncated", response(1, CHUNKED[:-8], f"WARC-Payload-Digest: {sha1(b'hell')}")),
    ("record-id-repeated", response() + request(1)),
    ("concurrent-missing", response(1, HTTP, f"WARC-Concurrent-To: {rid(9)}")),
    ("concurrent-date", response() + request(2, f"WARC-Concurrent-To: {rid(1)}", date="2026-01-02T03:04:06Z")),
    ("concurrent-date", request(2, f"WARC-Concurrent-To: {rid(1)}", date="2026-01-02T03:04:06Z") + response()),
    ("warcinfo-missing", response(1, HTTP, f"WARC-Warcinfo-ID: {rid(9)}")),
    ("warcinfo-type", response() + request(2, f"WARC-Warcinfo-ID: {rid(1)}")),
    ("warcinfo-type", request(2, f"WARC-Warcinfo-ID: {rid(1)}") + response()),
    ("referred-missing", record("metadata", 1, b"", f"WARC-Refers-To: {rid(9)}")),
    ("referred-missing", revisit(1, f"WARC-Payload-Digest: {sha1(b'')}", f"WARC-Refers-To: {rid(9)}")),
    ("referred-missing", response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'hello')}",
        f"WARC-Refers-To-Target-URI: {URL}", "WARC-Refers-To-Date: 2020-01-01T00:00:00Z")),
    ("referred-other", response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'hello')}", f"WARC-Refers-To: {rid(1)}",
        f"WARC-Refers-To-Target-URI: {URL}other")),
    ("referred-other", response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'hello')}", f"WARC-Refers-To: {rid(1)}",
        "WARC-Refers-To-Date: 2020-01-01T00:00:00Z")),
    ("referred-revisit", revisit(1, f"WARC-Payload-Digest: {sha1(b'')}")
     + revisit(2, f"WARC-Payload-Digest: {sha1(b'')}", f"WARC-Refers-To: {rid(1)}")),
    ("revisit-digest", response() + revisit(2, f"WARC-Payload-Digest: {sha1(b'x')}", f"WARC-Refers-To: {rid(1)}")),
    ("segmentation", SOUND["a segmented record"].replace(b"Total-Length: 5", b"Total-Length: 6")),
    ("segmentation", SOUND["a segmented record"].replace(b"WARC-Segment-Total-Length: 5\r\n", b"")),
    ("segmentation", SOUND["a segmented record"].replace(b"WARC-Segment-Number: 3", b"WARC-Segment-Number: 4")),
    ("filename", warcinfo(1, "WARC-Filename: other.warc")),
    ("file-empty", b""),
    ("arc", b"filedesc://x.arc 0.0.0.0 20260102030405 text/plain 3\n1 0\n"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "data"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(BROKEN)])
def test_a_breach_is_told_by_its_rule_and_no_other(rule: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(data)
    assert rules(path) == {rule}, [str(each) for each in findings(path)]


def test_a_finding_says_where(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(response(1) + response(2, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}"))
    (found,) = findings(path)
    assert (found.file, found.offset, found.record_id) == (str(path), len(response(1)), rid(2))
    assert (found.rule, found.severity) == (Rule.PAYLOAD_DIGEST, Severity.ERROR)
    packed_path = tmp_path / "x.warc.gz"
    packed_path.write_bytes(packed(response(1), response(2, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}")))
    (found,) = findings(packed_path)
    assert (found.file, found.offset, found.record_id) == (str(packed_path), len(packed(response(1))), rid(2))


def test_the_compression(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(gzip.compress(response(1) + response(2)))
    assert rules(path) == {"frame-shared"}
    half = len(response(1)) - 30  # within the block
    path.write_bytes(packed(response(1)[:half], response(1)[half:], response(2)))
    assert rules(path) == {"frame-shared"}
    path.write_bytes(packed(response(1)[:half], response(2)))
    assert rules(path) == {"record-length"}
    path.write_bytes(packed(response(1), b"rubbish", response(2)))
    assert rules(path) == {"not-a-record"}
    path.write_bytes(packed(response(1)) + b"rubbish" + packed(response(2)))
    assert rules(path) == {"frame-damaged"}
    path.write_bytes(packed(response(1), response(2)[:-4] + b"rubbish"))
    assert rules(path) == {"record-end"}
    path.write_bytes(packed(response(1), response(2))[:-3])
    assert rules(path) == {"file-torn"}


def test_reading_goes_on_after_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    first, second = packed(response(1)), packed(response(2))
    third = packed(response(3, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}"))
    damaged = bytearray(second)
    damaged[len(second) // 2] ^= 0xFF
    path.write_bytes(first + bytes(damaged) + third)
    found = errors(path)
    assert [(each.rule.label, each.offset) for each in found] == [
        ("frame-damaged", len(first)),
        ("payload-digest", len(first + second)),
    ]
    plain = tmp_path / "x.warc"
    plain.write_bytes(response(1) + b"\0" * 5000 + response(3, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}"))
    assert [each.rule.label for each in errors(plain)] == ["not-a-record", "payload-digest"]


def test_an_injected_length_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(response(uri="http://example.com/\r\nContent-Length: 0") + response(2))
    found = errors(path)
    assert (found[0].rule, found[0].offset, found[0].record_id) == (Rule.FIELD_REPEATED, 0, rid(1))


def test_hostile_headers_cost_time_and_memory_once(tmp_path: Path) -> None:
    """A file of headers, each of which claims all that follows as its block; a header of a hundred thousand lines."""
    path = tmp_path / "x.warc"
    claiming = record("resource", 1, b"", TARGET, OCTETS, length=10**12)
    path.write_bytes(claiming * 2000)
    assert len([each for each in errors(path) if each.rule is Rule.FILE_TORN]) == 2000
    path.write_bytes(b"WARC/1.1\r\n" + b"a:\n" * 100_000 + b"\r\n\r\n")
    assert "line-end" in rules(path)


def test_every_rule_about_a_file_of_records_was_seen_broken() -> None:
    about_directories = {
        *("manifest", "manifest-unreadable", "unlisted", "ledger", "index", "index-order", "index-missing", "log"),
        *("log-sequence", "pages", "package", "package-digest", "package-list", "package-stored", "provisional"),
    }
    compression = {"frame-damaged", "frame-shared", "record-length"}
    seen = {rule for rule, _ in BROKEN} | compression | about_directories
    assert {rule.label for rule in Rule} == seen


def test_the_documentation_lists_the_rules_as_they_are() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "verify.md").read_text("utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| `")]
    assert listed == [f"| `{rule.label}` | {rule.severity} | {rule.clause} | {rule.meaning} |" for rule in Rule]
