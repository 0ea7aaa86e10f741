"""The reader's process as its parent sees it: started late, asked, and killed when it hangs or is not needed any more.

One process, one question at a time. It is started afresh by exec, never forked from this one, whose threads would not
come with it. It is always waited for: none stays behind as a zombie. Where this process is killed, the reader's socket
closes and it ends by itself; the limits of crawler/pdf/worker.py end it even while it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

URI, OUTLINE, GOTO = CONTEXTS = ("pdf/uri", "pdf/outline", "pdf/goto")
"""Where a reference stands: an annotation's address, a bookmark's, or another document that either opens."""
PATIENCE = 20.0
"""Seconds that one document may take."""
MAX_ANSWER = 8 << 20
"""Bytes."""
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from crawler.pdf.worker import main; main()"


@dataclass(slots=True)
class Answer:
    """What the reader told of a document, all of it or until it failed."""

    references: list[tuple[str, str]] = field(default_factory=list)
    """Context and address as it is written."""
    base: str | None = None
    title: str | None = None
    trouble: str | None = None
    """Why there may be more, if there may."""


class _Ended(Exception):
    """The reader ended in the middle of its answer."""


class PdfProcess:
    """The reader; it costs nothing before the first question."""

    def __init__(self, *, patience: float = PATIENCE, command: Sequence[str] | None = None) -> None:
        """`command` is the program to start, by default this Python with the modules it would find."""
        self.patience = patience
        """Seconds that one document may take."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Of the running reader, if one is."""
        return None if self._process is None else self._process.pid

    async def read(self, file: int) -> Answer:
        """Asks about the PDF in an open file. Never raises for what the document does; only one call at a time."""
        answer = Answer()
        try:
            async with asyncio.timeout(self.patience):
                ends = await self._ask(file, answer)
        except TimeoutError:
            answer.trouble = f"reading the PDF took more than {self.patience:g} s"
            await self.end()
        except (_Ended, OSError, ValueError) as error:
            answer.trouble = f"the PDF was not read to its end: {_manner(await self.end()) or error}"
        except BaseException:  # cancelled: it would go on answering what nobody asks any more
            await self.end()
            raise
        else:
            if ends:
                await self.end()
        return answer

    async def end(self) -> int | None:
        """Kills the reader, if there is one, and waits for it; gives its exit code, negative for a signal."""
        process, self._process = self._process, None
        connection, self._socket = self._socket, None
        if process is not None:
            process.kill()  # first, so that it dies of nothing else
        if connection is not None:
            connection.close()
        if process is None:
            return None
        # In a thread, since the kernel may have much memory to take back; that thread ends whether awaited or not.
        return await asyncio.to_thread(process.wait)

    async def _ask(self, file: int, answer: Answer) -> bool:
        """Fills in the answer; True if the reader wants to end with it. Raises _Ended, OSError, ValueError."""
        if self._process is not None and self._process.poll() is not None:
            await self.end()  # somebody else ended it
        connection = self._socket or self._start()
        socket.send_fds(connection, [b"?"], [file])
        loop, rest, size = asyncio.get_running_loop(), b"", 0
        while True:
            data = await loop.sock_recv(connection, 65_536)
            size += len(data)
            if not data:
                raise _Ended("it ended")
            if size > MAX_ANSWER:
                raise _Ended(f"what it refers to is longer than {MAX_ANSWER >> 20} MiB")
            *lines, rest = (rest + data).split(b"\n")
            for said in _parsed(lines):
                if isinstance(said, list):
                    answer.references.append((said[0], said[1]))
                else:
                    answer.base, answer.title, answer.trouble = said["base"], said["title"], said["trouble"]
                    return bool(said["ends"])

    def _start(self) -> socket.socket:
        own, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                self._command or [sys.executable, "-c", _BOOT, json.dumps(sys.path)],
                stdin=other.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for the crawl, which then decides
            )
        own.setblocking(False)
        self._socket = own
        return own


def _parsed(lines: list[bytes]) -> Iterator[Any]:
    return (json.loads(line) for line in lines)


def _manner(code: int | None) -> str | None:
    """How a process ended by itself; None where it did not."""
    if code is None or code == -signal.SIGKILL:
        return None
    if code == -signal.SIGXCPU:
        return "it took too much processor time"
    with contextlib.suppress(ValueError):
        return f"its reader was ended by {signal.Signals(-code).name}"
    return f"its reader ended with code {code}"
