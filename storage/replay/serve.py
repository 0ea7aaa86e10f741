"""Both origins of `serve` in one program: started, said where, stopped."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from storage.layout import archive_directory
from storage.replay.catalogue import prepared
from storage.replay.cataloguer import Cataloguer
from storage.replay.endpoints import Endpoints
from storage.replay.holdings import Holdings
from storage.replay.hosts import host_guard
from storage.replay.look import Looking
from storage.replay.origin import ReplayOrigin
from storage.replay.queries import Catalogue
from storage.replay.shell import app_headers, page_errors
from storage.sources import sources_of

PORT = 8765
"""Of the application; the replay is at the next."""
_TRIES = 20


class Serving(Struct, frozen=True):
    """Where it listens."""

    url: str
    """Of the application."""
    port: int
    replay_port: int
    cataloguer: Cataloguer


@asynccontextmanager
async def serving(
    path: Path, *, host: str = "127.0.0.1", port: int | None = None, replay_port: int | None = None
) -> AsyncIterator[Serving]:
    """Serves an archive while the block runs. Ports that are not given are the next free ones; 0 is any.

    Raises ArchiveError for what is no archive, OSError for a port that is taken."""
    await asyncio.to_thread(sources_of, [path])  # no archive is told now, not on the first page
    with ExitStack() as stack:
        database = await asyncio.to_thread(stack.enter_context, prepared(path))
        async with _serving(path, database, host, port, replay_port) as found:
            yield found


@asynccontextmanager
async def _serving(
    path: Path, database: Path, host: str, port: int | None, replay_port: int | None
) -> AsyncIterator[Serving]:
    catalogue = Catalogue(database)
    cataloguer = Cataloguer([path], database)
    app_socket = _bound(host, port, PORT)
    try:
        replay_socket = _bound(host, replay_port, app_socket.getsockname()[1] + 1 if port != 0 else 0)
    except OSError:
        app_socket.close()
        raise
    ports = app_socket.getsockname()[1], replay_socket.getsockname()[1]
    holdings = Holdings([path], catalogue)
    names = {host.lower()}
    looking = Looking(holdings, cataloguer.progress, _title(path), ports[1], _package(path))
    application = web.Application(middlewares=[host_guard(names), page_errors(looking)])
    application.on_response_prepare.append(app_headers(ports[1]))
    looking.add_routes(application)
    Endpoints(catalogue, ports[1]).add_routes(application)
    replay = web.Application(middlewares=[host_guard(names)], client_max_size=1 << 20)
    Endpoints(catalogue).add_routes(replay)
    ReplayOrigin(holdings, ports[0]).add_routes(replay)
    runners = [
        web.AppRunner(each, access_log=None, max_field_size=1 << 20, shutdown_timeout=1.0)
        for each in (application, replay)
    ]
    cataloguer.start()
    try:
        for runner, listening in zip(runners, (app_socket, replay_socket), strict=True):
            await runner.setup()
            await web.SockSite(runner, listening).start()
        yield Serving(f"http://{_written(host)}:{ports[0]}/", *ports, cataloguer)
    finally:
        for runner in runners:
            await runner.cleanup()
        await asyncio.to_thread(cataloguer.stop)


async def serve_until(
    path: Path,
    host: str,
    port: int | None,
    replay_port: int | None,
    *,
    told: Callable[[Serving], None],
    stop: asyncio.Event,
) -> None:
    """Serves until `stop`; `told` is called once it listens."""
    async with serving(path, host=host, port=port, replay_port=replay_port) as found:
        told(found)
        await stop.wait()


def _title(path: Path) -> str:
    return path.resolve().name


def _bound(host: str, wanted: int | None, default: int) -> socket.socket:
    """A socket at the port wanted, or at the first free one from the default on."""
    ports: Sequence[int] = (
        [wanted] if wanted is not None else [default + step for step in range(_TRIES if default else 1)]
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number, port in enumerate(ports):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            listening.close()
            if number == len(ports) - 1:
                raise OSError(error.errno, f"cannot listen at {host} port {port}: {error.strerror}") from None
            continue
        listening.listen(128)
        return listening
    raise AssertionError("there is at least one port")


def _written(host: str) -> str:
    """An address that a browser on this machine can use."""
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return "127.0.0.1"
        return f"[{host}]" if address.version == 6 else host
    return host


def _package(path: Path) -> Path | None:
    """The WACZ that the archive is, or the one that lies in its directory."""
    if path.is_file():
        return path if path.name.endswith(".wacz") else None
    places = [*sorted(path.glob("*.wacz")), *sorted(archive_directory(path).glob("*.wacz"))]
    return places[0] if len(places) == 1 else None
