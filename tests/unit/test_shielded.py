"""Work that no cancel interrupts, and a wait that no cancel ends early."""

from __future__ import annotations

import asyncio

import pytest

from crawler.concurrency.shielded import GraceExceeded, finish, obtained, outlast
from tests.support.fakeclock import turns


class Work:
    """Ends when it is told to, by a value or an error."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error: Exception | None = None
        self.cancels = 0

    async def run(self) -> str:
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancels += 1
            raise
        if self.error is not None:
            raise self.error
        return "done"


async def test_it_returns_what_the_work_returns() -> None:
    work = Work()
    work.go_on.set()
    assert await finish(work.run()) == "done"


async def test_it_raises_what_the_work_raises() -> None:
    work = Work()
    work.error = OSError("disk")
    work.go_on.set()
    with pytest.raises(OSError, match="disk"):
        await finish(work.run())


async def test_a_task_that_is_done_is_not_waited_for() -> None:
    work = Work()
    work.go_on.set()
    task = asyncio.ensure_future(work.run())
    await task
    caller = asyncio.ensure_future(finish(task))
    await turns(1)
    assert caller.done()
    assert await caller == "done"


@pytest.mark.parametrize("cancels", [1, 2, 10])
async def test_cancels_wait_for_the_end_of_the_work_and_are_told_then(cancels: int) -> None:
    work = Work()
    caller = asyncio.ensure_future(finish(work.run()))
    await work.started.wait()
    for _ in range(cancels):
        caller.cancel()
        await turns()
        assert not caller.done()
    work.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.cancels == 0


async def test_cancelled_before_its_first_step_the_caller_never_began_the_work() -> None:
    began = False

    async def work() -> None:
        nonlocal began
        began = True

    async def caller() -> None:
        await finish(work())

    task = asyncio.ensure_future(caller())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not began


async def test_cancelled_in_the_step_in_which_the_work_ends() -> None:
    work = Work()
    caller = asyncio.ensure_future(finish(work.run()))
    await work.started.wait()
    work.go_on.set()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.cancels == 0


async def test_an_error_of_the_work_counts_more_than_a_cancel() -> None:
    work = Work()
    work.error = OSError("disk")
    caller = asyncio.ensure_future(finish(work.run()))
    await work.started.wait()
    caller.cancel()
    await turns()
    work.go_on.set()
    with pytest.raises(OSError, match="disk"):
        await caller


async def test_work_that_is_itself_cancelled_is_told_as_a_cancel() -> None:
    work = Work()
    task = asyncio.ensure_future(work.run())
    caller = asyncio.ensure_future(finish(task))
    await work.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_beyond_its_grace_the_work_is_cancelled_and_that_is_loud() -> None:
    work = Work()
    task = asyncio.ensure_future(work.run())
    with pytest.raises(GraceExceeded, match=r"the last flush did not end within 0\.001 s"):
        await finish(task, grace=0.001, name="the last flush")
    await asyncio.wait([task])
    assert task.cancelled()
    assert work.cancels == 1


async def test_cancels_do_not_lengthen_the_grace() -> None:
    work = Work()
    caller = asyncio.ensure_future(finish(work.run(), grace=0.01))
    await work.started.wait()
    for _ in range(50):
        caller.cancel()
        await turns(1)
    with pytest.raises(GraceExceeded):
        await caller


async def test_a_timeout_around_it_takes_effect_after_the_work() -> None:
    work = Work()
    asyncio.get_running_loop().call_later(0.02, work.go_on.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await finish(work.run())
    assert work.go_on.is_set()
    assert work.cancels == 0


class TestOutlast:
    @pytest.mark.parametrize("ending", ["returns", "raises", "is cancelled"])
    async def test_whatever_its_end_it_is_waited_for_and_nothing_is_raised(self, ending: str) -> None:
        work = Work()
        work.error = OSError() if ending == "raises" else None
        task = asyncio.ensure_future(work.run())
        heard: list[int] = []
        caller = asyncio.ensure_future(outlast(task, lambda: heard.append(1)))
        await work.started.wait()
        for _ in range(3):
            caller.cancel()
            await turns()
        assert not caller.done()
        if ending == "is cancelled":
            task.cancel()
        else:
            work.go_on.set()
        assert await caller == 3
        assert heard == [1, 1, 1]
        assert task.done()
        if ending == "raises":
            assert isinstance(task.exception(), OSError)

    async def test_without_a_cancel(self) -> None:
        work = Work()
        work.go_on.set()
        assert await outlast(asyncio.ensure_future(work.run())) == 0


class TestObtained:
    def setup_method(self) -> None:
        self.work = Work()
        self.closed: list[str] = []
        self.told = 0

    async def close(self, what: str) -> None:
        self.closed.append(what)

    def tell(self) -> None:
        self.told += 1

    async def begin(self) -> asyncio.Task[str]:
        opening = asyncio.create_task(self.work.run())
        caller = asyncio.create_task(obtained(opening, self.close, self.tell))
        await self.work.started.wait()
        return caller

    async def test_what_is_opened_is_the_callers(self) -> None:
        caller = await self.begin()
        self.work.go_on.set()
        assert await caller == "done"
        assert self.closed == []

    @pytest.mark.parametrize("cancels", [1, 3])
    async def test_a_cancelled_caller_leaves_nothing_open(self, cancels: int) -> None:
        caller = await self.begin()
        for _ in range(cancels):
            caller.cancel()
            await turns()
        assert not caller.done(), "it is still being opened"
        self.work.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert (self.closed, self.told, self.work.cancels) == (["done"], cancels, 0)

    async def test_what_could_not_be_opened_is_told(self) -> None:
        caller = await self.begin()
        self.work.error = OSError("disk")
        self.work.go_on.set()
        with pytest.raises(OSError, match="disk"):
            await caller

    async def test_what_could_not_be_opened_is_not_closed_for_a_cancelled_caller(self) -> None:
        caller = await self.begin()
        self.work.error = OSError("disk")
        caller.cancel()
        await turns()
        self.work.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert self.closed == []
