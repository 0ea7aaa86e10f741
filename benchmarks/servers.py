"""Two servers that nginx cannot stand in for: pages with endless new links, and a response without measure.

    python -m benchmarks.servers tree --fan-out 1000
    python -m benchmarks.servers large --size 2147483648

Each prints its port and serves on loopback until it is terminated.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from benchmarks.measure import cores, pinned

MIB = 1 << 20
Answer = Callable[[str], Iterable[bytes]]
"""From a request's path to the pieces of the whole response, head included."""


def tree(fan_out: int) -> Answer:
    """Page n links to `fan_out` pages that no other page links to: each page fetched queues that many more."""

    def answer(path: str) -> Iterator[bytes]:
        if path == "/robots.txt":
            yield _head(404, "text/plain", 0)
            return
        number = int(path.rpartition("-")[2].removesuffix(".html")) if "-" in path else 0
        first = number * fan_out + 1
        links = (f'<li><a href="{tree_path(n)}">Item {n}</a>\n' for n in range(first, first + fan_out))
        body = f"<!DOCTYPE html><title>Item {number}</title><ul>\n{''.join(links)}</ul>\n".encode()
        yield _head(200, "text/html", len(body)) + body

    return answer


def tree_path(number: int) -> str:
    """An address of the length that real ones have."""
    return f"/collections/shelf-and-box/{number % 997:03}/description-of-item-{number:012}.html"


def large(size: int) -> Answer:
    """index.html links to one response of `size` bytes that do not compress."""
    piece = random.Random(1).randbytes(MIB)

    def answer(path: str) -> Iterator[bytes]:
        if path == "/index.html":
            body = b'<!DOCTYPE html><title>One download</title><a href="/large.bin">large</a>\n'
            yield _head(200, "text/html", len(body)) + body
        elif path == "/large.bin":
            yield _head(200, "application/octet-stream", size)
            yield from (piece for _ in range(size // MIB))
            yield piece[: size % MIB]
        else:
            yield _head(404, "text/plain", 0)

    return answer


def _head(status: int, media_type: str, length: int) -> bytes:
    return f"HTTP/1.1 {status} Because\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n".encode()


async def serve(answer: Answer) -> None:
    """Answers GET requests, one after the other on each connection, until cancelled."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                for piece in answer(request.split(b" ", 2)[1].decode("ascii")):
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the client has had enough

    server = await asyncio.start_server(converse, "127.0.0.1", 0, backlog=511)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """One of these servers as a process on the other core; gives the address of its index.html."""
    command = [*pinned(cores()[1]), sys.executable, "-m", "benchmarks.servers", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/index.html"
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description="A server for a benchmark.")
    parser.add_argument("site", choices=("tree", "large"))
    parser.add_argument("--fan-out", type=int, default=1000)
    parser.add_argument("--size", type=int, default=2 << 30)
    given = parser.parse_args()
    asyncio.run(serve(tree(given.fan_out) if given.site == "tree" else large(given.size)))


if __name__ == "__main__":
    main()
