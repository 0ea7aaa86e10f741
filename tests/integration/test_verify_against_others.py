"""`verify` beside other tools: what any of them finds wrong, it finds; what they wrote in good order, it passes."""

from __future__ import annotations

import contextlib
import gc
import gzip
import http.server
import io
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from cdxj_indexer.main import main as cdxj_indexer
from click.testing import CliRunner
from fastwarc.cli import main as fastwarc
from warcio.checker import Checker
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from storage.verify import Severity
from tests.support.crawldir import capture, crawl_directory, segments_of
from tests.support.packed import trained_dictionary, with_zstd, zstd
from tests.support.programs import require_program
from tests.support.rawwarc import HTTP, errors, findings, packed, request, response, rid, sha1, warcinfo
from tests.unit.test_verify_records import BROKEN, CHUNKED, SOUND


@pytest.fixture(autouse=True)
def what_others_leave_open() -> Iterator[None]:
    """Collected here and in silence, not in some later test: warcio leaves its temporary files to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Input:
    """What warcio's checker wants of a command line."""

    def __init__(self, path: Path) -> None:
        self.inputs, self.verbose = [str(path)], False


def warcio_complains(path: Path) -> bool:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            return bool(Checker(Input(path)).process_all())
        except Exception:  # whatever it dies of is a complaint
            return True


def fastwarc_complains(path: Path) -> bool:
    result = CliRunner().invoke(fastwarc, ["check", "--quiet", "--verify-payloads", str(path)])
    return result.exit_code != 0


def cdxj_indexer_complains(path: Path) -> bool:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            cdxj_indexer([str(path), "--output", str(path.with_suffix(".cdxj"))])
        except (Exception, SystemExit):
            return True
    return False


TOOLS = {"warcio": warcio_complains, "fastwarc": fastwarc_complains, "cdxj-indexer": cdxj_indexer_complains}

FRAMING = "hashes the chunk framing, which the standard takes off first (WARC 1.1 sections 5.9 and 6.3.2)"
EXCUSED = {
    "warcio": {
        "a chunked payload, freed": FRAMING,
        "lower-case base 32": "compares letters, not values",
        "md5": "takes the 32 digits of base 16 for base 32",
    },
    "fastwarc": {
        "a chunked payload, freed": FRAMING,
        "hexadecimal": "knows no label SHA-1",
        "lower-case base 32": "compares letters, not values",
        "base 64": "reads base 16 and base 32 only",
        "a revisit": "holds the digest of what a revisit refers to against the revisit's own block",
        "a revisit by URI and date": "the same",
    },
    "cdxj-indexer": {"dates of any granularity": "needs a date with its seconds"},
}
"""Sound files that another tool finds wrong, and why."""


def samples() -> Iterator[tuple[str, bytes, bytes]]:
    """Name, plain and packed bytes of broken files."""
    for number, (rule, data) in enumerate(BROKEN):
        yield f"broken {number}: {rule}", data, gzip.compress(data, mtime=0)
    capture_ = (warcinfo(), request(2), response(1, HTTP, f"WARC-Concurrent-To: {rid(2)}"), response(3, CHUNKED))
    rng = random.Random(7)
    plain, zipped = b"".join(capture_), packed(*capture_)
    for number in range(60):
        at, put = rng.randrange(len(plain)), rng.randrange(256)
        at_zipped = rng.randrange(len(zipped))
        yield (
            f"damage {number}: {put} at {at} and {at_zipped}",
            plain[:at] + bytes([put]) + plain[at + 1 :],
            zipped[:at_zipped] + bytes([zipped[at_zipped] ^ (put or 1)]) + zipped[at_zipped + 1 :],
        )
        yield f"torn {number}: at {at} and {at_zipped}", plain[:at], zipped[:at_zipped]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.filterwarnings("ignore")
def test_whatever_another_tool_finds_is_found(tool: str, tmp_path: Path) -> None:
    missed, caught = [], 0
    for name, plain, zipped in samples():
        for suffix, data in ((".warc", plain), (".warc.gz", zipped)):
            path = tmp_path / f"x{suffix}"
            path.write_bytes(data)
            if TOOLS[tool](path):
                caught += 1
                if not findings(path):
                    missed.append(f"{name}{suffix}")
    assert missed == []
    assert caught > 10, "the other tool was not asked in earnest"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.filterwarnings("ignore")
def test_where_another_tool_is_wrong_about_a_sound_file_the_reason_is_known(tool: str, tmp_path: Path) -> None:
    refused = set()
    for name, data in SOUND.items():
        path = tmp_path / "x.warc"
        path.write_bytes(data)
        if TOOLS[tool](path):
            refused.add(name)
    assert refused == set(EXCUSED[tool])


