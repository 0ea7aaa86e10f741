"""A page must not send the crawler into private networks: a listener that nothing may reach, and every way there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from crawler.clock import SystemClock
from crawler.model import CrawlURL, FailureKind, Outcome, OutcomeKind
from crawler.network.resolver import OverrideResolver
from tests.support.answers import Answers
from tests.support.engine import config_of, opened
from tests.support.programs import absent, require_program
from tests.support.serving import OK, Handler, answering, fetcher, serving
from tests.support.web import page, redirect, robots

RESERVED_NAME = "inside.test"


@contextlib.asynccontextmanager
async def forbidden(*addresses: str, port: int = 0) -> AsyncIterator[tuple[int, list[Any]]]:
    """Listens on all the addresses at one port; gives the port, and the list of whoever connected."""
    reached: list[Any] = []

    async def caught(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("sockname"))
        writer.write(OK)
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        for address in addresses:
            listener = await asyncio.start_server(caught, address, port)
            await stack.enter_async_context(listener)
            port = listener.sockets[0].getsockname()[1]
        yield port, reached


def site(answers: dict[str, bytes]) -> Handler:
    """Answers by path; "" stands for all other paths."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            path = request.split(b" ", 2)[1].decode()
            writer.write(answers.get(path) or answers.get("") or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    return handler


def linking(port: int) -> contextlib.AbstractAsyncContextManager[int]:
    return serving(site({"/": page(f"http://127.0.0.1:{port}/x")}))


async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One answer a connection: the next request needs an address again."""
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 18\r\n\r\n"
    writer.write(head + b"<a href='/second'>")


class Later(SystemClock):
    """A minute on."""

    def time(self) -> float:
        return super().time() + 60


async def crawl(directory: Path, seed: str, resolver: AbstractResolver | None = None, **options: Any) -> list[Outcome]:
    outcomes: list[Outcome] = []
    clock = options.pop("clock", None)
    config = config_of(directory, seed, **{"allow_private": False, "scope": "any", **options})
    async with opened(config, resolver=resolver, clock=clock) as running:
        running.add_done_callback(outcomes.append)
        await running.wait()
    return outcomes


def by_url(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    return {outcome.url: outcome for outcome in outcomes}


def ways(port: int) -> list[str]:
    """The same loopback listener, by all its names."""
    hosts = [
        "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "１２７.0.0.1", "127。0。0。1", "127.0.0.2",
        "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "localhost", "LOCALHOST.", RESERVED_NAME,
    ]  # fmt: skip
    return [f"http://{host}:{port}/way{number}" for number, host in enumerate(hosts)]


RESOLVER = {RESERVED_NAME: [["127.0.0.1"]], "localhost": [["127.0.0.1", "::1"]], "localhost.": [["::1", "127.0.0.1"]]}


@pytest.mark.parametrize("how", ["links", "images", "frames", "redirects"])
async def test_no_page_leads_into_a_private_network(tmp_path: Path, how: str) -> None:
    async with forbidden("0.0.0.0", "::1") as (port, reached):
        targets = ways(port)
        answers = {
            "links": {"/": page(*targets)},
            "images": {"/": page(images=targets)},
            "frames": {"/": page(markup="".join(f"<iframe src='{target}'></iframe>" for target in targets))},
            "redirects": {
                "/": page(*(f"/{number}" for number in range(len(targets)))),
                **{f"/{number}": redirect(target.encode().decode("latin-1")) for number, target in enumerate(targets)},
            },
        }[how]
        async with serving(site(answers)) as own:
            outcomes = await crawl(tmp_path / "crawl", f"http://127.0.0.1:{own}/", Answers(RESOLVER))
    assert reached == []
    refused = [outcome for outcome in outcomes if outcome.failure is FailureKind.ADDRESS]
    assert {outcome.kind for outcome in refused} == {OutcomeKind.EXCLUDED}
    assert {outcome.url.rpartition("way")[2] for outcome in refused if "way" in outcome.url} == {
        str(number) for number in range(len(targets))
    }
    assert all(outcome.receipt is None and outcome.attempt == 1 for outcome in refused)
    others = [outcome for outcome in outcomes if outcome not in refused]
    assert {outcome.kind for outcome in others} == {OutcomeKind.ARCHIVED}
    assert all(outcome.url.startswith(f"http://127.0.0.1:{own}/") for outcome in others)


async def test_the_sentence_says_what_and_how_to_allow_it(tmp_path: Path) -> None:
    async with (
        forbidden("127.0.0.1") as (port, reached),
        serving(site({"/": page(f"http://127.0.0.1:{port}/x")})) as own,
    ):
        outcomes = await crawl(tmp_path / "crawl", f"http://127.0.0.1:{own}/", robots=False)
    assert not reached
    assert by_url(outcomes)[f"http://127.0.0.1:{port}/x"].reason == (
        "127.0.0.1 is a loopback address; --allow-private would ask it"
    )


async def test_allow_private_asks_them(tmp_path: Path) -> None:
    async with (
        forbidden("127.0.0.1") as (port, reached),
        serving(site({"/": page(f"http://127.0.0.1:{port}/x")})) as own,
    ):
        outcomes = await crawl(tmp_path / "crawl", f"http://127.0.0.1:{own}/", allow_private=True)
    assert len(reached) == 2  # robots.txt and the page
    assert by_url(outcomes)[f"http://127.0.0.1:{port}/x"].kind is OutcomeKind.ARCHIVED


async def test_allowed_later_they_are_asked_from_then_on(tmp_path: Path) -> None:
    directory = tmp_path / "crawl"
    async with forbidden("127.0.0.1") as (port, reached):
        answers = {"/": page("/next", images=[f"http://127.0.0.1:{port}/x"]), "": page(f"http://127.0.0.1:{port}/y")}
        async with serving(site(answers)) as own:
            await crawl(directory, f"http://127.0.0.1:{own}/", max_pages=1)
            assert reached == []
            outcomes = await crawl(directory, f"http://127.0.0.1:{own}/", allow_private=True, clock=Later())
    assert len(reached) == 2
    assert by_url(outcomes)[f"http://127.0.0.1:{port}/y"].kind is OutcomeKind.ARCHIVED


async def test_robots_txt_that_redirects_there_counts_as_missing(tmp_path: Path) -> None:
    async with forbidden("127.0.0.1") as (port, reached):
        answers = {"/robots.txt": redirect(f"http://127.0.0.1:{port}/robots.txt"), "/": page()}
        async with serving(site(answers)) as own:
            outcomes = await crawl(tmp_path / "crawl", f"http://127.0.0.1:{own}/")
    assert reached == []
    assert by_url(outcomes)[f"http://127.0.0.1:{own}/"].kind is OutcomeKind.ARCHIVED
    assert by_url(outcomes)[f"http://127.0.0.1:{port}/robots.txt"].failure is FailureKind.ADDRESS


async def test_the_seeds_own_robots_txt_is_asked_for(tmp_path: Path) -> None:
    answers = {"/robots.txt": robots("User-agent: *\nDisallow: /no"), "/": page("/no", "/yes"), "": page()}
    async with serving(site(answers)) as own:
        found = by_url(await crawl(tmp_path / "crawl", f"http://127.0.0.1:{own}/"))
    assert found[f"http://127.0.0.1:{own}/no"].reason == "robots.txt"
    assert found[f"http://127.0.0.1:{own}/yes"].kind is OutcomeKind.ARCHIVED


async def test_a_seeds_name_that_comes_to_mean_another_private_address(tmp_path: Path) -> None:
    async with serving(once) as own, forbidden("127.0.0.2", port=own) as (_, reached):
        resolver = Answers({"home.test": [["127.0.0.1"], ["127.0.0.2"]]})
        outcomes = await crawl(tmp_path / "crawl", f"http://home.test:{own}/", resolver, robots=False)
    assert reached == []
    found = by_url(outcomes)
    assert found[f"http://home.test:{own}/"].kind is OutcomeKind.ARCHIVED
    assert found[f"http://home.test:{own}/second"].failure is FailureKind.ADDRESS


async def test_each_address_of_an_answer_is_judged_alone(tmp_path: Path) -> None:
    answers = [["127.0.0.1"], ["127.0.0.2", "127.0.0.1", "127.0.0.3"], ["127.0.0.2", "127.0.0.3"]]
    async with serving(once) as own, forbidden("127.0.0.2", "127.0.0.3", port=own) as (_, reached):
        url = CrawlURL(f"http://home.test:{own}/")
        resolver = Answers({"home.test": answers})
        async with fetcher(tmp_path, resolver=resolver, allow_private=False, seeds=(url.url,)) as fetch:
            assert (await fetch.fetch(url)).peer == "127.0.0.1"
            assert (await fetch.fetch(url)).peer == "127.0.0.1"
            refused = await fetch.fetch(url)
    assert reached == []
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.ADDRESS


async def test_the_demonstration_site_is_no_door(tmp_path: Path) -> None:
    """Its name leads to a loopback port; that port under any other name stays closed."""
    async with serving(answering(OK)) as port:
        resolver = OverrideResolver({"demo.test": ("127.0.0.1", port)})
        async with fetcher(tmp_path, resolver=resolver, allow_private=False) as fetch:
            assert (await fetch.fetch(CrawlURL("http://demo.test/"))).whole
            for url in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"):
                failure = (await fetch.fetch(CrawlURL(url))).failure
                assert failure is not None
                assert failure.kind is FailureKind.ADDRESS


@pytest.mark.parametrize("source", ["answers", "dns"])
def test_a_metadata_service_behind_an_alternating_name(tmp_path: Path, source: str) -> None:
    """In a network of its own: a site at a public address whose name turns into the metadata service's, and back; by a
    resolver that a test gives, and by the crawl's own, asking a real name server."""
    unshare, ip = require_program("unshare"), require_program("ip")
    network = [unshare, "--map-root-user", "--net"]
    if subprocess.run([*network, "true"], capture_output=True, check=False).returncode:
        absent("network namespaces are not allowed here")
    addresses = [f"{ip} address add {address}/32 dev lo" for address in ("93.184.216.34", "169.254.169.254")]
    setup = " && ".join([f"{ip} link set lo up", *addresses])
    inside = [sys.executable, "-m", "tests.support.metadata_service", str(tmp_path), source]
    done = subprocess.run(
        [*network, "sh", "-c", f'{setup} && exec "$@"', "sh", *inside],
        capture_output=True, check=False, timeout=60, cwd=Path(__file__).parents[2], text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["reached"] == 0
    assert said.get("questions", 3) == 3
    assert said["archived"] == ["http://shop.test/", "http://shop.test/3"]
    assert sorted(said["refused"]) == ["http://169.254.169.254/latest/meta-data/", "http://shop.test/2"]
