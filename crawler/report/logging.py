"""The program's log, DIR/logs/crawl.log: what an operator wants to know afterwards. URLs have a log of their own."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from crawler.errors import CrawlError
from crawler.report.text import printable

FILE_NAME = "logs/crawl.log"


def configure(directory: str | Path, verbose: bool = False) -> logging.Handler:
    """Sends the process's log records to the crawl's log file, which is made if need be.

    DEBUG and up with `verbose`, else INFO and up. Whoever asks a second time for the same directory gets the same
    handler; each must `release` it. Raises CrawlError if the file cannot be opened."""
    path = Path(directory) / FILE_NAME
    root = logging.getLogger()
    for present in root.handlers:
        if isinstance(present, _LogFile) and present.baseFilename == os.path.abspath(path):
            present.users += 1
            return present
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CrawlError(f"{path}: cannot be written: {error.strerror}") from None
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    handler.level_before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    return handler


def release(handler: logging.Handler) -> None:
    """Gives the log back; closed when nobody uses it any more."""
    if isinstance(handler, _LogFile):
        handler.users -= 1
        if handler.users:
            return
        logging.getLogger().setLevel(handler.level_before)
    logging.getLogger().removeHandler(handler)
    handler.close()


@contextlib.contextmanager
def to_file(directory: str | Path, *, verbose: bool) -> Iterator[Path]:
    """`configure` and `release` around a block; gives the log's path."""
    handler = configure(directory, verbose)
    try:
        yield Path(directory) / FILE_NAME
    finally:
        release(handler)


class _LogFile(logging.FileHandler):
    """A log that may fail in silence: on a full disk, losing a line of it must not disturb the crawl that waits."""

    users = 1
    level_before = logging.WARNING

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):  # lines that found no room are still waiting in its buffer
            super().close()


class _OneLine(logging.Formatter):
    """UTC, and nothing a server sent can begin a line of its own or steer a terminal. Tracebacks keep their lines."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        cached, record.exc_text = record.exc_text, None  # another handler's idea of a traceback is not ours
        try:
            return super().format(record)
        finally:
            record.exc_text = cached

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{super().formatTime(record, datefmt)}.{int(record.msecs):03}Z"

    def formatException(self, ei: object) -> str:
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(printable(line) for line in text.splitlines())
