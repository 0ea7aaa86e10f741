"""A deterministic web site on a loopback port: every path has one exact answer, byte for byte, known beforehand."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self


def response(body: bytes, content_type: str = "text/html; charset=utf-8", status: str = "200 OK") -> bytes:
    """A whole answer without anything that changes from request to request."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def page(number: int, links: list[str], filler: int, rng: random.Random) -> bytes:
    anchors = "".join(f'<a href="{link}">{link}</a>\n' for link in links)
    noise = "".join(rng.choices("abcdefghij klmnop", k=filler))
    return f"<!doctype html><title>Page {number}</title><img src=/img/{number % 7}.png>\n{anchors}<p>{noise}".encode()


def wide_site(count: int, seed: int, *, links: int = 8, filler: int = 2000, copies: int = 0) -> dict[str, bytes]:
    """`count` pages, all reachable from `/`, and seven images; the answers by path. `copies` pages show an image of
    their own name whose bytes are those of the others."""
    rng = random.Random(seed)
    answers: dict[str, bytes] = {}
    for number in range(count):
        # A binary tree reaches every page; the rest is random.
        children = [child for child in (2 * number + 1, 2 * number + 2) if child < count]
        others = [rng.randrange(count) for _ in range(links - len(children))]
        targets = [f"/p/{n}" if n else "/" for n in children + others]
        shown = f"<img src=/copy/{number}.png>".encode() if number < copies else b""
        answers[f"/p/{number}" if number else "/"] = response(page(number, targets, filler, rng) + shown)
    copied = rng.randbytes(1100)
    answers |= {f"/copy/{number}.png": response(copied, "image/png") for number in range(min(copies, count))}
    for number in range(7):
        answers[f"/img/{number}.png"] = response(rng.randbytes(900 + number), "image/png")
    return answers


def small_site(seed: int = 1) -> dict[str, bytes]:
    """A dozen small pages, seven images and four copies of another: enough for several batches and, at `SMALL_SEGMENT`,
    several segments."""
    return wide_site(12, seed, links=5, filler=300, copies=4)


SMALL_SEGMENT = 9000
"""A --segment-size that makes the small site fill several."""


class Site:
    """Serves the answers from a thread of its own, so that a test may block. 404 for all else, robots.txt included."""

    NOT_FOUND = response(b"nothing here", "text/plain", "404 Not Found")

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.answers = dict(answers)
        self.requests: Counter[str] = Counter()
        self.silent: set[str] = set()
        """Paths that get no answer, ever."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="site", daemon=True)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str) -> bytes:
        return self.answers.get(path, self.NOT_FOUND)

    def respond(self, path: str, head: bytes) -> bytes:
        """What goes out to a request with this head."""
        return self.answer(path)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        self._never = asyncio.Event()  # kept, or a task that waits for it would be collected
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.requests[path] += 1
                if path in self.silent:
                    await self._never.wait()
                answer = self.respond(path, head)
                writer.write(answer)
                await writer.drain()
                if not answer.startswith(b"HTTP/"):
                    return  # or the client would wait for the rest of what is no answer
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
