"""The token bucket on reading, by a clock of its own: exact over any stretch of time, whoever reads how much."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from crawler.wire.throttle import BURST, MOST_SHARE, Bucket, Throttle


class Loop:
    """A loop's time and timers, moved by hand."""

    def __init__(self) -> None:
        self.now = 50.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self._count += 1
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.now + delay, self._count, timer))
        return timer

    def advance(self, seconds: float) -> None:
        goal = self.now + seconds
        while self._timers and self._timers[0][0] <= goal:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.callback()
        self.now = goal


@dataclass
class Timer:
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class Peer:
    """A connection whose other end sends all it may."""

    loop: Loop
    throttle: Throttle
    chunk: int
    held: bool = False
    got: list[tuple[float, int]] = field(default_factory=list)

    def hold(self) -> None:
        assert not self.held
        self.held = True

    def let_go(self) -> None:
        assert self.held
        self.held = False

    def read(self, size: int | None = None) -> None:
        if not self.held:
            size = self.chunk if size is None else size
            self.got.append((self.loop.now, size))
            self.throttle.received(self, size)


def running(loop: Loop, peers: list[Peer], seconds: float, step: float = 0.005) -> None:
    for _ in range(round(seconds / step)):
        for peer in peers:
            peer.read()
        loop.advance(step)


def most_in(got: list[tuple[float, int]], window: float) -> int:
    """The most bytes in any stretch of that length."""
    got = sorted(got)
    most = total = first = 0
    for moment, size in got:
        total += size
        while got[first][0] <= moment - window:
            total -= got[first][1]
            first += 1
        most = max(most, total)
    return most


class TestBucket:
    def test_it_fills_up_to_its_brim(self) -> None:
        bucket = Bucket(1000, 0.0)
        assert bucket.level(0.0) == bucket.level(1e6) == 1000 * BURST
        bucket.take(600, 1e6)
        assert bucket.level(1e6) == -500
        assert bucket.wait(1e6) == 0.5
        assert bucket.level(1e6 + 0.25) == -250
        assert bucket.wait(1e6 + 0.6) == 0.0

    def test_a_clock_that_goes_back_gives_nothing(self) -> None:
        bucket = Bucket(1000, 10.0)
        bucket.take(100, 10.0)
        assert bucket.level(5.0) == 0.0
        assert bucket.level(5.05) == pytest.approx(50.0)


@pytest.mark.parametrize("connections", [1, 3, 64])
@pytest.mark.parametrize("rate", [2_000, 100_000, 10_000_000])
@pytest.mark.parametrize("chunk", [700, 16_384, 262_144])
def test_the_rate_holds_over_time_and_is_made_use_of(connections: int, rate: int, chunk: int) -> None:
    loop = Loop()
    throttle = Throttle(rate, loop.time, loop.call_later)
    peers = [Peer(loop, throttle, chunk) for _ in range(connections)]
    for peer in peers:
        throttle.begins(peer)
    seconds = max(20.0, 3 * connections * chunk / rate)
    running(loop, peers, seconds, step=seconds / 4000)
    got = [each for peer in peers for each in peer.got]
    # Those that were reading when the bucket ran dry may have had one chunk each.
    slack = rate * BURST + connections * chunk
    for window in (seconds / 20, seconds / 4, seconds):
        assert most_in(got, window) <= rate * window + slack
    ample = min(rate, connections * chunk / (seconds / 4000))  # more than they can send is not received
    assert sum(size for _, size in got) >= 0.85 * ample * seconds - slack


def test_connections_take_turns() -> None:
    loop = Loop()
    throttle = Throttle(100_000, loop.time, loop.call_later)
    peers = [Peer(loop, throttle, 8192) for _ in range(10)]
    running(loop, peers, 30.0)
    shares = [sum(size for _, size in peer.got) for peer in peers]
    assert max(shares) - min(shares) <= 3 * 8192


def test_who_has_nothing_to_read_holds_up_nobody_for_long() -> None:
    loop = Loop()
    throttle = Throttle(100_000, loop.time, loop.call_later)
    busy, idle = Peer(loop, throttle, 8192), [Peer(loop, throttle, 8192) for _ in range(20)]
    busy.read(200_000)
    for peer in idle:
        throttle.begins(peer)
    running(loop, [busy], 30.0)
    assert not any(peer.held for peer in idle)
    assert sum(size for _, size in busy.got) > 0.85 * 100_000 * 30
    before = sum(size for _, size in busy.got)
    for peer in idle:
        throttle.ends(peer)  # what they were charged for comes back, up to the brim
    running(loop, [busy], 10.0)
    assert sum(size for _, size in busy.got) - before <= 100_000 * 10 + 20 * MOST_SHARE + 100_000 * BURST


def test_a_response_that_begins_while_the_bucket_is_overdrawn_is_held_and_at_its_end_let_go() -> None:
    loop = Loop()
    throttle = Throttle(1000, loop.time, loop.call_later)
    first, second = Peer(loop, throttle, 500), Peer(loop, throttle, 500)
    throttle.begins(first)
    assert not first.held
    first.read(5000)
    throttle.ends(first)
    assert not first.held
    throttle.begins(second)
    assert second.held
    loop.advance(4.8)
    assert second.held
    loop.advance(0.2)
    assert not second.held


def test_any_mixture_of_connections(rng: random.Random) -> None:
    loop, rate = Loop(), 50_000
    throttle = Throttle(rate, loop.time, loop.call_later)
    peers: list[Peer] = []
    everything: list[tuple[float, int]] = []
    for _ in range(3000):
        if len(peers) < 20 and rng.random() < 0.2:
            peers.append(Peer(loop, throttle, 0))
            throttle.begins(peers[-1])
        for peer in list(peers):
            if rng.random() < 0.3:
                peer.read(rng.randrange(1, 20_000))
            if rng.random() < 0.02:
                throttle.ends(peer)
                assert not peer.held
                peers.remove(peer)
                everything += peer.got
        loop.advance(rng.random() * 0.05)
    everything += [each for peer in peers for each in peer.got]
    for window in (1.0, 10.0, 60.0):
        assert most_in(everything, window) <= rate * window + rate * BURST + 20 * 20_000
    assert sum(size for _, size in everything) >= 0.7 * rate * (loop.now - 50.0)
