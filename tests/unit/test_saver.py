"""Saving in order with double buffering: one save at a time, the next batch collected meanwhile; an error is final."""

from __future__ import annotations

import asyncio

import pytest

from crawler.concurrency.saver import OrderedSaver
from tests.support.fakeclock import FakeClock, turns


class Disk:
    """Saves when it is told to; notes what is saved, and how many saves run at once."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.saved: list[str] = []
        self.at_once = self.most_at_once = 0
        self.release = asyncio.Semaphore(0)
        self.errors: dict[str, Exception] = {}

    async def save(self, batch: str) -> None:
        self.begun.append(batch)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.release.acquire()
            if batch in self.errors:
                raise self.errors[batch]
            self.saved.append(batch)
        finally:
            self.at_once -= 1


@pytest.fixture
def disk() -> Disk:
    return Disk()


async def test_saving_overlaps_collecting_and_never_another_save(disk: Disk) -> None:
    saver = OrderedSaver(disk.save)
    await saver.save("1")
    assert saver.in_flight
    await turns()
    assert disk.begun == ["1"], "the collector goes on while the first is being saved"
    second = asyncio.ensure_future(saver.save("2"))
    await turns()
    assert not second.done(), "but has to wait with the second"
    assert disk.begun == ["1"]
    disk.release.release()
    await second
    await turns()
    assert (disk.saved, disk.begun, saver.saved) == (["1"], ["1", "2"], 1)
    disk.release.release()
    await saver.drain()
    assert (disk.saved, saver.saved, saver.in_flight) == (["1", "2"], 2, False)
    assert disk.most_at_once == 1


async def test_order_and_one_at_a_time_over_many(disk: Disk) -> None:
    saver = OrderedSaver(disk.save)

    async def collect() -> None:
        for number in range(50):
            await saver.save(str(number))
        await saver.drain()

    collecting = asyncio.ensure_future(collect())
    while not collecting.done():
        disk.release.release()
        await turns(3)
    await collecting
    assert disk.saved == [str(number) for number in range(50)]
    assert disk.most_at_once == 1


async def test_drain_without_anything_returns_at_once(disk: Disk) -> None:
    saver = OrderedSaver(disk.save)
    await saver.drain()
    await saver.outlast()
    assert saver.saved == 0


async def test_the_first_failure_is_final(disk: Disk) -> None:
    heard: list[BaseException] = []
    saver = OrderedSaver(disk.save, on_failure=heard.append)
    error = disk.errors["1"] = OSError("disk")
    await saver.save("1")
    disk.release.release()
    await turns()
    assert heard == [error], "told when it happens, though nobody asks"
    for _ in range(2):
        with pytest.raises(OSError, match="disk"):
            await saver.save("2")
        with pytest.raises(OSError, match="disk"):
            await saver.drain()
    assert disk.begun == ["1"]
    assert saver.saved == 0
    await saver.outlast()
    assert heard == [error]


@pytest.mark.parametrize("cancels", [1, 2, 5])
@pytest.mark.parametrize("waits_for", ["save", "drain"])
async def test_cancels_of_the_collector_leave_no_save_half_done(disk: Disk, cancels: int, waits_for: str) -> None:
    saver = OrderedSaver(disk.save)
    await saver.save("1")
    waiting = asyncio.ensure_future(saver.save("2") if waits_for == "save" else saver.drain())
    await turns()
    for _ in range(cancels):
        waiting.cancel()
        await turns()
        assert not waiting.done()
    disk.release.release()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert disk.saved == ["1"]
    await turns()
    assert disk.begun == ["1"], "the save that was cancelled never began"
    await saver.save("3")
    disk.release.release()
    await saver.drain()
    assert disk.saved == ["1", "3"]


async def test_outlast_waits_through_cancels_and_keeps_the_error(disk: Disk) -> None:
    saver = OrderedSaver(disk.save)
    disk.errors["1"] = OSError("disk")
    await saver.save("1")
    waiting = asyncio.ensure_future(saver.outlast())
    await turns()
    waiting.cancel()
    await turns()
    assert not waiting.done()
    disk.release.release()
    await waiting
    with pytest.raises(OSError, match="disk"):
        await saver.save("2")


async def test_a_save_that_is_cancelled_itself_is_a_failure(disk: Disk) -> None:
    heard: list[BaseException] = []
    saver = OrderedSaver(disk.save, name="flush", on_failure=heard.append)
    await saver.save("1")
    await turns()
    [flight] = [task for task in asyncio.all_tasks() if task.get_name() == "flush 1"]
    flight.cancel()
    await turns()
    assert [type(error) for error in heard] == [asyncio.CancelledError]
    await saver.outlast()
    for wait in (saver.drain, saver.drain, lambda: saver.save("2")):
        with pytest.raises(asyncio.CancelledError):
            await wait()
    assert (disk.begun, saver.saved) == (["1"], 0)


@pytest.mark.parametrize(("fetch", "save", "expected"), [(1.0, 1.0, 11.0), (1.0, 3.0, 31.0), (3.0, 1.0, 31.0)])
async def test_ten_batches_take_the_time_of_the_slower_side(fetch: float, save: float, expected: float) -> None:
    """Double buffering by a clock: while batch n is saved, batch n+1 is fetched; one after the other would take 20, 40
    and 40 seconds."""
    clock = FakeClock()
    began, saved = clock.time(), list[int]()

    async def slow_save(batch: int) -> None:
        await clock.sleep(save)
        saved.append(batch)

    async def fetch_and_save() -> float:
        saver: OrderedSaver[int] = OrderedSaver(slow_save)
        for batch in range(10):
            await clock.sleep(fetch)
            await saver.save(batch)
        await saver.drain()
        return clock.time() - began

    task = asyncio.ensure_future(fetch_and_save())
    await turns()
    while not task.done():
        await clock.advance(0.5)
    assert await task == expected
    assert saved == list(range(10))
