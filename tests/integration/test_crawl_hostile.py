"""A crawl of the hostile server: whatever it answers, the archive holds what was sent, or says what is missing."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastWarcIterator

from crawler.model import Outcome, OutcomeKind
from crawler.progress import Summary
from tests.support.archive_check import read_archive, read_log
from tests.support.engine import config_of, opened
from tests.support.hostile import CASES, LIMITS, Case, HostileServer
from tests.support.kept import Kept, kept, segments
from tests.support.programs import find_program
from tests.support.serving import certificate


@dataclass(frozen=True)
class Crawled:
    directory: Path
    root: str
    server: HostileServer
    summary: Summary
    outcomes: dict[str, Outcome]
    records: dict[str, list[Kept]]

    def of(self, case: Case, type_: str) -> list[Kept]:
        return [record for record in self.records[f"{self.root}/case/{case.name}"] if record.type == type_]


@pytest.fixture(scope="module", params=["http", "https"])
def crawled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """One crawl from a page that links to every case."""
    server_side, client_side = certificate() if request.param == "https" else (None, None)
    directory = tmp_path_factory.mktemp("hostile") / "crawl"

    async def run(root: str) -> tuple[Summary, list[Outcome]]:
        outcomes: list[Outcome] = []
        config = config_of(directory, f"{root}/", per_host=64, **LIMITS)
        async with opened(config, context=client_side) as crawl:
            crawl.add_done_callback(outcomes.append)
            return await crawl.wait(), outcomes

    with HostileServer(server_side) as server:
        root = f"{request.param}://127.0.0.1:{server.port}"
        summary, outcomes = asyncio.run(run(root))
        records: dict[str, list[Kept]] = {}
        for record in kept(directory):
            records.setdefault(record.url or "", []).append(record)
        yield Crawled(directory, root, server, summary, {outcome.url: outcome for outcome in outcomes}, records)


def test_every_case_has_one_outcome(crawled: Crawled) -> None:
    assert (crawled.summary.exit_code, crawled.summary.finished, crawled.summary.queued) == (0, True, 0)
    log = read_log(crawled.directory)
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    assert len({line["url"] for line in log}) == len(log) == len(crawled.outcomes)
    assert {f"{crawled.root}/case/{name}" for name in CASES} <= crawled.outcomes.keys()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_archive_holds_what_was_sent(crawled: Crawled, case: Case) -> None:
    path = f"/case/{case.name}"
    sent, asked = crawled.server.sent(path)[-1], crawled.server.received(path)[-1]
    assert [record.block for record in crawled.of(case, "request")] == [asked]
    (about,) = crawled.of(case, "metadata")
    interim = about.fields.get("interim", [""])[0].encode().decode("unicode_escape").encode("latin-1")
    answers = [*crawled.of(case, "response"), *crawled.of(case, "resource")]
    held = interim + b"".join(record.block for record in answers)
    if case.exact:
        assert held == sent
    else:
        assert sent.startswith(held)
    is_http = sent[:5].upper() == b"HTTP/" or sent.startswith(b"\r\n")
    responses = crawled.of(case, "response")
    # A word that broke off may still have become HTTP: what it is called matters less than that it is kept.
    if case.name != "half-a-word-silence":
        assert len(responses) == int(is_http and bool(held))
    if responses:
        assert responses[0].header("WARC-Truncated") == case.truncated
        assert responses[0].header("Content-Type") == "application/http;msgtype=response"
        assert responses[0].block[:5].upper() == b"HTTP/"
    elif held:
        assert answers[0].header("Content-Type") == "application/octet-stream"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_not_whole_has_failed_and_says_why(crawled: Crawled, case: Case) -> None:
    outcome = crawled.outcomes[f"{crawled.root}/case/{case.name}"]
    (about,) = crawled.of(case, "metadata")
    assert outcome.status == case.status
    assert outcome.receipt is not None
    if case.whole:
        assert (outcome.kind, outcome.reason, outcome.failure) == (OutcomeKind.ARCHIVED, None, None)
        assert "reason" not in about.fields
        return
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason
    assert about.fields["reason"] == [outcome.reason]
    if case.failure is not None:
        assert outcome.failure is case.failure
        assert about.fields["failure"] == [case.failure.value]


def test_the_records_of_an_exchange_belong_together(crawled: Crawled) -> None:
    for name in CASES:
        records = crawled.records[f"{crawled.root}/case/{name}"]
        assert len({record.header("WARC-Date") for record in records}) == 1
        assert "." in str(records[0].header("WARC-Date"))
        first, *others = records
        assert first.type == "request"
        assert {record.header("WARC-Concurrent-To") for record in others} == {first.header("WARC-Record-ID")}
        assert first.header("WARC-IP-Address") == "127.0.0.1"
        cipher = first.header("WARC-Cipher-Suite")
        assert (cipher is not None) == crawled.root.startswith("https")
        assert ("tls/1.3" in first.headers.get("WARC-Protocol", [])) == crawled.root.startswith("https")


def test_a_receipt_leads_to_the_record(crawled: Crawled) -> None:
    ids = {record.header("WARC-Record-ID"): record for records in crawled.records.values() for record in records}
    for outcome in crawled.outcomes.values():
        assert outcome.receipt is not None
        record = ids[outcome.receipt.record_id]
        assert record.url == outcome.url
        assert record.type in ("response", "resource", "metadata")
        segment = (crawled.directory / "archive" / outcome.receipt.segment).read_bytes()
        member = segment[outcome.receipt.offset : outcome.receipt.offset + outcome.receipt.length]
        (one,) = FastWarcIterator(io.BytesIO(member), parse_http=False)
        assert one.record_id == outcome.receipt.record_id


def test_other_readers_see_the_same_records(crawled: Crawled) -> None:
    """read_archive compares the block digests that it computes itself, with warcio; FastWARC has its own."""
    by_warcio = read_archive(crawled.directory)
    types: dict[str, int] = {}
    blocks: list[bytes] = []
    for path in segments(crawled.directory):
        for record in FastWarcIterator(io.BytesIO(path.read_bytes()), parse_http=False):
            name = record.headers["WARC-Type"]
            types[name] = types.get(name, 0) + 1
            assert record.verify_block_digest()
            if name == "response":
                blocks.append(record.reader.read())
    assert types == by_warcio.records
    assert blocks == [block for _, block in by_warcio.responses]


def test_the_index_is_that_of_cdxj_indexer(crawled: Crawled, tmp_path: Path) -> None:
    program = find_program("cdxj-indexer") or str(Path(sys.executable).with_name("cdxj-indexer"))
    for path in segments(crawled.directory):
        theirs = tmp_path / "theirs.cdxj"
        subprocess.run([program, "--sort", "--output", str(theirs), str(path)], check=True, timeout=60)
        ours = (crawled.directory / "indexes" / f"{path.name}.cdxj").read_text().splitlines()
        assert _places(ours) == _places(theirs.read_text().splitlines())


def _places(lines: list[str]) -> list[tuple[str, str, str, str, str, str]]:
    found = []
    for line in lines:
        key, stamp, rest = line.split(" ", 2)
        values = json.loads(rest)
        found.append((key, stamp, values["url"], values["offset"], values["length"], values.get("digest", "")))
    return sorted(found)
