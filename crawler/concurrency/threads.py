"""Running what blocks in a worker thread, also when the interpreter is shutting down.

While Python ends, its thread pools take no more work before the threads of the program are joined. A crawl that runs in
such a thread still has its last batch to write: then what blocks runs where it is called, which by then disturbs
nobody.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


async def in_thread(executor: Executor | None, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Calls `function` in `executor`, the loop's own when None. A cancel abandons the thread but does not stop it."""
    try:
        work = asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
    except RuntimeError as error:
        if not is_shutdown(error):
            raise
        return function(*arguments)
    return await work


def is_shutdown(error: RuntimeError) -> bool:
    """A pool is closed because Python ends: there is no class of its own for what concurrent.futures says then."""
    ending = getattr(concurrent.futures.thread, "_shutdown", False) or not threading.main_thread().is_alive()
    return "shutdown" in str(error) and bool(ending)
