"""The task queue: its limit, its callbacks, its ends; and that one task's fate is not another's."""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
from collections.abc import Awaitable, Callable

import pytest

from crawler.concurrency.taskqueue import Ending, QueueClosed, Result, TaskQueue
from tests.support.fakeclock import turns


async def value(of: str) -> str:
    return of


async def wait_for(event: asyncio.Event, result: str = "done") -> str:
    await event.wait()
    return result


async def fail(error: BaseException, after: Awaitable[object] | None = None) -> str:
    if after is not None:
        await after
    raise error


async def test_a_limit_below_one_is_none() -> None:
    with pytest.raises(ValueError, match="at least one slot, not 0"):
        TaskQueue[str](0)


class TestSlots:
    async def test_no_more_tasks_than_slots(self) -> None:
        queue: TaskQueue[str] = TaskQueue(3)
        gates = [asyncio.Event() for _ in range(7)]
        running = most = 0

        async def work(gate: asyncio.Event) -> str:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1
            return ""

        async def submit_all() -> None:
            for gate in gates:
                await queue.submit(work(gate))

        submitting = asyncio.ensure_future(submit_all())
        await turns()
        assert (queue.running, queue.submitted, submitting.done()) == (3, 3, False)
        for gate in gates:
            gate.set()
            await turns()
        await submitting
        await queue.join()
        assert (most, queue.running, queue.returned) == (3, 0, 7)

    async def test_a_slot_given_back_lets_the_next_in(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        await queue.slot()
        second = asyncio.ensure_future(queue.slot())
        await turns()
        assert not second.done()
        queue.give_back()
        await second

    async def test_a_cancelled_submit_takes_no_slot_and_closes_its_work(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        gate = asyncio.Event()
        await queue.submit(wait_for(gate))
        work = value("never")
        waiting = asyncio.ensure_future(queue.submit(work))
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert inspect.getcoroutinestate(work) == "CORO_CLOSED", "no warning that it was never awaited"
        gate.set()
        task = await queue.submit(value("next"))
        assert await task == "next"

    async def test_repr(self) -> None:
        queue: TaskQueue[str] = TaskQueue(2)
        gate = asyncio.Event()
        await queue.submit(wait_for(gate))
        assert repr(queue) == "<TaskQueue running=1/2 submitted=1 raised=0>"
        gate.set()
        await queue.join()


class TestCallbacks:
    async def test_each_is_called_once_with_its_parameters_and_the_result(self) -> None:
        queue: TaskQueue[str] = TaskQueue(5)
        heard: list[tuple[Result[str], tuple[object, ...], dict[str, object]]] = []

        def callback(result: Result[str], *args: object, **kwargs: object) -> None:
            heard.append((result, args, kwargs))

        error = ValueError("bad")
        await queue.submit(value("a"), callback, 1, 2, name="first", key="x")
        await queue.submit(fail(error), callback, name="second")
        cancelled = await queue.submit(wait_for(asyncio.Event()), callback, "c", name="third")
        cancelled.cancel()
        await queue.join()
        assert heard == [
            (Result("first", Ending.RETURNED, value="a"), (1, 2), {"key": "x"}),
            (Result("second", Ending.RAISED, error=error), (), {}),
            (Result("third", Ending.CANCELLED), ("c",), {}),
        ]
        assert (queue.returned, queue.raised, queue.cancelled, queue.callback_errors) == (1, 1, 1, 0)

    async def test_join_ends_after_the_last_callback(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        heard: list[str | None] = []
        await queue.submit(value("a"), lambda result: heard.append(result.value))
        await queue.join()
        assert heard == ["a"]

    async def test_a_task_cancelled_before_its_first_step_is_told_too(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        heard: list[Ending] = []
        task = await queue.submit(value("a"), lambda result: heard.append(result.ending))
        task.cancel()
        await queue.join()
        assert heard == [Ending.CANCELLED]

    @pytest.mark.parametrize("error", [ValueError("callback"), asyncio.CancelledError()])
    async def test_one_that_raises_harms_nobody(self, error: BaseException) -> None:
        reported: list[tuple[str, BaseException]] = []
        queue: TaskQueue[str] = TaskQueue(1, on_error=lambda name, error: reported.append((name, error)))

        def broken(_: Result[str]) -> None:
            raise error

        heard: list[str | None] = []
        await queue.submit(value("a"), broken, name="a task")
        await queue.submit(value("b"), lambda result: heard.append(result.value))
        await queue.join()
        assert reported == [("callback of a task", error)]
        assert (heard, queue.callback_errors, queue.returned) == (["b"], 1, 2)

    async def test_without_anybody_to_tell_it_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        with caplog.at_level(logging.ERROR):
            await queue.submit(value("a"), lambda _: 1 / 0, name="a task")
            await queue.join()
        assert "callback of a task raised" in caplog.text
        assert "ZeroDivisionError" in caplog.text

    async def test_even_an_on_error_that_raises_keeps_no_slot_and_no_join(self) -> None:
        unseen: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context["exception"]))

        def hopeless(name: str, error: BaseException) -> None:
            raise RuntimeError(name)

        queue: TaskQueue[str] = TaskQueue(1, on_error=hopeless)
        await queue.submit(value("a"), lambda _: 1 / 0, name="x")
        await queue.join()
        assert await (await queue.submit(value("b"))) == "b"
        assert [str(error) for error in unseen] == ["callback of x"]

    async def test_one_may_start_another_task(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        heard: list[str | None] = []
        started: list[asyncio.Future[asyncio.Task[str]]] = []

        def another(result: Result[str]) -> None:
            heard.append(result.value)
            if len(heard) < 3:
                started.append(asyncio.ensure_future(queue.submit(value(f"{result.value}+"), another)))

        await queue.submit(value("a"), another)
        await turns(40)
        await queue.join()
        assert heard == ["a", "a+", "a++"]


class TestFates:
    async def test_a_failure_or_cancel_of_one_leaves_the_others_alone(self) -> None:
        queue: TaskQueue[str] = TaskQueue(3)
        gate = asyncio.Event()
        survivor = await queue.submit(wait_for(gate))
        await queue.submit(fail(ValueError()))
        (await queue.submit(wait_for(asyncio.Event()))).cancel()
        await turns()
        assert queue.running == 1
        gate.set()
        assert await survivor == "done"

    async def test_the_error_is_kept_and_not_logged_as_never_seen(self, caplog: pytest.LogCaptureFixture) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        await queue.submit(fail(ValueError("kept")))
        await queue.join()
        await turns()
        assert "never retrieved" not in caplog.text
        assert queue.raised == 1


class TestFirstFailure:
    async def test_it_is_told_while_others_run(self) -> None:
        queue: TaskQueue[str] = TaskQueue(3)
        gate, late = asyncio.Event(), asyncio.Event()
        await queue.submit(wait_for(gate))
        await queue.submit(fail(ValueError("first"), late.wait()), name="bad")
        asking = asyncio.ensure_future(queue.first_failure())
        await turns()
        assert not asking.done()
        late.set()
        result = await asking
        assert result is not None
        assert (result.name, str(result.error)) == ("bad", "first")
        assert queue.running == 1
        gate.set()
        await queue.join()

    async def test_one_that_came_before_the_question_is_told(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        await queue.submit(fail(ValueError("early")))
        await queue.submit(value("a"))
        await queue.join()
        for _ in range(2):
            result = await queue.first_failure()
            assert result is not None
            assert str(result.error) == "early"

    async def test_none_when_all_end_well_or_nothing_ran(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        assert await queue.first_failure() is None
        await queue.submit(value("a"))
        (await queue.submit(wait_for(asyncio.Event()))).cancel()
        assert await queue.first_failure() is None

    async def test_several_may_ask(self) -> None:
        queue: TaskQueue[str] = TaskQueue(2)
        gate = asyncio.Event()
        await queue.submit(fail(ValueError(), gate.wait()))
        asking = [asyncio.ensure_future(queue.first_failure()) for _ in range(3)]
        await turns()
        asking[0].cancel()
        gate.set()
        results = await asyncio.gather(*asking[1:])
        assert all(result is not None and result.ending is Ending.RAISED for result in results)


class TestEnd:
    async def test_drain_waits_and_takes_nothing_more(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        gate = asyncio.Event()
        await queue.submit(wait_for(gate))
        waiting = asyncio.ensure_future(queue.submit(value("too late")))
        await turns()
        draining = asyncio.ensure_future(queue.drain())
        await turns()
        assert not draining.done()
        gate.set()
        assert await draining is True
        with pytest.raises(QueueClosed):
            await waiting
        with pytest.raises(QueueClosed):
            await queue.submit(value("later still"))
        await queue.slot()
        with pytest.raises(QueueClosed):
            queue.start(value("in a slot"))
        await queue.slot()

    async def test_a_closed_queue_refuses_at_once_though_all_slots_are_taken(self) -> None:
        queue: TaskQueue[str] = TaskQueue(1)
        gate = asyncio.Event()
        await queue.submit(wait_for(gate))
        draining = asyncio.ensure_future(queue.drain())
        await turns()
        with pytest.raises(QueueClosed):
            await asyncio.wait_for(queue.submit(value("x")), 1)
        gate.set()
        await draining

    async def test_after_its_grace_drain_cancels(self) -> None:
        queue: TaskQueue[str] = TaskQueue(2)
        heard: list[Ending] = []
        for _ in range(2):
            await queue.submit(wait_for(asyncio.Event()), lambda result: heard.append(result.ending))
        assert await queue.drain(0.001) is False
        assert heard == [Ending.CANCELLED] * 2
        assert queue.running == 0

    async def test_abort_cancels_and_waits_for_the_ends(self) -> None:
        queue: TaskQueue[str] = TaskQueue(2)
        cleaned = asyncio.Event()
        gate = asyncio.Event()

        async def thorough() -> str:
            try:
                await asyncio.Event().wait()
            finally:
                await gate.wait()
                cleaned.set()
            return ""

        await queue.submit(thorough())
        await turns()
        aborting = asyncio.ensure_future(queue.abort())
        await turns()
        assert not aborting.done()
        gate.set()
        await aborting
        assert cleaned.is_set()
        assert queue.cancelled == 1

    async def test_abort_of_nothing(self) -> None:
        await TaskQueue[str](1).abort()


async def test_any_mix_of_ends_is_counted_and_loses_no_slot(rng: random.Random, rounds: Callable[[int], int]) -> None:
    for _ in range(rounds(20)):
        queue: TaskQueue[str] = TaskQueue(rng.randrange(1, 5), on_error=lambda name, error: None)
        heard: list[Ending] = []

        async def work() -> str:
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            if rng.random() < 0.3:
                raise ValueError
            return ""

        def callback(result: Result[str], broken: bool, heard: list[Ending]) -> None:
            heard.append(result.ending)
            if broken:
                raise KeyError

        for _ in range(40):
            task = await queue.submit(work(), callback, rng.random() < 0.2, heard)
            if rng.random() < 0.3:
                await turns(rng.randrange(3))
                task.cancel()
        assert await queue.drain() is True
        assert len(heard) == 40
        assert queue.returned + queue.raised + queue.cancelled == 40
        for _ in range(queue.limit):
            await asyncio.wait_for(queue.slot(), 1)


class TestShielded:
    async def test_an_abort_waits_for_it_and_cancels_the_others(self) -> None:
        queue: TaskQueue[str] = TaskQueue(2)
        gate, endings = asyncio.Event(), list[Result[str]]()

        async def work() -> str:
            await gate.wait()
            return "done"

        await queue.submit(work(), endings.append, shielded=True)
        await queue.submit(work(), endings.append)
        aborting = asyncio.ensure_future(queue.abort())
        await turns()
        assert [result.ending for result in endings] == [Ending.CANCELLED]
        assert not aborting.done()
        gate.set()
        await aborting
        assert [(result.ending, result.value) for result in endings[1:]] == [(Ending.RETURNED, "done")]

    async def test_a_drain_whose_grace_is_over_waits_for_it_too(self) -> None:
        queue: TaskQueue[None] = TaskQueue(1)
        ended: list[Ending] = []

        async def work() -> None:
            await asyncio.sleep(0.02)

        await queue.submit(work(), lambda result: ended.append(result.ending), shielded=True)
        assert not await queue.drain(0.001)
        assert ended == [Ending.RETURNED]


class TestMovedLimit:
    async def test_more_start_at_once_and_fewer_once_enough_have_ended(self) -> None:
        queue: TaskQueue[None] = TaskQueue(1)
        gate = asyncio.Event()

        async def work() -> None:
            await gate.wait()

        submits = [asyncio.ensure_future(queue.submit(work())) for _ in range(6)]
        await turns()
        assert (queue.running, queue.limit) == (1, 1)
        queue.limit = 4
        await turns()
        assert queue.running == 4
        queue.limit = 2
        assert queue.running == 4
        gate.set()
        await asyncio.gather(*submits)
        await queue.join()
        assert queue.returned == 6
