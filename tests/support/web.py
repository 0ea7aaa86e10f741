"""Several web sites behind one loopback port, each under names of its own, with a witness of what was asked, and when.

    with Web({"http://a.test/": page("/b"), "http://a.test/b": [UNAVAILABLE, ok()]}) as web:
        …crawl through `web.resolver()`…
        web.asked("http://a.test/b")      # the requests for it, in order

An answer is whole bytes; a list gives the first to the first request, and so on, the last one for ever; a function
gives what it makes of the request. Everything else is 404, robots.txt included."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from crawler.network.resolver import OverrideResolver

Answer = bytes | Sequence[bytes] | Callable[[bytes], bytes]


def ok(body: bytes = b"x", *fields: str, status: str = "200 OK", type_: str = "text/plain") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {type_}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def page(*links: str, images: Sequence[str] = (), markup: str = "") -> bytes:
    """An HTML page."""
    anchors = "".join(f'<a href="{link}">link</a>\n' for link in links)
    pictures = "".join(f'<img src="{image}">\n' for image in images)
    return ok(f"<!doctype html><title>A page</title>\n{anchors}{pictures}{markup}".encode(), type_="text/html")


def css(text: str) -> bytes:
    return ok(text.encode(), type_="text/css")


def robots(text: str) -> bytes:
    return ok(text.encode())


def redirect(location: str, status: str = "302 Found") -> bytes:
    """`location` stands in the header as it is: its characters are bytes."""
    return ok(b"", f"Location: {location}", status=status)


def versioned(answer: bytes, **validators: str) -> Callable[[bytes], bytes]:
    """The answer with these validators (`etag`, `last_modified`, `date`), or 304 to who has it already."""
    fields = {name.replace("_", "-").title(): value for name, value in validators.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    head, _, body = answer.partition(b"\r\n\r\n")
    tag, modified = fields.get("Etag"), fields.get("Last-Modified")

    def choose(request: bytes) -> bytes:
        asked = dict(line.split(b": ", 1) for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:])
        known = asked.get(b"If-None-Match"), asked.get(b"If-Modified-Since")
        # RFC 9110 section 13.2.2: the date counts only where no tag is asked about.
        mine = tag if known[0] is not None else modified
        if mine is not None and mine.encode() == (known[0] or known[1]):
            return b"HTTP/1.1 304 Not Modified\r\n" + lines + b"\r\n"
        return head + b"\r\n" + lines + b"\r\n" + body

    return choose


MISSING = ok(b"nothing here", status="404 Not Found")
UNAVAILABLE = ok(b"later", status="503 Service Unavailable")


@dataclass
class Asked:
    """One request, as the server saw it."""

    url: str
    request: bytes
    at: float
    """When its head was whole, on the monotonic clock or the one that was given."""
    answered: float | None = None


@dataclass
class _Gate:
    event: asyncio.Event = field(default_factory=asyncio.Event)


class Web:
    """Serves from a thread of its own, so that a test may block."""

    def __init__(
        self,
        answers: Mapping[str, Answer],
        *,
        context: ssl.SSLContext | None = None,
        pause: float = 0.0,
        dead: Sequence[str] = (),
        address: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Each answer takes `pause` seconds; with `context`, all is served over TLS. The names in `dead` lead to a
        port that refuses every connection. `clock` tells the times that are noted."""
        self.address, self._clock = address, clock
        self.answers: dict[str, Answer] = dict(answers)
        self.requests: list[Asked] = []
        self.pause = pause
        self.peaks: Counter[str] = Counter()
        """The most requests that were being answered at the same time, by host; "" for all together."""
        self.port = 0
        self._context = context
        self._dead = dead
        self._refusing = socket.socket()
        self._active: Counter[str] = Counter()
        self._gates: dict[str, _Gate] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)

    # -- what was asked ----------------------------------------------------------------------------------------

    @property
    def urls(self) -> list[str]:
        """The URL of each request, in order, robots.txt left out."""
        return [asked.url for asked in self.requests if not asked.url.endswith("/robots.txt")]

    def asked(self, url: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.url == url]

    async def seen(self, url: str) -> None:
        """Waits until the URL was asked for, without holding up the loop."""
        while not self.asked(url):  # noqa: ASYNC110 - noted by another thread
            await asyncio.sleep(0.002)

    # -- what is answered --------------------------------------------------------------------------------------

    def hold(self, url: str) -> None:
        """Requests for the URL get no answer before `let_go`."""
        self._gates[url] = _Gate()

    def let_go(self, url: str) -> None:
        self._loop.call_soon_threadsafe(self._gates.pop(url).event.set)

    def resolver(self) -> OverrideResolver:
        """Leads every name the answers speak of to this server."""
        hosts = {url.split("/", 3)[2].partition(":")[0] for url in self.answers}
        places: dict[str, tuple[str, int]] = dict.fromkeys(hosts, (self.address, self.port))
        places.update((host, self._refusing.getsockname()) for host in self._dead)
        return OverrideResolver(places)

    # -- serving -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._refusing.bind(("127.0.0.1", 0))  # bound, but never listening
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._refusing.close()

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, self.address, self.port, ssl=self._context, backlog=511)

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close_port(self) -> None:
        """Goes away: nothing listens, and every connection is closed."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()

    def open_port(self) -> None:
        """Comes back, at the same port."""
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                answer = await self._answer(await reader.readuntil(b"\r\n\r\n"), writer)
                if not answer.startswith(b"HTTP/"):
                    return  # or the client would wait for the rest of what is no answer
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass  # the client is done, or the server
        finally:
            writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bytes:
        host = request.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0].decode()
        scheme = "http" if self._context is None else "https"
        asked = Asked(f"{scheme}://{host}{request.split(b' ', 2)[1].decode()}", request, self._clock())
        given = self.answers.get(asked.url)
        answer = given(request) if callable(given) else self._choose(asked.url)
        self.requests.append(asked)
        for name in (host, ""):
            self._active[name] += 1
            self.peaks[name] = max(self.peaks[name], self._active[name])
        try:
            if asked.url in self._gates:
                await self._gates[asked.url].event.wait()
            if self.pause:
                await asyncio.sleep(self.pause)
        finally:
            for name in (host, ""):
                self._active[name] -= 1
        asked.answered = self._clock()
        writer.write(answer)
        await writer.drain()
        return answer

    def _choose(self, url: str) -> bytes:
        answer = self.answers.get(url, MISSING)
        assert not callable(answer)
        if isinstance(answer, bytes):
            return answer
        return answer[min(len(self.asked(url)), len(answer) - 1)]
