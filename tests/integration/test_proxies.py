"""Through a proxy: the bytes in the archive are still those on the wire, and what cannot be checked is said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import pytest

from crawler.model import CrawlURL, Exchange, FailureKind
from tests.support.engine import config_of, opened
from tests.support.loops import LOOPS
from tests.support.proxies import Asked, http_proxy, socks_proxy
from tests.support.serving import OK, answering, certificate, fetcher, serving
from tests.support.warc import members


async def through(tmp_path: Path, url: str, **options: Any) -> Exchange:
    options = {"allow_private": False, **options}
    async with fetcher(tmp_path, **options) as fetch:
        return await fetch.fetch(CrawlURL(url))


def proxy_of(kind: str, **how: Any) -> contextlib.AbstractAsyncContextManager[tuple[int, Asked]]:
    return http_proxy(**how) if kind == "http" else socks_proxy(**how)


def whole(exchange: Exchange) -> bytes:
    assert exchange.whole, exchange.failure
    assert exchange.response is not None
    return exchange.response.read(0, 1 << 20)


async def test_http_through_an_http_proxy(tmp_path: Path) -> None:
    requests: list[bytes] = []
    async with serving(answering(OK, requests)) as port, http_proxy() as (proxy, asked):
        exchange = await through(tmp_path, f"http://site.test:{port}/x?", proxy=f"http://127.0.0.1:{proxy}")
        assert whole(exchange) == OK
    assert asked.targets == [f"GET http://site.test:{port}/x?"]
    assert [exchange.request] == requests == asked.heads
    assert exchange.peer is None


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("loop", LOOPS)
def test_https_through_a_proxy(tmp_path: Path, kind: str, loop: str) -> None:
    async def main() -> None:
        requests: list[bytes] = []
        server, client = certificate()
        chosen = proxy_of(kind)
        login = "me:secret@" if kind == "http" else ""
        async with serving(answering(OK, requests), server) as port, chosen as (proxy, asked):
            # 127.0.0.1 is what the certificate is for; allowed, for this once
            exchange = await through(
                tmp_path, f"https://127.0.0.1:{port}/x", proxy=f"{kind}://{login}127.0.0.1:{proxy}", ssl_context=client,
                allow_private=True,
            )  # fmt: skip
            assert whole(exchange) == OK
        assert asked.targets == [f"CONNECT 127.0.0.1:{port}" if kind == "http" else f"7f000001:{port}"]
        assert [exchange.request] == requests
        assert requests[0].startswith(b"GET /x HTTP/1.1\r\n")
        assert b"Authorization" not in requests[0]
        assert [b"Proxy-Authorization: Basic bWU6c2VjcmV0" in head for head in asked.heads] in ([True], [])
        assert exchange.redacted == ()
        assert exchange.tls is not None
        assert exchange.peer is None

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


@pytest.mark.parametrize("login", ["", "me:s%3Ae"])
async def test_socks_resolves_names_itself(tmp_path: Path, login: str) -> None:
    requests: list[bytes] = []
    async with (
        serving(answering(OK, requests)) as port,
        socks_proxy(login=b"me:s:e" if login else b"") as (proxy, asked),
    ):
        url = f"socks5://{login}{'@' if login else ''}127.0.0.1:{proxy}"
        async with fetcher(tmp_path, allow_private=False, proxy=url) as fetch:
            for path in ("a", "b"):  # the second on the connection of the first
                exchange = await fetch.fetch(CrawlURL(f"http://site.test:{port}/{path}"))
                assert whole(exchange) == OK
                assert requests[-1] == exchange.request
                assert exchange.redacted == ()
    assert asked.targets == [f"site.test:{port}"]


async def test_the_proxys_password_is_not_for_the_archive(tmp_path: Path) -> None:
    requests: list[bytes] = []
    directory = tmp_path / "crawl"
    async with serving(answering(OK, requests)) as port, http_proxy() as (proxy, asked):
        config = config_of(directory, f"http://site.test:{port}/", proxy=f"http://me:secret@127.0.0.1:{proxy}")
        async with opened(config) as running:
            await running.wait()
    assert asked.heads[0] == requests[0]
    assert len(requests) == 2
    assert all(b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head for head in requests)
    held = b"".join(plain for path in directory.glob("archive/*") for _, _, plain in members(path))
    assert held.count(b"\r\nProxy-Authorization: REDACTED\r\n") == 2
    assert held.count(b"\r\nredacted: proxy-authorization\r\n") == 2
    assert b"WARC-IP-Address" not in held
    assert f"\r\nproxy: http://127.0.0.1:{proxy}\r\n".encode() in held
    assert b"bWU6c2VjcmV0" not in held
    assert b"secret" not in held


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "localhost", "x.localhost", "169.254.169.254"])
async def test_private_literals_are_not_even_named_to_it(tmp_path: Path, kind: str, host: str) -> None:
    async with proxy_of(kind) as (proxy, asked):
        exchange = await through(tmp_path, f"http://{host}/", proxy=f"{kind}://127.0.0.1:{proxy}")
    assert asked.targets == []
    assert exchange.failure is not None
    assert exchange.failure.kind is FailureKind.ADDRESS


async def test_it_is_said_that_addresses_are_not_checked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with fetcher(tmp_path, proxy="http://me:secret@proxy.test:8080"):
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "asking through http://proxy.test:8080: whether a name leads to a public address is not checked"
    ]


@pytest.mark.parametrize(
    ("scheme", "kind", "how", "reason"),
    [
        ("http", "http", {"refusal": b"HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n"},
         "the proxy asks for a user and a password"),
        ("https", "http", {"refusal": b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"},
         "the proxy does not connect to site.test: 407 Who are you"),
        ("https", "http", {"refusal": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"},
         "the proxy does not connect to site.test: 502 Bad Gateway"),
        ("http", "socks5", {"reply": 5},
         "the proxy does not connect to site.test: Connection refused by destination host"),
        ("https", "socks5", {"reply": 4}, "the proxy does not connect to site.test: Host unreachable"),
    ],
)  # fmt: skip
async def test_a_proxy_that_refuses(tmp_path: Path, scheme: str, kind: str, how: Any, reason: str) -> None:
    async with proxy_of(kind, **how) as (proxy, _):
        exchange = await through(tmp_path, f"{scheme}://site.test/", proxy=f"{kind}://127.0.0.1:{proxy}")
    assert exchange.failure is not None
    assert exchange.failure.kind is FailureKind.CONNECT
    assert exchange.failure.reason == reason


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_is_not_there(tmp_path: Path, kind: str, unused_tcp_port: int) -> None:
    exchange = await through(tmp_path, "http://site.test/", proxy=f"{kind}://127.0.0.1:{unused_tcp_port}")
    assert exchange.failure is not None
    assert exchange.failure.kind is FailureKind.CONNECT
    assert "proxy" in exchange.failure.reason
