"""A bounded queue of asyncio tasks: a concurrency limit, callbacks with parameters, captured exceptions.

Terms. A *slot* is the right to run one task; it is taken before the task is created and given back by the task's
done-callback, so there are never more tasks than slots and nothing piles up in between.

Invariants.
- A *shielded* task is not cancelled by `abort` and `drain`: they wait for its end.
- One task cancelled or failing does not touch the others; its exception is kept in its `Result`.
- A callback is called exactly once for each task, after it ended; a callback that raises is reported to `on_error`
  with the task's name and counted, and harms nobody.
- A slot always comes back and a `join` always ends, whatever tasks, callbacks and `on_error` raise.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from msgspec import Struct

from crawler.concurrency.slots import Slots

T = TypeVar("T")
log = logging.getLogger(__name__)


class Ending(enum.Enum):
    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"


class Result(Struct, Generic[T], frozen=True):
    """How a task ended."""

    name: str
    ending: Ending
    value: T | None = None
    error: BaseException | None = None


class QueueClosed(Exception):
    """The queue takes no more tasks."""


class TaskQueue(Generic[T]):
    """Runs at most `limit` tasks at a time; `slot` and `submit` wait when all are taken (back-pressure)."""

    def __init__(self, limit: int, *, on_error: Callable[[str, BaseException], None] | None = None) -> None:
        self._slots = Slots(limit)
        self._tasks: set[asyncio.Task[T]] = set()
        self._shielded: set[asyncio.Task[T]] = set()
        self._on_error = on_error
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._first_failure: Result[T] | None = None
        self._failed = asyncio.Event()
        self.submitted = self.returned = self.raised = self.cancelled = self.callback_errors = 0

    def __repr__(self) -> str:
        return f"<TaskQueue running={len(self._tasks)}/{self.limit} submitted={self.submitted} raised={self.raised}>"

    @property
    def running(self) -> int:
        return len(self._tasks)

    @property
    def limit(self) -> int:
        """How many tasks may run at a time; lowered, it holds once enough of those that run have ended."""
        return self._slots.limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._slots.limit = limit

    async def slot(self) -> None:
        """Takes a slot, waiting for one; `start` uses it up, `give_back` returns it."""
        await self._slots.acquire()

    def give_back(self) -> None:
        self._slots.release()

    def start(
        self,
        work: Coroutine[Any, Any, T],
        callback: Callable[..., object] | None = None,
        *args: object,
        name: str | None = None,
        shielded: bool = False,
        **kwargs: object,
    ) -> asyncio.Task[T]:
        """Runs `work` in a slot taken before; then calls `callback(result, *args, **kwargs)`."""
        if self._closed:
            work.close()
            self._slots.release()
            raise QueueClosed
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        if shielded:
            self._shielded.add(task)
        self._idle.clear()
        self.submitted += 1
        task.add_done_callback(lambda ended: self._ended(ended, callback, args, kwargs))
        return task

    async def submit(
        self,
        work: Coroutine[Any, Any, T],
        callback: Callable[..., object] | None = None,
        *args: object,
        name: str | None = None,
        shielded: bool = False,
        **kwargs: object,
    ) -> asyncio.Task[T]:
        """Waits for a slot, then `start`s the work."""
        try:
            if self._closed:
                raise QueueClosed
            await self.slot()
        except BaseException:
            work.close()
            raise
        return self.start(work, callback, *args, name=name, shielded=shielded, **kwargs)

    def _ended(
        self,
        task: asyncio.Task[T],
        callback: Callable[..., object] | None,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> None:
        self._tasks.discard(task)
        self._shielded.discard(task)
        self._slots.release()
        result = self._result(task)
        try:
            if callback is not None:
                callback(result, *args, **kwargs)
        except (Exception, asyncio.CancelledError) as error:
            self.callback_errors += 1
            self._report(f"callback of {result.name}", error)
        finally:
            if not self._tasks:
                self._idle.set()

    def _result(self, task: asyncio.Task[T]) -> Result[T]:
        name = task.get_name()
        if task.cancelled():
            self.cancelled += 1
            return Result(name, Ending.CANCELLED)
        error = task.exception()
        if error is None:
            self.returned += 1
            return Result(name, Ending.RETURNED, value=task.result())
        self.raised += 1
        result: Result[T] = Result(name, Ending.RAISED, error=error)
        if self._first_failure is None:
            self._first_failure = result
            self._failed.set()
        return result

    def _report(self, name: str, error: BaseException) -> None:
        if self._on_error is not None:
            self._on_error(name, error)
        else:
            log.error("%s raised", name, exc_info=error)

    async def join(self) -> None:
        """Waits until no task runs."""
        await self._idle.wait()

    async def first_failure(self) -> Result[T] | None:
        """The first task that raised, since the queue was made; waits for one until none runs. None if none raised."""
        waits = [asyncio.ensure_future(self._idle.wait()), asyncio.ensure_future(self._failed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._first_failure

    async def drain(self, grace: float | None = None) -> bool:
        """Takes no more tasks and waits for those that run; after `grace` seconds aborts. True if it did not."""
        self._closed = True
        try:
            async with asyncio.timeout(grace):
                await self.join()
            return True
        except TimeoutError:
            await self.abort()
            return False

    async def abort(self) -> None:
        """Takes no more tasks, cancels those that run, but the shielded ones, and waits for their ends."""
        self._closed = True
        for task in self._tasks - self._shielded:
            task.cancel()
        await self.join()
