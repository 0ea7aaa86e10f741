"""Running what blocks in a worker thread; where Python ends and its pools take no more work, in place."""

from __future__ import annotations

import asyncio
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
        # Python ends: its pools are closed before the program's threads are joined. The last batch is written here.
        if "interpreter shutdown" not in str(error):  # there is no class of its own for it
            raise
        return function(*arguments)
    return await work
