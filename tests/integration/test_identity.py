"""Who asks: passwords and certificates for those they are for, trust, addresses; and what of it the archive tells."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from crawler.cli import main
from crawler.errors import UsageError
from crawler.model import CrawlURL, Failure, FailureKind
from tests.support.answers import Answers
from tests.support.engine import crawl
from tests.support.serving import OK, answering, fetcher, serving
from tests.support.warc import members
from tests.support.web import Web, page, redirect

A, B = "http://a.test/", "http://b.test/"


def archived(directory: Path) -> bytes:
    return b"".join(plain for path in sorted(directory.glob("archive/*")) for _, _, plain in members(path))


def carried(web: Web, url: str, field: bytes) -> list[bool]:
    return [field.lower() in asked.request.lower() for asked in web.asked(url)]


@pytest.mark.parametrize(
    "options",
    [{"auth": (("http://a.test", "me:secret"),)}, {"headers": (("Authorization", "Basic bWU6c2VjcmV0"),)}],
    ids=["auth", "header"],
)
async def test_a_password_is_for_its_host_and_not_for_the_archive(tmp_path: Path, options: dict[str, Any]) -> None:
    field = b"\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"
    answers = {A: page("/go", f"{B}x"), f"{A}go": redirect(f"{B}y"), f"{B}x": page(A), f"{B}y": redirect(f"{A}z")}
    answers[f"{A}z"] = page()
    with Web(answers) as web:
        await crawl(web, tmp_path, A, scope="any", **options)
        assert carried(web, A, field) == carried(web, f"{A}go", field) == carried(web, f"{A}z", field) == [True]
        assert carried(web, f"{A}robots.txt", field) == [True]
        assert carried(web, f"{B}x", b"authorization") == carried(web, f"{B}y", b"authorization") == [False]
        assert carried(web, f"{B}robots.txt", b"authorization") == [False]
    held = archived(tmp_path)
    assert b"bWU6c2VjcmV0" not in held
    assert held.count(b"\r\nAuthorization: REDACTED\r\n") == held.count(b"\r\nredacted: authorization\r\n") == 4
    assert (tmp_path / "crawl.toml").stat().st_mode & 0o077 == 0


async def test_no_redact(tmp_path: Path) -> None:
    with Web({A: page()}) as web:
        await crawl(web, tmp_path, A, auth=(("http://a.test", "me:secret"),), redact=False)
    assert b"\r\nAuthorization: Basic bWU6c2VjcmV0\r\n" in archived(tmp_path)
    assert b"redacted" not in archived(tmp_path)


def test_the_command_line_keeps_a_password_out_of_its_complaints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("secret", "a.test=secret", "a.test/x=me:secret", "a.test=me:secret\n"):
        assert main(["--output", str(tmp_path / "crawl"), "--auth", wrong, "http://a.invalid/"]) == 2
    said = capsys.readouterr().err
    assert said.count("--auth") == 4
    assert "secret" not in said


# -- TLS -------------------------------------------------------------------------------------------------------------


class Authority:
    """A private certificate authority, and servers that it vouches for."""

    def __init__(self, directory: Path) -> None:
        self._authority = trustme.CA()
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)
        self.client = directory / "client.pem"
        self._authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(self.client)

    def server(self, *, ask: ssl.VerifyMode = ssl.CERT_NONE, name: str = "127.0.0.1") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name).configure_cert(context)
        context.verify_mode = ask
        if ask is not ssl.CERT_NONE:
            self._authority.configure_trust(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def fetched(tmp_path: Path, context: ssl.SSLContext, **options: Any) -> tuple[Failure | None, bool]:
    async with serving(answering(OK), context) as port, fetcher(tmp_path, **options) as fetch:
        exchange = await fetch.fetch(CrawlURL(f"https://127.0.0.1:{port}/"))
        return exchange.failure, exchange.verified


async def test_an_authority_of_ones_own(tmp_path: Path, authority: Authority) -> None:
    failure, _ = await fetched(tmp_path, authority.server())
    assert failure is not None
    assert failure.kind is FailureKind.TLS
    assert await fetched(tmp_path, authority.server(), ca_file=authority.file) == (None, True)
    failure, _ = await fetched(tmp_path, authority.server(name="other.test"), ca_file=authority.file)
    assert failure is not None
    assert "not valid for" in failure.reason


async def test_insecure_is_recorded(tmp_path: Path, authority: Authority) -> None:
    assert await fetched(tmp_path, authority.server(name="other.test"), insecure=True) == (None, False)
    directory = tmp_path / "crawl"
    with Web({"https://a.test/": page()}, context=authority.server()) as web:
        await crawl(web, directory, "https://a.test/", insecure=True)
    held = archived(directory)
    assert held.count(b"\r\ncertificate: not verified\r\n") == 2
    assert b"\r\ncertificates: not verified\r\n" in held
    with Web({A: page()}) as web:
        await crawl(web, tmp_path / "plain", A, insecure=True)
    assert b"\r\ncertificate: not verified\r\n" not in archived(tmp_path / "plain")


async def test_a_client_certificate_is_shown_to_the_seeds_own_hosts(tmp_path: Path, authority: Authority) -> None:
    shown: list[bool] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        shown.append(bool(writer.get_extra_info("ssl_object").getpeercert()))
        writer.write(OK)

    asking: Callable[[], ssl.SSLContext] = lambda: authority.server(ask=ssl.CERT_OPTIONAL)  # noqa: E731
    async with serving(handler, asking()) as own, serving(handler, asking()) as other:
        options: dict[str, Any] = {"ca_file": authority.file, "client_cert": authority.client}
        async with fetcher(tmp_path, seeds=(f"https://127.0.0.1:{own}/",), **options) as fetch:
            for port in (own, other, own):
                exchange = await fetch.fetch(CrawlURL(f"https://127.0.0.1:{port}/"))
                assert exchange.whole
    assert shown == [True, False, True]


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("ca_file", None, "--ca-file {}: cannot be read: No such file or directory"),
        ("ca_file", "nonsense", "--ca-file {}: cannot be used: no certificate or crl found"),
        ("client_cert", None, "--client-cert {}: cannot be read: No such file or directory"),
        ("client_cert", "nonsense", "--client-cert {}: "),
    ],
)
async def test_files_that_cannot_be_used(tmp_path: Path, option: str, content: str | None, complaint: str) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    options: dict[str, Any] = {option: path}
    with Web({A: page()}) as web:
        with pytest.raises(UsageError) as caught:
            await crawl(web, tmp_path / "crawl", A, **options)
        assert str(caught.value).startswith(complaint.format(path))
        assert web.requests == []


# -- addresses -------------------------------------------------------------------------------------------------------


async def test_the_address_to_connect_from(tmp_path: Path) -> None:
    peers: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await answering(OK)(reader, writer)

    async with serving(handler) as port:
        for options in ({}, {"bind_address": "127.0.0.9"}):
            async with fetcher(tmp_path, **options) as fetch:
                assert (await fetch.fetch(CrawlURL(f"http://127.0.0.1:{port}/"))).whole
    assert peers == ["127.0.0.1", "127.0.0.9"]


async def test_an_address_that_is_not_this_machines(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--bind-address 192\.0\.2\.1: nothing can be sent from it: Cannot assign"):
        async with fetcher(tmp_path, bind_address="192.0.2.1"):
            pass


@pytest.mark.parametrize(
    ("options", "host", "reached"),
    [
        ({}, "127.0.0.1", True), ({}, "[::1]", True), ({}, "both.test", True),
        ({"ipv4_only": True}, "127.0.0.1", True), ({"ipv4_only": True}, "[::1]", False),
        ({"ipv6_only": True}, "127.0.0.1", False), ({"ipv6_only": True}, "[::1]", True),
        ({"ipv4_only": True}, "both.test", "127.0.0.1"), ({"ipv6_only": True}, "both.test", "::1"),
        ({"ipv6_only": True}, "four.test", False), ({"bind_address": "::1"}, "both.test", "::1"),
        ({"bind_address": "::1"}, "127.0.0.1", False),
    ],
)  # fmt: skip
async def test_the_family_of_addresses(tmp_path: Path, options: dict[str, Any], host: str, reached: bool | str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    resolver = Answers({"both.test": [["127.0.0.1", "::1"]], "four.test": [["127.0.0.1"]]})
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as four:
        port = four.sockets[0].getsockname()[1]
        async with (
            await asyncio.start_server(handler, "::1", port),
            fetcher(tmp_path, resolver=resolver, **options) as fetch,
        ):
            exchange = await fetch.fetch(CrawlURL(f"http://{host}:{port}/"))
    assert exchange.whole is bool(reached)
    if isinstance(reached, str):
        assert exchange.peer == reached
    if not reached:
        assert exchange.failure is not None
        assert exchange.failure.kind in (FailureKind.INVALID_URL, FailureKind.DNS)
