"""How many pages a host may give, exactly, while several are under way."""

from __future__ import annotations

import asyncio

import pytest

from crawler.hostbudget import HostBudget

A, B = "http://a.test/1", "https://b.test:8443/2"


async def test_pages_are_counted_by_host() -> None:
    budget = HostBudget(2, {"b.test": 1}, {"a.test": 1})
    assert await budget.reserve(A)
    assert not budget.spent(A)
    budget.settle(A, counted=True)
    assert budget.spent("https://a.test/other")
    assert not await budget.reserve(A)
    assert await budget.reserve(B)
    budget.settle(B, counted=True)
    assert not await budget.reserve(B)


async def test_what_became_no_page_may_be_had_again() -> None:
    budget = HostBudget(1, {}, {})
    for _ in range(3):
        assert await budget.reserve(A)
        budget.settle(A, counted=False)
    assert not budget.spent(A)


@pytest.mark.parametrize("counted", [True, False])
async def test_whoever_comes_while_it_is_uncertain_waits(counted: bool) -> None:
    budget = HostBudget(1, {}, {})
    assert await budget.reserve(A)
    waiting = [asyncio.create_task(budget.reserve(A)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    budget.settle(A, counted=counted)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if counted:
        assert [task.result() for task in waiting] == [False, False]
        return
    assert waiting[0].result()
    assert not waiting[1].done()
    budget.settle(A, counted=True)
    assert await waiting[1] is False


async def test_who_gives_up_waiting_takes_nothing() -> None:
    budget = HostBudget(1, {}, {})
    assert await budget.reserve(A)
    waiting = asyncio.create_task(budget.reserve(A))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    budget.settle(A, counted=False)
    assert await budget.reserve(A)


async def test_without_a_budget_nothing_is_spent() -> None:
    budget = HostBudget(None, {"b.test": 1}, {"a.test": 1000})
    assert await budget.reserve(A)
    assert not budget.spent(A)
