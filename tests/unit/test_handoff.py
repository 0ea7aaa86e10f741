"""The hand-off: its bounds, its order, its ends; and that no wake-up is lost, whoever is cancelled when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from crawler.concurrency.handoff import Handoff, HandoffClosed
from tests.support.fakeclock import turns


class Died(Exception):
    pass


def handoff(items: int = 3, weight: int = 100) -> Handoff[int]:
    """Of numbers that weigh what they are."""
    return Handoff(items, weight, lambda number: number)


def put(of: Handoff[int], number: int) -> asyncio.Task[None]:
    return asyncio.ensure_future(of.put(number))


async def take(of: Handoff[int], items: int = 100, weight: int = 10_000, linger: float = 0.0) -> list[int]:
    return await of.take(items, weight, linger)


class TestBounds:
    async def test_items(self) -> None:
        of = handoff(items=2)
        assert of.offer(1)
        assert of.offer(2)
        assert not of.offer(3)
        assert (len(of), of.weight) == (2, 3)

    async def test_weight(self) -> None:
        of = handoff(weight=10)
        assert of.offer(6)
        assert not of.offer(5)
        assert of.offer(4)
        assert of.weight == 10
        assert await take(of) == [6, 4]
        assert of.weight == 0

    async def test_one_item_alone_may_be_heavier(self) -> None:
        of = handoff(weight=10)
        assert of.offer(50)
        assert not of.offer(0) or of.weight == 50
        waiting = put(of, 50)
        await turns()
        assert not waiting.done()
        assert 50 in await take(of)
        await waiting
        assert of.weight == 50

    async def test_a_put_waits_for_room(self) -> None:
        of = handoff(items=1)
        await of.put(1)
        second = put(of, 2)
        await turns()
        assert not second.done()
        assert await take(of) == [1]
        await second
        assert await take(of) == [2]

    async def test_repr_tells_how_it_stands(self) -> None:
        of = handoff(items=1)
        await of.put(7)
        waiting = put(of, 8)
        await turns()
        assert repr(of) == "<Handoff open items=1 weight=7 waiting=1>"
        of.close()
        assert repr(of).startswith("<Handoff closed")
        of.fail(Died())
        assert repr(of).startswith("<Handoff failed")
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), HandoffClosed | Died)


class TestOrder:
    async def test_first_come_first_served(self) -> None:
        of = handoff(items=2)
        puts = [put(of, number) for number in range(20)]
        taken: list[int] = []
        while len(taken) < 20:
            await turns()
            taken += await take(of)
        assert taken == list(range(20))
        await asyncio.gather(*puts)

    async def test_a_heavy_item_is_not_passed_by_light_ones(self) -> None:
        of = handoff(items=10, weight=10)
        await of.put(6)
        heavy = put(of, 9)
        await turns()
        assert not of.offer(1), "somebody stands in line"
        light = put(of, 1)
        await turns()
        assert await take(of) == [6]
        await heavy
        await light
        assert await take(of) == [9, 1]

    async def test_a_batch_is_bounded_in_items_and_weight(self) -> None:
        of = handoff(items=10, weight=100)
        for number in (5, 5, 5, 30, 5):
            await of.put(number)
        assert await take(of, items=2) == [5, 5]
        assert await take(of, weight=20) == [5]
        assert await take(of, weight=20) == [30], "alone, since it is heavier than a batch"
        assert await take(of, weight=20) == [5]


class TestLingering:
    async def test_it_waits_for_the_batch_to_fill(self) -> None:
        of = handoff(items=10)
        taking = asyncio.ensure_future(take(of, items=3, linger=60))
        for number in (1, 2):
            await of.put(number)
            await turns()
            assert not taking.done()
        await of.put(3)
        assert await taking == [1, 2, 3]

    @pytest.mark.parametrize("reason", ["weight", "full", "line", "hurry", "close", "fail"])
    async def test_it_stops_waiting_when_there_is_no_reason_to(self, reason: str) -> None:
        of = handoff(items=3, weight=50)
        taking = asyncio.ensure_future(take(of, items=8, weight=20, linger=60))
        await of.put(1)
        await turns()
        assert not taking.done()
        line: asyncio.Task[None] | None = None
        match reason:
            case "weight":
                await of.put(19)
            case "full":
                await of.put(2)
                await of.put(3)
            case "line":
                line = put(of, 60)
            case "hurry":
                of.hurry()
            case "close":
                of.close()
            case "fail":
                of.fail(Died())
        await turns()
        assert taking.done()
        assert (await taking)[0] == 1
        if line is not None:
            await line

    async def test_it_ends_by_the_time(self) -> None:
        of = handoff()
        await of.put(1)
        assert await take(of, items=3, linger=0.001) == [1]

    async def test_hurry_holds_until_somebody_puts_more(self) -> None:
        of = handoff(items=10)
        for number in (1, 2, 3, 4):
            await of.put(number)
        of.hurry()
        assert await take(of, items=3, linger=60) == [1, 2, 3]
        assert await take(of, items=3, linger=60) == [4]
        await of.put(5)
        taking = asyncio.ensure_future(take(of, items=3, linger=60))
        await turns()
        assert not taking.done()
        of.hurry()
        assert await taking == [5]

    async def test_a_hurry_without_items_wakes_nobody(self) -> None:
        of = handoff()
        taking = asyncio.ensure_future(take(of))
        await turns()
        of.hurry()
        await turns()
        assert not taking.done()
        await of.put(1)
        assert await taking == [1]


class TestTheEnd:
    async def test_closed_it_gives_what_is_left_and_then_nothing(self) -> None:
        of = handoff()
        await of.put(1)
        of.close()
        assert await take(of, linger=60) == [1]
        assert await take(of) == []
        assert await take(of) == []

    async def test_closing_wakes_the_consumer_and_refuses_producers(self) -> None:
        of = handoff(items=1)
        taking = asyncio.ensure_future(take(of))
        await turns()
        of.close()
        assert await taking == []
        with pytest.raises(HandoffClosed):
            of.offer(1)
        with pytest.raises(HandoffClosed):
            await of.put(1)

    async def test_closing_refuses_those_in_line_and_keeps_what_was_admitted(self) -> None:
        of = handoff(items=1)
        await of.put(1)
        waiting = [put(of, number) for number in (2, 3)]
        await turns()
        of.close()
        for each in waiting:
            with pytest.raises(HandoffClosed):
                await each
        assert await take(of) == [1]

    async def test_a_dead_consumer_is_noticed_by_all_at_once(self) -> None:
        of = handoff(items=1)
        await of.put(1)
        waiting = [put(of, number) for number in range(2, 7)]
        await turns()
        of.fail(Died("disk"))
        await turns(3)
        assert [type(each.exception()) for each in waiting] == [Died] * 5
        with pytest.raises(Died, match="disk"):
            of.offer(9)
        with pytest.raises(Died, match="disk"):
            await of.put(9)
        assert of.leftover() == [1]
        assert (len(of), of.weight, of.leftover()) == (0, 0, [])

    async def test_the_first_error_is_the_one_that_counts_even_after_closing(self) -> None:
        of = handoff()
        of.close()
        of.fail(Died("first"))
        of.fail(Died("second"))
        with pytest.raises(Died, match="first"):
            await of.put(1)
        with pytest.raises(Died, match="first"):
            await take(of)

    async def test_a_waiting_take_fails_too(self) -> None:
        of = handoff()
        taking = asyncio.ensure_future(take(of))
        await turns()
        of.fail(Died())
        with pytest.raises(Died):
            await taking

    async def test_failing_while_a_put_is_cancelled_leaves_no_unseen_exception(self) -> None:
        loop = asyncio.get_running_loop()
        unseen: list[object] = []
        loop.set_exception_handler(lambda _, context: unseen.append(context))
        of = handoff(items=1)
        await of.put(1)
        waiting = put(of, 2)
        await turns()
        of.fail(Died())
        waiting.cancel()
        with suppress(asyncio.CancelledError, Died):
            await waiting
        del waiting
        await turns()
        assert unseen == []


class TestCancels:
    async def test_a_cancelled_put_left_nothing_behind(self) -> None:
        of = handoff(items=1)
        await of.put(1)
        second, third = put(of, 2), put(of, 3)
        await turns()
        second.cancel()
        await turns()
        assert second.cancelled()
        assert await take(of) == [1]
        await third
        assert await take(of) == [3]

    async def test_cancelled_in_the_instant_it_was_let_in_the_next_takes_its_room(self) -> None:
        of = handoff(items=1)
        await of.put(1)
        second, third = put(of, 2), put(of, 3)
        await turns()
        assert await take(of) == [1]
        second.cancel()  # woken, but not yet running
        await turns()
        assert second.cancelled()
        assert third.done()
        assert await take(of) == [3]

    async def test_when_the_heavy_first_in_line_gives_up_the_light_second_goes_in(self) -> None:
        of = handoff(items=10, weight=10)
        await of.put(5)
        heavy, light = put(of, 9), put(of, 2)
        await turns()
        assert not light.done()
        heavy.cancel()
        await light
        assert await take(of) == [5, 2]

    async def test_a_cancelled_take_loses_nothing(self) -> None:
        of = handoff(items=10)
        for linger in (0.0, 60.0):
            taking = asyncio.ensure_future(take(of, items=5, linger=linger))
            await turns()
            if linger:
                await of.put(1)
                await turns()
            assert not taking.done()
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
        assert await take(of) == [1]


async def test_nothing_is_lost_doubled_or_stuck_in_any_interleaving(
    rng: random.Random, rounds: Callable[[int], int]
) -> None:
    """Random producers, cancels and batch sizes: what a put gave is taken once, in order; the bounds hold; all ends."""
    for _ in range(rounds(60)):
        max_items, max_weight = rng.randrange(1, 5), rng.randrange(1, 40)
        of = handoff(max_items, max_weight)
        given: list[int] = []
        taken: list[int] = []
        puts: list[asyncio.Task[None]] = []

        async def produce(number: int, of: Handoff[int], given: list[int]) -> None:
            await of.put(number)
            given.append(number)

        async def consume(of: Handoff[int], taken: list[int]) -> None:
            while batch := await of.take(rng.randrange(1, 4), rng.randrange(1, 40), rng.choice((0.0, 60.0))):
                taken.extend(batch)
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)

        consumer = asyncio.ensure_future(consume(of, taken))
        for number in range(1, 60):
            puts.append(asyncio.ensure_future(produce(number % 30 + 1, of, given)))
            for _ in range(rng.randrange(3)):
                await asyncio.sleep(0)
            assert len(of) <= max_items
            assert of.weight <= max_weight or len(of) == 1
            if rng.random() < 0.2:
                rng.choice(puts).cancel()
            if rng.random() < 0.1:
                of.hurry()
        while not all(each.done() for each in puts):
            of.hurry()
            before = len(taken)
            await turns()
            assert len(taken) > before or all(each.done() for each in puts), f"stuck: {of}"
        of.close()
        await consumer
        assert taken == given, "in the order in which the puts returned"
