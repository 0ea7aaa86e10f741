"""Running what blocks in a worker thread, also when the interpreter is shutting down.

While Python ends, its thread pools take no more work before the threads of the program are joined. A crawl that runs in
such a thread still has its last batch to write: then what blocks runs where it is called, which by then disturbs
nobody.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


async def in_thread(executor: Executor | None, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Calls `function` in `executor`, the loop's own when None. A cancel abandons the thread but does not stop it.

    Raises what the function raises, and RuntimeError where the executor takes no more or has no thread for it."""
    return await started_in_thread(executor, function, *arguments)


def started_in_thread(
    executor: Executor | None, function: Callable[[*Arguments], T], *arguments: *Arguments
) -> asyncio.Future[T]:
    """The same call, begun, for whoever must know its end: this future is no task, so that nobody cancels it who does
    not hold it, not even who cancels every task there is. Raises RuntimeError as `in_thread` does."""
    loop = asyncio.get_running_loop()
    try:
        return loop.run_in_executor(executor, function, *arguments)
    except RuntimeError as error:
        if not is_shutdown(error) or _no_thread(error):
            raise
    made: asyncio.Future[T] = loop.create_future()
    try:
        made.set_result(function(*arguments))
    except Exception as error:
        made.set_exception(error)
    return made


def ready_pool() -> ThreadPoolExecutor:
    """A pool of the usual size whose threads run already, for a loop that may outlive the main thread.

    A pool starts a thread after it has queued the call that needs it, and Python 3.12.0 and 3.12.1 start none once they
    end (CPython issue 113964): then the call is refused, and made all the same by the next thread that is free."""
    size = min(32, (os.cpu_count() or 1) + 4)
    pool = ThreadPoolExecutor(size, thread_name_prefix="crawl")
    met = threading.Barrier(size + 1)
    for _ in range(size):
        pool.submit(met.wait)
    met.wait()
    return pool


def is_shutdown(error: RuntimeError) -> bool:
    """Python ends, and so takes no more work or starts no more threads: there is no class of its own for what it raises
    then."""
    text = str(error)
    ending = getattr(concurrent.futures.thread, "_shutdown", False) or not threading.main_thread().is_alive()
    return "interpreter shutdown" in text or ("shutdown" in text and bool(ending))


def _no_thread(error: RuntimeError) -> bool:
    """The pool has queued the call before it was refused a thread: to make it in place, too, could make it twice."""
    return "new thread" in str(error)
