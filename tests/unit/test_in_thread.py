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
async def test_what_a_pool_has_queued_before_it_was_refused_a_thread_is_not_done_twice(
    in_thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.12.0 and 3.12.1 do it once the main thread has ended."""
    pool, done = ThreadPoolExecutor(2), threading.Semaphore(0)
    gate = threading.Event()
    pool.submit(gate.wait)
    ended = threading.Thread()
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await in_thread(pool, done.release)
    finally:
        gate.set()
        pool.shutdown()
    assert done.acquire(blocking=False)
    assert not done.acquire(blocking=False)


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


async def test_a_ready_pool_starts_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = crawler.concurrency.threads.ready_pool()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        found = await asyncio.gather(*(crawler.concurrency.threads.in_thread(pool, pow, 2, n) for n in range(200)))
    assert found == [2**n for n in range(200)]
    pool.shutdown()


@BOTH
async def test_a_pool_that_somebody_closed_is_an_error(in_thread: Any) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        await in_thread(pool, threading.get_ident)