WARCAT_KNOWS = {
    *("field-missing", "field-forbidden", "record-id-repeated", "target-uri", "block-digest", "payload-digest"),
    *("concurrent-missing", "referred-missing"),
}


def test_whatever_warcat_finds_is_found(tmp_path: Path) -> None:
    """One file of each rule that warcat knows, since each is a start of its interpreter."""
    program = require_program("warcat")
    broken = {rule: data for rule, data in BROKEN if rule in WARCAT_KNOWS}
    assert broken.keys() == WARCAT_KNOWS
    caught = set()
    for rule, data in broken.items():
        path = tmp_path / f"{rule}.warc"
        path.write_bytes(data)
        done = subprocess.run([program, "verify", str(path)], capture_output=True, check=False)
        if b"VerifyProblem" in done.stderr:  # and not a traceback of warcat's own
            caught.add(rule)
            assert findings(path), rule
    assert len(caught) >= 4


def write_by_warcio(path: Path, *, zipped: bool) -> None:
    """A capture, a revisit and a resource as warcio writes them."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=zipped, warc_version="1.1")
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "x"}))
        head = StatusAndHeaders(
            "200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")], protocol="HTTP/1.1"
        )
        answer = writer.create_warc_record(
            "http://example.com/", "response", payload=io.BytesIO(b"hello"), http_headers=head
        )
        asked = StatusAndHeaders("GET / HTTP/1.1", [("Host", "example.com")], is_http_request=True)
        writer.write_request_response_pair(
            writer.create_warc_record("http://example.com/", "request", http_headers=asked), answer
        )
        headers = answer.rec_headers
        writer.write_record(
            writer.create_revisit_record(
                "http://example.com/again", headers.get_header("WARC-Payload-Digest"), "http://example.com/",
                headers.get_header("WARC-Date"), http_headers=head)
        )  # fmt: skip
        writer.write_record(
            writer.create_warc_record("urn:x:1", "resource", io.BytesIO(b"x"), warc_content_type="text/plain")
        )


@pytest.mark.parametrize("zipped", [False, True])
def test_what_warcio_writes_is_sound(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / ("x.warc.gz" if zipped else "x.warc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        write_by_warcio(path, zipped=zipped)
    assert [str(each) for each in findings(path) if each.severity is not Severity.NOTE] == []


def test_what_wget_writes_is_sound(tmp_path: Path) -> None:
    wget = require_program("wget")
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text('<a href="/b.html">b</a>')
    (site / "b.html").write_text("<p>b</p>" * 1000)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(site))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        subprocess.run(
            [wget, "-q", "-r", "--delete-after", "--warc-file=x", url], cwd=tmp_path, check=False, capture_output=True
        )
        server.shutdown()
    path = tmp_path / "x.warc.gz"
    told = findings(path)
    assert {each.rule.label for each in told} <= {"target-uri-brackets"}, [str(each) for each in told]


@pytest.mark.filterwarnings("ignore")
def test_our_own_is_sound_to_them_but_for_chunked_payloads(tmp_path: Path) -> None:
    plain = crawl_directory(tmp_path / "plain", [[capture(1), capture(2)]])
    chunked = crawl_directory(tmp_path / "chunked", [[capture(1, chunked=True)]])
    (sound,), (framed,) = segments_of(plain), segments_of(chunked)
    assert not warcio_complains(sound)
    assert not fastwarc_complains(sound)
    assert not cdxj_indexer_complains(sound)
    assert warcio_complains(framed), "docs/verify.md says that warcio check fails it"
    assert findings(plain, chunked) == []


def test_zstandard(tmp_path: Path) -> None:
    """Frames as "Zstandard Compression for WARC Files" wants them, with and without a dictionary."""
    path = tmp_path / "x.warc.zst"
    records = [warcinfo(), request(2), response(1, HTTP, f"WARC-Concurrent-To: {rid(2)}")]
    path.write_bytes(b"".join(zstd.compress(each) for each in records))
    assert findings(path) == []
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert [each.rule.label for each in errors(path)] == ["file-torn"]
    at = len(zstd.compress(records[0])) + 60
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
    assert errors(path)
    path.write_bytes(zstd.compress(b"".join(records)))
    assert [each.rule.label for each in findings(path)] == ["frame-shared"]
    for is_packed in (False, True):
        whole = with_zstd(records, dictionary=trained_dictionary(records), packed=is_packed)
        path.write_bytes(whole)
        assert findings(path) == []
        path.write_bytes(whole[:-3])
        assert [each.rule.label for each in errors(path)] == ["file-torn"]


def test_the_command_runs_as_a_program(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(packed(response(1, HTTP, f"WARC-Payload-Digest: {sha1(b'other')}")))
    done = subprocess.run(
        [sys.executable, "-m", "storage", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"error: {path} at 0 {rid(1)}: payload-digest: sha1:")
