"""The one thread that uses the store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from crawler.concurrency.shielded import outlast
from crawler.concurrency.threads import in_thread, started_in_thread
from crawler.errors import LedgerError

T = TypeVar("T")


class StoreThread:
    """Runs functions one after the other; a cancel of the caller does not interrupt them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="frontier")

    async def read(self, function: Callable[..., T], *args: object) -> T:
        """Runs what only asks. Raises LedgerError naming the file."""
        try:
            return await self.run(function, *args)
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}") from error

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Raises what the function raises."""
        return await in_thread(self._executor, function, *args)

    async def close(self, last: Callable[[], object]) -> None:
        """Runs `last` behind all that was asked for, and nothing after it, through any number of cancels of the caller,
        who then gets his CancelledError. Raises LedgerError naming the file."""
        closing = started_in_thread(self._executor, last)
        self._executor.shutdown(wait=False)
        cancels = await outlast(closing)
        try:
            closing.result()
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path}: {error}") from error
        if cancels:
            raise asyncio.CancelledError
