"""Waiting for work that no cancellation may interrupt.

`asyncio.shield(task)` protects the task, not the wait: at the second cancel the waiter is gone and nobody holds the
task. Here the wait itself goes on through any number of cancels, and tells of them when the work is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class GraceExceeded(TimeoutError):
    """The shielded work did not end within its grace."""


async def outlast(task: asyncio.Future[Any], on_cancel: Callable[[], object] | None = None) -> int:
    """Waits until `task` is done, whatever its end, through any number of cancels of the caller; returns how many.

    Each cancel calls `on_cancel`. The task's exception is not raised, and not marked as seen."""
    cancels = 0
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancels += 1
            if on_cancel is not None:
                on_cancel()
    return cancels


async def obtained(
    opening: asyncio.Future[T],
    close: Callable[[T], Awaitable[object]],
    on_cancel: Callable[[], object] | None = None,
) -> T:
    """What `opening` opens. If the caller is cancelled meanwhile, that is closed again first, and nobody holds it.

    Raises the opening's own exception; CancelledError when all is closed. `on_cancel` as in `outlast`."""
    if await outlast(opening, on_cancel):
        if not opening.cancelled() and opening.exception() is None:
            await close(opening.result())
        raise asyncio.CancelledError
    return opening.result()


async def finish(
    work: asyncio.Task[T] | Coroutine[Any, Any, T], *, grace: float | None = None, name: str = "work"
) -> T:
    """Runs `work` as a task of its own to its end, through any number of cancels of the caller.

    Raises the work's own exception; GraceExceeded when it takes longer than `grace` seconds (the work is then
    cancelled); otherwise, if the caller was cancelled meanwhile, CancelledError, after the work is done.
    """
    task = work if isinstance(work, asyncio.Task) else asyncio.get_running_loop().create_task(work, name=name)
    loop = asyncio.get_running_loop()
    deadline = None if grace is None else loop.time() + grace
    cancelled = False
    while not task.done():
        left = None if deadline is None else deadline - loop.time()
        if left is not None and left <= 0:
            task.cancel()
            raise GraceExceeded(f"{name} did not end within {grace:g} s")
        try:
            await asyncio.wait([task], timeout=left)
        except asyncio.CancelledError:
            cancelled = True
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result
