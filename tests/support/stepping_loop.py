"""An event loop that counts its steps and does something at one of them: a cancel wherever a task can wait."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

HANGS = 20.0
"""Seconds after which a run is said to hang."""


class SteppingLoop(asyncio.SelectorEventLoop):
    """Calls `actions[n]()` between its n-th step and the next."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.actions: dict[int, Callable[[], object]] = {}

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        self.steps += 1
        action = self.actions.pop(self.steps, None)
        if action is not None:
            action()


@dataclass
class Stepped:
    """How a run ended."""

    result: Any = None
    error: BaseException | None = None
    steps: int = 0
    complaints: list[str] = field(default_factory=list)
    """What the loop was told that nobody heard: exceptions never retrieved, tasks destroyed while pending."""


def run_stepping(
    main: Callable[[], Coroutine[Any, Any, Any]], actions: Mapping[int, Callable[[asyncio.Task[Any]], object]]
) -> Stepped:
    """Runs `main` as a task; at step n calls `actions[n]` with that task. Raises TimeoutError when it hangs."""
    ended = Stepped()

    async def bounded() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteppingLoop)
        loop.set_exception_handler(lambda _, context: ended.complaints.append(str(context)))
        task = loop.create_task(main(), name="main")
        base = loop.steps
        for step, action in actions.items():
            loop.actions[base + step] = partial(action, task)
        deadline = loop.time() + HANGS
        while not task.done():
            try:
                await asyncio.wait([task], timeout=1)
            except asyncio.CancelledError:  # an action that cancels everything means the others
                asyncio.current_task().uncancel()  # type: ignore[union-attr]
            if loop.time() > deadline:
                raise TimeoutError(f"hangs: {[each.get_name() for each in asyncio.all_tasks()]}")
        ended.steps = loop.steps - base
        loop.actions.clear()
        ended.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        ended.result = None if ended.error is not None else task.result()

    with asyncio.Runner(loop_factory=SteppingLoop) as runner:
        runner.run(bounded())
    gc.collect()
    return ended
