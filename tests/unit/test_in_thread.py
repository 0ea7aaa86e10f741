"""Blocking work in a thread; in place once Python has closed its pools, and only then."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import crawler.concurrency.threads
import storage.threads

BOTH = pytest.mark.parametrize("in_thread", [crawler.concurrency.threads.in_thread, storage.threads.in_thread])


@BOTH
async def test_it_runs_elsewhere_and_raises_what_it_raises(in_thread: Any) -> None:
    assert await in_thread(None, threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_thread(None, lambda: 1 // 0)


@BOTH
async def test_while_python_ends_it_runs_in_place(in_thread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.sleep(0)
    monkeypatch.setattr(concurrent.futures.thread, "_shutdown", True)
    assert await in_thread(None, threading.get_ident) == threading.get_ident()
    assert await in_thread(None, pow, 2, 10) == 1024


@BOTH
async def test_a_pool_that_somebody_closed_is_an_error(in_thread: Any) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        await in_thread(pool, threading.get_ident)
