"""The fetcher against real servers on loopback: what it sends, what it keeps, and how each failure is told."""

from __future__ import annotations

import asyncio
import errno
import gzip
import resource
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler.model import CrawlURL, Exchange, FailureKind, Kind, Truncation
from crawler.network.resolver import OverrideResolver
from crawler.version import VERSION
from crawler.wire.spool import SpoolError
from tests.support.serving import OK, answering, certificate, fetcher, serving


def body_of(exchange: Exchange) -> bytes:
    assert exchange.response is not None
    assert exchange.message is not None
    return exchange.response.read(exchange.message.head_end, exchange.message.end)


async def test_an_ordinary_exchange(tmp_path: Path) -> None:
    async with serving(answering(OK)) as port, fetcher(tmp_path) as fetch:
        before = datetime.now(UTC)
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
        after = datetime.now(UTC)
    assert exchange.whole
    assert exchange.response is not None
    assert exchange.response.read(0, 999) == OK
    assert exchange.response.in_memory == len(OK)
    assert exchange.message is not None
    assert (exchange.message.start, exchange.message.head_end) == (0, len(OK) - 5)
    assert (exchange.status, exchange.http_version, exchange.media_type) == (200, "http/1.1", "text/html")
    assert exchange.headers[1:3] == (("X", "1"), ("x", "2"))
    assert exchange.content == b"hello"
    assert before <= exchange.started <= after
    assert exchange.peer == "127.0.0.1"
    assert exchange.tls is None
    assert exchange.connect_ms is not None
    assert exchange.first_byte_ms is not None
    assert exchange.connect_ms <= exchange.first_byte_ms <= exchange.total_ms


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("", b"GET / HTTP/1.1"),
        ("/a?", b"GET /a? HTTP/1.1"),
        ("/?", b"GET /? HTTP/1.1"),
        ("/a%7cb|c//../%zz;x=~'()?q=%2F&r=a|b?", b"GET /a%7cb|c//../%zz;x=~'()?q=%2F&r=a|b? HTTP/1.1"),
        ("/caf%C3%A9?b=1&a=2&b", b"GET /caf%C3%A9?b=1&a=2&b HTTP/1.1"),
    ],
)
async def test_the_url_goes_out_as_it_stands(tmp_path: Path, target: str, line: bytes) -> None:
    requests: list[bytes] = []
    async with serving(answering(OK, requests)) as port, fetcher(tmp_path) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}{target}"))
    assert [exchange.request] == requests
    assert requests[0].split(b"\r\n")[0] == line
    assert f"Host: 127.0.0.1:{port}".encode() in requests[0].split(b"\r\n")


async def test_headers_name_the_crawler_and_take_the_users_own(tmp_path: Path) -> None:
    requests: list[bytes] = []
    own = (("accept", "text/plain"), ("X-Two", "1"), ("X-Two", "2"))
    async with (
        serving(answering(OK, requests)) as port,
        fetcher(tmp_path, contact="https://example.org/bot", headers=own) as fetch,
    ):
        await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    lines = requests[0].split(b"\r\n")
    assert f"User-Agent: annals/{VERSION} (+https://example.org/bot)".encode() in lines
    assert b"Accept-Encoding: gzip, deflate, br" in lines
    assert [line for line in lines if line.lower().startswith(b"accept:")] == [b"accept: text/plain"]
    assert [line for line in lines if line.startswith(b"X-Two")] == [b"X-Two: 1", b"X-Two: 2"]


async def test_too_many_open_files_are_no_failure_of_the_host(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(answering(OK, [])) as port, fetcher(tmp_path) as fetch:
        url = CrawlURL(f"http://127.0.0.1:{port}/")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # the standard streams; what is open stays so
        try:
            with pytest.raises(OSError, match="Too many open files") as raised:
                await fetch.fetch(url)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert raised.value.errno == errno.EMFILE
        assert (await fetch.fetch(url)).whole


async def test_a_redirect_is_an_answer(tmp_path: Path) -> None:
    requests: list[bytes] = []
    response = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(response, requests)) as port, fetcher(tmp_path) as fetch:
        for _ in range(2):
            exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    assert (exchange.status, exchange.header("location")) == (302, "/elsewhere")
    assert len(requests) == 2
    assert b"cookie" not in requests[0].lower()
    assert b"\r\nCookie: a=1\r\n" in requests[1]


@pytest.mark.parametrize(
    ("type_", "kind", "parsed"),
    [
        ("text/html", Kind.NAVIGATION, True),
        ("TEXT/CSS ; x=y", Kind.REQUISITE, True),
        ("image/svg+xml", Kind.REQUISITE, True),
        ("application/rss+xml", Kind.NAVIGATION, True),
        ("nonsense", Kind.NAVIGATION, True),
        ("image/png", Kind.REQUISITE, False),
        ("text/plain", Kind.NAVIGATION, False),
        ("text/plain", Kind.ROBOTS, True),
        ("application/octet-stream", Kind.ROBOTS, True),
    ],
)
async def test_content_is_decoded_for_the_parsers_only(tmp_path: Path, type_: str, kind: Kind, parsed: bool) -> None:
    packed = gzip.compress(b"hello")
    fields = f"Content-Type: {type_}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    response = b"HTTP/1.1 200 OK\r\n" + fields.encode() + packed
    async with serving(answering(response)) as port, fetcher(tmp_path) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/", kind=kind))
    assert exchange.content == (b"hello" if parsed else b"")
    assert body_of(exchange) == packed


