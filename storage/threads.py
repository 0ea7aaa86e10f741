"""Running what blocks in a worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


async def in_thread(executor: Executor | None, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Calls `function` in `executor`, the loop's own when None. A cancel abandons the thread but does not stop it."""
    return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
