"""Running what blocks in a worker thread; where Python ends and its pools take no more work, in place."""

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
        if not pools_are_gone(error):
            raise
        return function(*arguments)  # the last batch is written here
    return await work


def pools_are_gone(error: RuntimeError) -> bool:
    """Whether Python ends: its pools are closed before the program's threads are joined. There is no class of its own
    for what they raise then. A pool that is only refused a further thread has queued the call: that is not gone, and
    the call must not be made twice (CPython issue 113964)."""
    ending = getattr(concurrent.futures.thread, "_shutdown", False) or not threading.main_thread().is_alive()
    return "shutdown" in str(error) and "new thread" not in str(error) and bool(ending)