async def test_a_bomb_is_cut_at_the_limit_and_kept_as_it_came(tmp_path: Path) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 27)))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with serving(answering(head + bomb)) as port, fetcher(tmp_path) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    assert exchange.content == bytes(16 << 20)
    assert body_of(exchange) == bomb


async def test_large_bodies_go_to_disk(tmp_path: Path) -> None:
    body = bytes(range(256)) * (3 << 12)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serving(answering(head + body)) as port, fetcher(tmp_path) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    assert exchange.whole
    assert exchange.response is not None
    assert exchange.response.in_memory == 0
    assert b"".join(exchange.response.chunks()) == head + body
    assert exchange.content == b""
    exchange.response.close()


async def test_a_body_of_exactly_the_limit_is_whole(tmp_path: Path) -> None:
    async with (
        serving(answering(OK)) as port,
        fetcher(tmp_path, max_body=5) as five,
        fetcher(tmp_path, max_body=4) as four,
    ):
        whole = await five.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
        cut = await four.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))
    assert whole.whole
    assert (cut.truncated, cut.failure, body_of(cut)) == (Truncation.LENGTH, None, b"hell")


async def test_a_disk_that_cannot_take_the_body_is_raised(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 << 20)
    async with serving(answering(head + bytes(2 << 20))) as port, fetcher(tmp_path / "gone") as fetch:
        with pytest.raises(SpoolError, match="gone"):
            await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))


async def test_tls_is_described(tmp_path: Path) -> None:
    server_side, client_side = certificate()
    async with serving(answering(OK), server_side) as port, fetcher(tmp_path, ssl_context=client_side) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"https://127.0.0.1:{port}/"))
    assert exchange.whole
    assert exchange.tls is not None
    version, cipher = exchange.tls
    assert version in ("tls/1.2", "tls/1.3")
    assert cipher in {entry["name"] for entry in client_side.get_ciphers()}


async def failure(tmp_path: Path, url: str, **options: Any) -> tuple[FailureKind, str]:
    async with fetcher(tmp_path, **options) as fetch:
        exchange = await fetch.fetch(CrawlURL(url))
    assert exchange.failure is not None
    assert (exchange.response, exchange.message, exchange.truncated, exchange.whole) == (None, None, None, False)
    return exchange.failure.kind, exchange.failure.reason


async def test_an_unknown_name(tmp_path: Path) -> None:
    kind, reason = await failure(tmp_path, "http://no-such-host.invalid/x")
    assert kind is FailureKind.DNS
    assert reason.startswith("cannot resolve no-such-host.invalid: ")


async def test_a_refused_connection(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kind, reason = await failure(tmp_path, f"http://127.0.0.1:{port}/")
    assert kind is FailureKind.CONNECT
    assert "refused" in reason.lower()


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    server_side, _ = certificate()
    async with serving(answering(OK), server_side) as port:
        kind, reason = await failure(tmp_path, f"https://127.0.0.1:{port}/")
    assert kind is FailureKind.TLS
    assert "certificate" in reason


async def test_no_tls_where_tls_was_expected(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(OK)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.transport.abort()

    for handler, why in ((plain, "http:// may reach it"), (hang_up, "broke off the TLS handshake")):
        async with serving(handler) as port:
            kind, reason = await failure(tmp_path, f"https://127.0.0.1:{port}/")
        assert kind is FailureKind.TLS
        assert why in reason


async def test_a_handshake_that_never_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel accepts, nobody answers
        port = listener.getsockname()[1]
        kind, reason = await failure(tmp_path, f"https://127.0.0.1:{port}/", timeout=0.2)
    assert kind is FailureKind.TIMEOUT
    assert "no connection" in reason


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "http:///path",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://a b/",
        "mailto:a@b",
        "http://exa\nmple.test/",
        f"http://{'a' * 70}.test/",
        "http://127.0.0.1:1/\r\nX: y",
    ],
)
async def test_urls_that_cannot_be_fetched_end_as_values(tmp_path: Path, url: str) -> None:
    kind, reason = await failure(tmp_path, url)
    assert kind in (FailureKind.INVALID_URL, FailureKind.DNS)
    assert reason.isprintable()


async def test_a_name_with_a_fixed_address(tmp_path: Path) -> None:
    requests: list[bytes] = []
    async with serving(answering(OK, requests)) as port:
        resolver = OverrideResolver({"demo.test": ("127.0.0.1", port)})
        async with fetcher(tmp_path, resolver=resolver) as fetch:
            exchange = await fetch.fetch(CrawlURL("http://demo.test/page"))
            other = await fetch.fetch(CrawlURL("http://other.invalid/"))
    assert exchange.whole
    assert exchange.peer == "127.0.0.1"
    assert b"\r\nHost: demo.test\r\n" in requests[0]
    assert other.failure is not None
    assert other.failure.kind is FailureKind.DNS


async def test_only_an_open_fetcher_fetches(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await fetcher(tmp_path).fetch(CrawlURL("http://127.0.0.1/"))


async def test_a_head_of_very_many_fields(tmp_path: Path) -> None:
    """What fits into the longest head is kept, in bounded time; what does not is malformed, and cut off."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Closes after its answer, so that nobody waits for more of what is malformed."""
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        fields = b"a:\r\n" * int(path.removeprefix(b"/"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + fields + b"\r\nhi")
        await writer.drain()

    for count, whole in ((200_000, True), (600_000, False)):
        async with serving(handler) as port, fetcher(tmp_path) as fetch:
            began = time.process_time()
            exchange = await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/{count}"))
            assert time.process_time() - began < 5
            assert exchange.whole is whole
            assert len(exchange.headers) == (count + 1 if whole else 0)
            assert exchange.response is not None
            exchange.response.close()
