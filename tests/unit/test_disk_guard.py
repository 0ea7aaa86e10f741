"""When there is room: what a refused write, a shortage and a stop make of the wait, on a clock that a test moves."""

from __future__ import annotations

import asyncio
import errno
import shutil
from pathlib import Path

import pytest

from crawler.disk import FIRST_LOOK, LONGEST_LOOK, LOOK_EVERY, WRITE_RESERVE, DiskGuard, free_bytes, is_full
from crawler.errors import OutOfDisk
from tests.support.fakeclock import FakeClock, turns

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


async def test_while_there_is_room_nothing_waits_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    clock = SleepingClock()
    easy = guard(clock, [100])
    await easy.room()
    await easy.room(flush=True)
    assert (clock.slept, easy.pause, easy.short(), caplog.text) == ([], None, False, "")


async def test_a_shortage_is_said_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    changes: list[str | None] = []
    waiting = guard(SleepingClock(), [50, 60, 70, 100])
    waiting.on_change = lambda: changes.append(waiting.pause)
    with caplog.at_level("WARNING"):
        await waiting.room()
    assert changes == ["crawl: only 50 B free, 100 B wanted", None]
    assert [record.message for record in caplog.records] == [
        "crawl: only 50 B free, 100 B wanted; paused until there is room", "crawl: room again, going on",
    ]  # fmt: skip


async def test_no_wait_at_all() -> None:
    clock = SleepingClock()
    with pytest.raises(OutOfDisk, match="waited 0 s for room"):
        await guard(clock, [50], wait=0.0).room()
    assert clock.slept == []


async def test_a_stop_ends_a_wait_at_once() -> None:
    clock = FakeClock()
    waiting = DiskGuard(DIRECTORY, 100, None, clock, free=lambda _: 50)
    task = asyncio.ensure_future(waiting.room())
    await turns()
    assert not task.done()
    waiting.give_up()
    with pytest.raises(OutOfDisk, match="stopped while waiting"):
        await task
    assert clock.next_wake is None, "its sleep is cancelled"


async def test_a_cancelled_wait_leaves_no_sleeper() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(DiskGuard(DIRECTORY, 100, None, clock, free=lambda _: 50).room())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert clock.next_wake is None


async def test_after_a_refused_write_a_little_must_be_free_whatever_the_minimum() -> None:
    clock = SleepingClock()
    refusing = guard(clock, [WRITE_RESERVE - 1, 5], minimum=0)
    refusing.refused()
    assert refusing.short()
    await refusing.room()
    assert clock.slept == [FIRST_LOOK], "one look later the figures allow another try"


async def test_the_real_disk_says_how_much_is_free(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) <= shutil.disk_usage(tmp_path).total


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EDQUOT, "quota"), True),
        (OSError(errno.EIO, "broken"), False),
        (ValueError(), False),
        (None, False),
    ],
)
def test_which_errors_may_pass(error: BaseException | None, full: bool) -> None:
    assert is_full(error) is full


async def test_room_just_seen_is_believed_for_a_moment_but_not_by_a_flush() -> None:
    clock = SleepingClock()
    looked: list[float] = []

    def look(_: Path) -> int:
        looked.append(clock.now)
        return 100

    seen = DiskGuard(DIRECTORY, 100, None, clock, free=look)
    for _ in range(3):
        await seen.room()
    assert looked == [1000.0]
    await seen.room(flush=True)
    assert len(looked) == 2
    clock.now += LOOK_EVERY
    await seen.room()
    assert len(looked) == 3
    clock.now -= 500  # a clock set back believes nothing that it has not seen
    await seen.room()
    assert len(looked) == 4
    seen.refused()
    assert seen.short()
    await seen.room()
    assert clock.slept == [FIRST_LOOK]
