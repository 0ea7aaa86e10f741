"""Slots: never more than the limit, in turn, whoever is cancelled and however the limit moves."""

from __future__ import annotations

import asyncio
import random

import pytest

from crawler.concurrency.slots import Slots
from tests.support.fakeclock import turns


async def waiting(slots: Slots, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(slots.acquire()) for _ in range(count)]
    await turns(2)
    return tasks


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_none(limit: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Slots(limit)
    slots = Slots(1)
    with pytest.raises(ValueError, match="at least one slot"):
        slots.limit = limit
    assert slots.limit == 1


async def test_they_are_given_in_turn() -> None:
    slots = Slots(2)
    tasks = await waiting(slots, 5)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    slots.release()
    await turns(2)
    assert [task.done() for task in tasks] == [True, True, True, False, False]
    slots.limit = 4
    await turns(2)
    assert all(task.done() for task in tasks)
    assert slots.taken == 4


async def test_a_lower_limit_holds_when_enough_came_back() -> None:
    slots = Slots(3)
    await waiting(slots, 3)
    slots.limit = 1
    (task,) = await waiting(slots, 1)
    slots.release()
    slots.release()
    await turns(2)
    assert not task.done()
    slots.release()
    await turns(2)
    assert task.done()
    assert slots.taken == 1


async def test_nobody_passes_those_who_wait() -> None:
    slots = Slots(1)
    await slots.acquire()
    (first,) = await waiting(slots, 1)
    slots.release()
    second = asyncio.create_task(slots.acquire())
    await turns(2)
    assert (first.done(), second.done()) == (True, False)
    second.cancel()
    await asyncio.wait([second])


@pytest.mark.parametrize("given", [False, True])
async def test_a_cancelled_wait_takes_and_loses_nothing(given: bool) -> None:
    """Also when the slot was given in the very step of the cancel."""
    slots = Slots(1)
    await slots.acquire()
    (task,) = await waiting(slots, 1)
    if given:
        slots.release()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert slots.taken == (0 if given else 1)
    if not given:
        slots.release()
    async with asyncio.timeout(1):
        await slots.acquire()


async def test_at_random(rng: random.Random) -> None:
    slots = Slots(3)
    held, most = 0, 0

    async def one() -> None:
        nonlocal held, most
        await slots.acquire()
        held += 1
        most = max(most, held)
        try:
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
        finally:
            held -= 1
            slots.release()

    tasks = [asyncio.create_task(one()) for _ in range(300)]
    while any(not task.done() for task in tasks):
        if rng.random() < 0.3:
            rng.choice(tasks).cancel()
        if rng.random() < 0.2:
            slots.limit = rng.randrange(1, 6)
        await asyncio.sleep(0)
    assert (held, slots.taken) == (0, 0)
    assert most <= 5
