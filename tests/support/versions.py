"""A site whose pages have entity tags and change between the rounds of a crawl; and what rounds over it must leave."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.support.archive_check import read_archive, read_log
from tests.support.site import Site


class VersionedSite(Site):
    """Pages answer 304 to who has them already; pictures know no entity tags, so that their payload alone tells."""

    def respond(self, path: str, head: bytes) -> bytes:
        answer = self.answer(path)
        if not answer.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/html"):
            return answer
        tag = b'"%08x"' % zlib.crc32(answer)
        asked = re.search(rb"\r\nIf-None-Match: (.*)\r\n", head)
        if asked is not None and asked[1] == tag:
            return b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n" % tag
        return answer.replace(b"\r\n\r\n", b"\r\nETag: %s\r\n\r\n" % tag, 1)

    def change(self, paths: Iterable[str]) -> None:
        """Other bytes of the same length, so that head and links hold."""
        for path in paths:
            answer = self.answers[path]
            page = b"<!doctype" in answer
            self.answers[path] = answer.replace(b"<!doctype", b"<!DOCTYPE", 1) if page else answer[:-1] + b"~"


def assert_rounds(directory: Path, root: str, versions: Mapping[int, Mapping[str, bytes]], last: int) -> None:
    """Each round has every URL once, in the order of the archive, with the payload of its day: `versions` gives the
    answers of a round and those after it. Revisits lead to whole earlier responses (read_archive sees to that)."""
    with closing(sqlite3.connect(directory / "crawl.db")) as db:
        rows = db.execute("SELECT round, url, segment, offset FROM ledger ORDER BY seq").fetchall()
        assert db.execute("SELECT (SELECT count(*) FROM queue) + (SELECT count(*) FROM waiting)").fetchone() == (0,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        wrong = "SELECT count(*) FROM payloads p LEFT JOIN ledger l ON l.seq = p.seq WHERE l.outcome IS NOT 'archived'"
        assert db.execute(wrong).fetchone() == (0,)
    rows = [row for row in rows if not row[1].endswith("/robots.txt")]
    payloads = [each for each in read_archive(directory).payloads if not each[0].endswith("/robots.txt")]
    assert [url for url, _ in payloads] == [row[1] for row in rows]
    assert rows[-1][0] == last
    for round_ in range(1, last + 1):
        answers = versions[max(number for number in versions if number <= round_)]
        found = [payload for payload, row in zip(payloads, rows, strict=True) if row[0] == round_]
        assert sorted(url for url, _ in found) == sorted(root + path for path in answers), round_
        wrong_ones = [url for url, body in found if body != answers[url.removeprefix(root)].partition(b"\r\n\r\n")[2]]
        assert wrong_ones == [], round_
    log = [(line.get("round", 1), line["url"]) for line in read_log(directory)]
    assert [each for each in log if not str(each[1]).endswith("/robots.txt")] == [(row[0], row[1]) for row in rows]
    assert not list((directory / "archive").glob("*.open"))
