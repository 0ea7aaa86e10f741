"""Every way of answering wrongly: what is kept equals what was sent, or is a beginning of it and says so."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from crawler.config import CrawlConfig
from crawler.fetcher import HttpFetcher
from crawler.model import CrawlURL, Exchange
from tests.support.hostile import CASES, LIMITS, Case, HostileServer
from tests.support.loops import LOOPS

VARIANTS = [(loop, scheme) for loop in LOOPS for scheme in ("http", "https")]


@dataclass(frozen=True, slots=True)
class Fetched:
    exchange: Exchange
    response: bytes
    sent: bytes
    received: bytes


@pytest.fixture(scope="module", params=VARIANTS, ids="-".join)
def fetched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Fetched]]:
    """All cases, many at a time: idle connections pass from one case to the next."""
    loop, scheme = request.param
    client = server = None
    if scheme == "https":
        authority = trustme.CA()
        client, server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.configure_trust(client)
        authority.issue_cert("127.0.0.1").configure_cert(server)
    with HostileServer(server) as hostile, asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        yield runner.run(_fetch_all(hostile, scheme, client, tmp_path_factory.mktemp("spool")))


async def _fetch_all(
    server: HostileServer, scheme: str, context: ssl.SSLContext | None, spool_dir: Path
) -> dict[str, Fetched]:
    # A hundred handshakes at once take a busy machine longer than the second that a silent server is given.
    slots = asyncio.Semaphore(32)

    async def one(fetcher: HttpFetcher, case: Case) -> Fetched:
        path = f"/case/{case.name}"
        async with slots:
            exchange = await fetcher.fetch(CrawlURL(f"{scheme}://127.0.0.1:{server.port}{path}"))
        response = b""
        if exchange.response is not None:
            response = b"".join(exchange.response.chunks())
            exchange.response.close()
        return Fetched(exchange, response, server.sent(path)[-1], server.received(path)[-1])

    config = CrawlConfig(**LIMITS, allow_private=True)
    async with HttpFetcher(config, spool_dir=spool_dir, ssl_context=context) as fetcher:
        results = await asyncio.gather(*(one(fetcher, case) for case in CASES.values()))
    return dict(zip(CASES, results, strict=True))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_is_kept_as_it_was_sent(fetched: dict[str, Fetched], case: Case) -> None:
    got = fetched[case.name]
    exchange = got.exchange
    assert exchange.request == got.received
    if case.exact:
        assert got.response == got.sent
    else:
        assert got.sent.startswith(got.response)
    assert exchange.status == case.status
    assert exchange.truncated == case.truncated
    assert (exchange.failure and exchange.failure.kind) == case.failure
    assert exchange.whole is case.whole
    if case.content is not None:
        assert exchange.content == case.content


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_its_parts_make_up_the_whole(fetched: dict[str, Fetched], case: Case) -> None:
    got = fetched[case.name]
    message = got.exchange.message
    if message is None:
        assert case.status is None
        return
    assert 0 <= message.start < message.head_end <= message.end <= len(got.response)
    assert got.response[message.start : message.start + 5].upper() == b"HTTP/"
    body = got.response[message.head_end : message.end]
    assert len(body) <= LIMITS["max_body"]
    if case.truncated == "length":
        assert len(body) == LIMITS["max_body"]
    if case.content is not None and not message.chunked and not got.exchange.header("Content-Encoding"):
        assert body == case.content


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_reason_is_one_printable_line_that_names_the_host(fetched: dict[str, Fetched], case: Case) -> None:
    failure = fetched[case.name].exchange.failure
    if failure is not None:
        assert failure.reason.isprintable()
        assert "127.0.0.1" in failure.reason


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 45
    assert {case.truncated for case in CASES.values()} >= {"length", "time", "disconnect", "unspecified", None}
