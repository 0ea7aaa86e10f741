"""The program's log, DIR/logs/crawl.log: what an operator wants to know afterwards. URLs have a log of their own."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from crawler.errors import CrawlError
from crawler.report.text import printable

FILE_NAME = "logs/crawl.log"


@contextlib.contextmanager
def to_file(directory: str | Path, *, verbose: bool) -> Iterator[Path]:
    """Sends the process's log records to the crawl's log file, which is made if need be; gives its path.

    DEBUG and up with `verbose`, else INFO and up. For a program that owns its process: whoever hosts the library
    configures logging himself. Raises CrawlError if the file cannot be opened."""
    path = Path(directory) / FILE_NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CrawlError(f"{path}: cannot be written: {error.strerror}") from None
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        yield path
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


class _LogFile(logging.FileHandler):
    """A log that may fail in silence: on a full disk, losing a line of it must not disturb the crawl that waits."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


class _OneLine(logging.Formatter):
    """UTC, and nothing a server sent can begin a line of its own or steer a terminal. Tracebacks keep their lines."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{super().formatTime(record, datefmt)}.{int(record.msecs):03}Z"

    def formatException(self, ei: object) -> str:
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(printable(line) for line in text.splitlines())
