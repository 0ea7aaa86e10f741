"""Archives that others wrote, read as others read them: where warcio and FastWARC agree, so does this project."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from storage import Archive, ArchiveError, StoredRecord
from tests.support.programs import require_program
from tests.support.site import Site, wide_site
from tests.support.sources import source_package
from tests.support.witnesses import Seen, bodies_by_warcio, by_fastwarc, by_warcio

DEVIATIONS = {
    each["file"]: each
    for each in json.loads((Path(__file__).parents[1] / "data" / "archive_deviations.json").read_text())["deviations"]
}
FASTWARC_DIFFERS = {"missing-status-text.warc": "line ends of CR CR LF end its header; warcio and this reader go on"}
BODY_DIFFERS = {"example-extra.warc": "an answer begins with HTTPX/1.1, which warcio takes for HTTP"}
NAMES = [
    "bad.arc", "dupes.warc.gz", "example-bad.warc.gz.bad", "example-extra.warc", "example-url-agnostic-orig.warc.gz",
    "example-url-agnostic-revisit.warc.gz", "example-wget-1-14.warc.gz", "example-wpull.warc.gz", "example.arc",
    "example.arc.gz", "example.warc", "example.warc.gz", "example2.warc.gz", "httpbin-resource.warc.gz",
    "iana.warc.gz", "missing-status-text.warc", "post-test.warc.gz",
]  # fmt: skip


@cache
def samples() -> Path:
    return source_package("pywb", "2.10.0") / "sample_archive" / "warcs"


def ours(path: Path) -> tuple[list[Seen], str | None]:
    found: list[Seen] = []
    try:
        with Archive.open(path) as archive:
            for record in archive.records():
                found.append(Seen(record.type, record.url, record.block))
                again = reread(record)
                assert (again.header, again.block) == (record.header, record.block)
    except ArchiveError as error:
        return found, str(error)
    return found, None


def reread(record: StoredRecord) -> StoredRecord:
    from storage.stored import read_at

    return read_at(record.location.source, record.location.offset, record.location.skip)


def test_every_sample_is_named() -> None:
    assert sorted(path.name for path in samples().iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_archive_reads_as_others_read_it(name: str) -> None:
    path = samples() / name
    found, error = ours(path)
    if name in DEVIATIONS:
        check_deviation(DEVIATIONS[name], found, error, by_warcio(path))
        return
    assert error is None
    assert found == by_warcio(path)
    if name not in FASTWARC_DIFFERS:
        assert found == by_fastwarc(path)


def check_deviation(told: dict[str, Any], found: list[Seen], error: str | None, theirs: list[Seen] | Exception) -> None:
    assert told["reason"]
    assert len(found) == told["ours"]["records"]
    assert (error is None) == (told["ours"]["error"] is None)
    if error is not None:
        assert told["ours"]["error"] in error
    if isinstance(theirs, list):
        start = 1 if "first_block" in told else 0
        assert found[start:] == theirs[start : len(found)]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in DEVIATIONS.keys() | BODY_DIFFERS])
def test_bodies_are_decoded_as_others_decode_them(name: str) -> None:
    path = samples() / name
    with Archive.open(path) as archive:
        captures = [each for each in archive.captures() if is_response(each.record)]
        bodies = {each.location.offset: (each.url, each.body) for each in captures}
    assert [bodies[offset] for offset in sorted(bodies)] == bodies_by_warcio(path)


def is_response(record: StoredRecord) -> bool:
    return record.type == "response"


def test_lenient_reads_past_the_damage(tmp_path: Path) -> None:
    with Archive.open(samples() / "example.warc", lenient=True) as archive:
        found = [Seen(record.type, record.url, record.block) for record in archive.records()]
        assert [(each.offset, each.path) for each in archive.damage] == [(4061, str(samples() / "example.warc"))]
    theirs = by_warcio(samples() / "example.warc")
    assert isinstance(theirs, list)
    assert found == theirs[:4] + theirs[5:]


def test_a_directory_and_a_list_of_archives() -> None:
    with Archive.open(samples()) as archive:
        assert len(archive.sources) == len([name for name in NAMES if not name.endswith(".bad")])
    chosen = [samples() / "example-url-agnostic-revisit.warc.gz", samples() / "example-url-agnostic-orig.warc.gz"]
    with Archive.open(chosen) as archive:
        found = archive.get("http://test@example.com/")
        assert found is not None
        assert found.revisit
        assert b"Example Domain" in found.body


def test_what_wget_wrote_just_now(tmp_path: Path) -> None:
    wget = require_program("wget")
    answers = wide_site(6, seed=4)
    with Site(answers) as site:
        base = site.root
        command = [wget, "--quiet", "--recursive", "--level=2", "--warc-file=out", "--delete-after", f"{base}/"]
        subprocess.run(
            command, cwd=tmp_path, check=False, timeout=60
        )  # robots.txt is not there: wget tells by its code
    path = tmp_path / "out.warc.gz"
    found, error = ours(path)
    assert error is None
    assert found == by_warcio(path) == by_fastwarc(path)
    with Archive.open(path) as archive:
        page = archive.get(f"{base}/")
        assert page is not None
        assert page.raw == answers["/"]
        assert page.request is not None
        assert page.request.block.startswith(b"GET / HTTP/1.1\r\n")
