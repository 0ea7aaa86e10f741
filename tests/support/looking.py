"""Small archives made by hand, and `serve` over them, asked as a browser or a program would ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from yarl import URL

from storage import HttpPayload, Record, RecordType
from storage.replay.serve import serving
from tests.support.crawled import write_archive
from tests.support.warc import record_id

FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = "20260102030405"
_HTTP = "application/http;msgtype="


@dataclass
class Exchange:
    """One request and its answer."""

    url: str
    body: bytes = b""
    type: str = "text/html; charset=utf-8"
    status: str = "200 OK"
    headers: Sequence[str] = ()
    seconds: float = 0
    """After FIRST."""
    outlinks: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    refers_to: str | None = None
    """Makes it a revisit of this URL at FIRST."""
    answered: bool = True

    def records(self, number: int) -> list[Record]:
        date = FIRST + timedelta(seconds=self.seconds)
        first = record_id(number * 10 + 1)
        concurrent = (("WARC-Concurrent-To", first),)
        asked = f"GET {self.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        found = [Record(RecordType.REQUEST, first, date, asked, f"{_HTTP}request", self.url)]
        head = "\r\n".join([f"HTTP/1.1 {self.status}", f"Content-Type: {self.type}", *self.headers, "", ""])
        raw = head.encode("latin-1")
        if self.answered and self.refers_to is None:
            payload = HttpPayload(len(raw), "transfer-encoding: chunked" in head.lower())
            block = raw + self.body
            place = record_id(number * 10 + 2), date
            found.append(Record(RecordType.RESPONSE, *place, block, f"{_HTTP}response", self.url, concurrent, payload))
        elif self.refers_to is not None:
            fields = (
                *concurrent,
                ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
                ("WARC-Refers-To-Target-URI", self.refers_to),
                ("WARC-Refers-To-Date", f"{FIRST:%Y-%m-%dT%H:%M:%SZ}"),
            )
            found.append(
                Record(RecordType.REVISIT, record_id(number * 10 + 2), date, raw, f"{_HTTP}response", self.url, fields)
            )
        lines = [f"{name}: {value}" for name, value in self.metadata.items()]
        lines += [f"outlink: {link}" for link in self.outlinks]
        told = "".join(f"{line}\r\n" for line in lines).encode()
        type_ = "application/warc-fields"
        found.append(Record(RecordType.METADATA, record_id(number * 10 + 3), date, told, type_, self.url, concurrent))
        return found


async def archive(directory: Path, exchanges: Sequence[Exchange], *, last_open: bool = False) -> Path:
    """A crawl directory with these exchanges in one segment."""
    records = [record for number, each in enumerate(exchanges) for record in each.records(number)]
    await write_archive(directory, [records], last_open=last_open)
    return directory


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Looker:
    """A client of both origins."""

    app: str
    replay: str
    session: aiohttp.ClientSession

    async def get(self, url: str, **headers: str) -> Answer:
        """`url` is whole, or a path of the application. Redirects are not followed."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        whole = url if url.startswith("http") else self.app + url
        return await self._ask(whole, given)

    async def replayed(self, url: str, at: str = AT, dest: str = "iframe", **headers: str) -> Answer:
        """A capture as a frame or one of a page's requisites is asked for."""
        return await self._ask(
            f"{self.replay}/replay/{at}{'/' if at else ''}{url}", {"Sec-Fetch-Dest": dest, **headers}
        )

    async def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        async with self.session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
            return Answer(response.status, dict(response.headers), await response.read())


@asynccontextmanager
async def looking(path: Path) -> AsyncIterator[Looker]:
    """Serves an archive whose records were all read before the block begins."""
    async with serving(path, port=0, replay_port=0) as served, aiohttp.ClientSession() as session:
        served.cataloguer.wait_for_round()
        app = served.url.rstrip("/")
        yield Looker(app, f"http://localhost:{served.replay_port}", session)
