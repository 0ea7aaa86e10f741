"""A crawl inside a network namespace that has a public address and a metadata service, led there by a changing name.

python -m tests.support.metadata_service DIRECTORY [dns]     as root of the namespace; tells in JSON what happened

With `dns` a name server of its own gives the answers, to the resolver that crawls use.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver

from crawler.crawl import Crawl
from crawler.fetcher import HttpFetcher
from crawler.model import FailureKind, Outcome, OutcomeKind
from crawler.network.dnscache import CachingResolver
from crawler.network.dnslookup import DnsLookup
from tests.support.answers import Answers
from tests.support.engine import config_of
from tests.support.nameserver import A, name_server

PUBLIC, METADATA = "93.184.216.34", "169.254.169.254"
PAGES = {
    "/": "<a href=/2></a><a href=/3></a><a href='http://169.254.169.254/latest/meta-data/'></a>",
    "/3": "back at the public address",
}


async def shop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One answer a connection, so that each request asks for the name's address again."""
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
    body = PAGES.get(path, "").encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    writer.close()


async def main(directory: Path, *, dns: bool) -> dict[str, Any]:
    turns = [[PUBLIC], [METADATA], [PUBLIC]]
    if not dns:
        return await crawled(directory, Answers({"shop.test": turns}))
    async with name_server({"shop.test": [[(address, 0) for address in turn] for turn in turns]}) as server:
        place = {"nameservers": ["127.0.0.1"], "udp_port": server.port, "tcp_port": server.port}
        lookup = DnsLookup(system_too=False, **place)
        minutes = itertools.count(0, 60)  # each look at the clock is a minute later, so that no answer holds
        said = await crawled(directory, CachingResolver(lookup, lookup.close, clock=lambda: float(next(minutes))))
        return {**said, "questions": len([1 for _, kind in server.asked if kind == A])}


async def crawled(directory: Path, resolver: AbstractResolver) -> dict[str, Any]:
    reached: list[Any] = []
    outcomes: list[Outcome] = []

    async def metadata(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("peername"))
        writer.close()

    options = {"allow_private": False, "scope": "any", "robots": False, "per_host": 1}
    config = config_of(directory / "crawl", "http://shop.test/", **options)
    async with (
        await asyncio.start_server(shop, PUBLIC, 80),
        await asyncio.start_server(metadata, METADATA, 80),
        HttpFetcher(config, spool_dir=directory, resolver=resolver) as fetch,
        Crawl(config, fetcher=fetch) as crawl,
    ):
        crawl.add_done_callback(outcomes.append)
        await crawl.wait()
    archived = [outcome.url for outcome in outcomes if outcome.kind is OutcomeKind.ARCHIVED]
    refused = [outcome.url for outcome in outcomes if outcome.failure is FailureKind.ADDRESS]
    return {"reached": len(reached), "archived": archived, "refused": refused}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]), dns="dns" in sys.argv[2:]))))
