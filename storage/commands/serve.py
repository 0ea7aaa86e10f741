"""`serve`: looks at an archive in a browser: lists, search, timelines, and the pages as they were."""

from __future__ import annotations

import argparse
import asyncio
import signal
import webbrowser
from pathlib import Path

from storage.commands import Command, UsageError
from storage.replay.serve import PORT, Serving, serve_until


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", metavar="PATH", type=Path, help="a crawl directory, a WARC, a WACZ, or a directory of them"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1, this machine)"
    )
    parser.add_argument(
        "--port", type=_port, metavar="N", help=f"the application's port (default: {PORT} or the next free)"
    )
    parser.add_argument("--replay-port", type=_port, metavar="N", help="the replay's port (default: the one behind it)")
    parser.add_argument("--open", action="store_true", help="open it in the default browser")


def run(given: argparse.Namespace) -> int:
    if not given.path.exists():
        raise UsageError(f"{given.path}: there is no such file or directory")
    if given.port is not None and given.port == given.replay_port != 0:
        raise UsageError("--port and --replay-port must differ: the replay has an origin of its own")

    def tell(serving: Serving) -> None:
        print(f"{given.path} is at {serving.url}  (Ctrl-C ends it)", flush=True)
        if given.open:
            webbrowser.open(serving.url)

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve_until(given.path, given.host, given.port, given.replay_port, told=tell, stop=stop)

    asyncio.run(main())
    return 0


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) < 1 << 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no port: a number below 65536")


COMMAND = Command(
    description="Shows an archive in a browser: lists, full-text search, timelines, every request and response as "
    "sent, and the pages as they looked, with their own images, styles and scripts; nothing is asked of the live web. "
    "A crawl under way can be watched.",
    examples=(
        ("serve crawls/seeds --open", "a crawl, in the default browser"),
        ("serve web.wacz --port 9000", "a package, at a port of your choice"),
        ("serve crawls/seeds --host 0.0.0.0", "for others in the network, too"),
    ),
    add_arguments=add_arguments,
    run=run,
)
