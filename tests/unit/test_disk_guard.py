"""When there is room: what a refused write, a shortage and a stop make of the wait, on a clock that a test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.disk import FIRST_LOOK, LONGEST_LOOK, DiskGuard
from crawler.errors import OutOfDisk

DIRECTORY = Path("crawl")


class SleepingClock:
    """Time passes by sleeping only."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def guard(clock: SleepingClock, free: list[int], minimum: int = 100, wait: float | None = None) -> DiskGuard:
    """`free` gives what is free at each look, the last for ever."""
    return DiskGuard(DIRECTORY, minimum, wait, clock, free=lambda _: free.pop(0) if len(free) > 1 else free[0])


async def test_room_is_waited_for_with_longer_and_longer_looks() -> None:
    clock = SleepingClock()
    waiting = guard(clock, [50] * 9 + [100])
    await waiting.room()
    assert clock.slept[0] == FIRST_LOOK
    assert clock.slept == sorted(clock.slept)
    assert max(clock.slept) == LONGEST_LOOK
    assert len(clock.slept) == 9
    assert waiting.pause is None


async def test_the_wait_ends_after_its_time() -> None:
    clock = SleepingClock()
    with pytest.raises(OutOfDisk, match="50 B free, 100 B wanted; waited 20 s"):
        await guard(clock, [50], wait=20.0).room()
    assert clock.now == 1020


async def test_tries_in_vain_do_not_begin_the_wait_anew() -> None:
    """A disk that refuses writes while it says there is room: a quota, blocks kept for root."""
    clock = SleepingClock()
    refusing = guard(clock, [1 << 40], wait=30.0)

    async def try_for_ever() -> None:
        while True:
            refusing.refused()
            await refusing.room()

    with pytest.raises(OutOfDisk, match="refused a write"):
        await try_for_ever()
    assert clock.now == 1030
    assert refusing.pause is not None


async def test_a_write_that_succeeds_ends_the_shortage() -> None:
    clock = SleepingClock()
    changes: list[str | None] = []
    refusing = guard(clock, [1 << 40], wait=30.0)
    refusing.on_change = lambda: changes.append(refusing.pause)
    refusing.refused()
    await refusing.room()
    before = refusing.pause
    refusing.accepted()
    assert (before is None, refusing.pause) == (False, None), "paused until a write has found room"
    clock.now += 100
    refusing.refused()
    await refusing.room()
    assert [change is None for change in changes] == [False, True, False]


async def test_a_stop_lets_a_flush_through_but_nothing_new() -> None:
    stopping = guard(SleepingClock(), [50])
    stopping.give_up()
    await stopping.room(flush=True)
    with pytest.raises(OutOfDisk, match="stopped while waiting"):
        await stopping.room()
    stopping.refused()
    with pytest.raises(OutOfDisk, match="stopped while waiting"):
        await stopping.room(flush=True)
