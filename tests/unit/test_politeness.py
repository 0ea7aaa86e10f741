"""How often a host is asked: pure arithmetic."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crawler.politeness import AUTO_FACTOR, FIRST_BACKOFF, MAX_AUTO_DELAY, MAX_BACKOFF, MAX_RETRY_AFTER, Pace


def pace(delay: float | None = None, per_host: int = 2) -> Pace:
    return Pace("a.test", delay, per_host)


def answered(of: Pace, seconds: float, now: float = 0.0) -> None:
    of.heard(now, round(seconds * 1000), False, None)


def pushed_back(of: Pace, now: float = 0.0, retry_after: float | None = None) -> None:
    of.heard(now, None, True, retry_after)


def test_a_new_host_may_be_asked_at_once() -> None:
    assert pace().ready_at() == 0.0
    assert pace().delay == 0.0


def test_slots() -> None:
    of = pace(0.0)
    of.started(10.0)
    assert of.ready_at() == 10.0
    of.started(10.0)
    assert of.ready_at() == math.inf
    of.ended()
    assert of.ready_at() == 10.0


def test_a_fixed_delay_counts_from_start_to_start() -> None:
    of = pace(3.0)
    of.started(10.0)
    assert of.ready_at() == 13.0
    answered(of, 30.0)
    assert of.delay == 3.0


def test_the_automatic_delay_follows_the_smoothed_answer_time() -> None:
    of = pace()
    answered(of, 0.4)
    assert of.delay == pytest.approx(AUTO_FACTOR * 0.4)
    answered(of, 0.8)
    assert of.delay == pytest.approx(AUTO_FACTOR * 0.5)
    for _ in range(100):
        answered(of, 100.0)
    assert of.delay == MAX_AUTO_DELAY


def test_crawl_delay_is_a_floor() -> None:
    of = pace(1.0)
    of.crawl_delay = 10.0
    assert of.delay == 10.0
    assert replace(of, fixed_delay=20.0).delay == 20.0


def test_backoff_doubles_with_each_pushback_up_to_its_bound_and_halves_with_each_answer() -> None:
    of = pace(0.0)
    delays = []
    for _ in range(12):
        pushed_back(of)
        delays.append(of.delay)
    assert delays[:4] == [FIRST_BACKOFF, 2.0, 4.0, 8.0]
    assert delays[-1] == MAX_BACKOFF
    halved = []
    while of.backoff:
        answered(of, 0.0)
        halved.append(of.backoff)
        assert len(halved) < 20
    assert halved[:2] == [MAX_BACKOFF / 2, MAX_BACKOFF / 4]


def test_an_answer_without_a_time_teaches_nothing() -> None:
    of = pace()
    pushed_back(of)
    before = replace(of)
    of.heard(5.0, None, False, None)
    assert of == before


def test_pushback_holds_the_host_from_now_on() -> None:
    of = pace(0.0)
    pushed_back(of, now=100.0)
    assert of.ready_at() == 100.0 + FIRST_BACKOFF


def test_retry_after_is_kept_up_to_an_hour() -> None:
    of = pace(0.0)
    pushed_back(of, now=100.0, retry_after=600.0)
    assert of.ready_at() == 700.0
    pushed_back(of, now=100.0, retry_after=1e12)
    assert of.ready_at() == 100.0 + MAX_RETRY_AFTER
    pushed_back(of, now=100.0, retry_after=1.0)
    assert of.ready_at() == 100.0 + MAX_RETRY_AFTER, "it never comes sooner"


def test_hold_bridges_the_time_until_it_is_heard() -> None:
    of = pace(0.0)
    of.hold(100.0, None)
    assert of.ready_at() == 100.0 + FIRST_BACKOFF
    assert of.backoff == 0.0
    of.hold(100.0, 60.0)
    assert of.ready_at() == 160.0
    of.hold(100.0, 1e12)
    assert of.ready_at() == 100.0 + MAX_RETRY_AFTER


def test_a_start_that_asked_nothing_costs_nothing_unless_something_came_since() -> None:
    of = pace(5.0)
    of.spared(of.started(10.0))
    assert of.next_ready == 0.0
    start = of.started(10.0)
    of.started(15.0)
    of.spared(start)
    assert of.next_ready == 20.0


def test_what_a_copy_heard_is_taken_over_without_undoing_what_happened_meanwhile() -> None:
    of = pace(2.0)
    copy = replace(of)
    pushed_back(copy, now=10.0, retry_after=5.0)
    copy.done += 1
    of.started(100.0)
    of.learn(copy)
    assert (of.backoff, of.done, of.active, of.next_ready) == (FIRST_BACKOFF, 1, 1, 102.0)
    other = pace(2.0)
    other.learn(copy)
    assert other.next_ready == 15.0


EVENT = st.tuples(
    st.sampled_from(["start", "good", "push", "hold"]),
    st.floats(0, 100),
    st.integers(0, 100_000),
    st.none() | st.floats(0, 1e6),
)


@given(st.none() | st.floats(0, 100), st.lists(EVENT, max_size=60))
def test_whatever_happens_the_delay_is_bounded_and_starts_are_apart(
    delay: float | None, events: list[tuple[str, float, int, float | None]]
) -> None:
    of, now, ready = pace(delay, 1000), 0.0, 0.0
    for what, passed, answer_ms, retry_after in events:
        now += passed
        match what:
            case "start":
                now = max(now, of.ready_at())
                of.started(now)
                assert of.ready_at() >= now + of.delay
            case "good":
                of.heard(now, answer_ms, False, None)
            case "push":
                of.heard(now, None, True, retry_after)
            case "hold":
                of.hold(now, retry_after)
        assert of.ready_at() >= ready, "never sooner than said before"
        ready = of.ready_at()
        assert 0.0 <= of.delay <= max(MAX_AUTO_DELAY, delay or 0.0) + MAX_BACKOFF
        assert of.ready_at() <= now + MAX_RETRY_AFTER
