"""When an origin that does not answer is parked, probed and given up: pure arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crawler.liveness import ALIVE, DEAD_SECONDS, FIRST_INTERVAL, MAX_INTERVAL, PARK_AFTER, UNKNOWN, Liveness
from crawler.model import FailureKind

DNS = FailureKind.DNS


def silenced(life: Liveness, times: int, now: float = 100.0, probes: int = 6) -> Liveness:
    """After so many silences, each as early as the origin may be asked."""
    for _ in range(times):
        now = max(now, life.until)
        life = life.silent(now, probes, "nobody there", DNS)
    return life


def test_a_few_silences_change_nothing_yet() -> None:
    life = silenced(UNKNOWN, PARK_AFTER - 1)
    assert not life.parked
    assert life.until == 0.0


@pytest.mark.parametrize("life", [UNKNOWN, ALIVE])
def test_then_it_is_parked(life: Liveness) -> None:
    parked = silenced(life, PARK_AFTER)
    assert parked.parked
    assert not parked.is_dead(100.0)
    assert parked.until == 100.0 + FIRST_INTERVAL


def test_what_was_under_way_when_it_was_parked_is_no_probe() -> None:
    parked = silenced(ALIVE, PARK_AFTER)
    assert parked.silent(parked.until - 0.001, 6, "late", DNS) == parked


def test_the_intervals_double_up_to_an_hour() -> None:
    life, now, intervals = silenced(ALIVE, PARK_AFTER), 100.0, []
    for _ in range(14):
        intervals.append(life.until - now)
        now = life.until
        life = life.silent(now, 1000, "nobody there", DNS)
    assert intervals[:5] == [10.0, 20.0, 40.0, 80.0, 160.0]
    assert max(intervals) == intervals[-1] == MAX_INTERVAL


@pytest.mark.parametrize("probes", [0, 1, 6])
def test_after_the_last_probe_it_is_dead(probes: int) -> None:
    life = silenced(ALIVE, PARK_AFTER + probes, probes=probes)
    assert (life.dead, life.failure) == ("nobody there", DNS)
    assert life.is_dead(life.until - 1.0)
    before = silenced(ALIVE, PARK_AFTER + probes - 1, probes=probes)
    assert before.dead is None


@pytest.mark.parametrize(("probes", "made"), [(0, 0), (1, 1), (6, 1)])
def test_who_never_answered_is_probed_once(probes: int, made: int) -> None:
    assert silenced(UNKNOWN, PARK_AFTER + made, probes=probes).dead is not None
    assert silenced(UNKNOWN, PARK_AFTER + made - 1, probes=probes).dead is None


def test_a_verdict_stands_for_a_day_and_one_more_attempt_renews_it() -> None:
    dead = silenced(UNKNOWN, PARK_AFTER + 1)
    assert dead.is_dead(dead.until - 1.0)
    assert not dead.is_dead(dead.until)
    again = dead.silent(dead.until, 6, "still nobody", DNS)
    assert again.until == dead.until + DEAD_SECONDS
    assert again.dead == "still nobody"


@given(st.integers(0, 40), st.integers(0, 20), st.booleans())
def test_one_answer_ends_all_of_it_at_once(silences: int, probes: int, answered: bool) -> None:
    life = silenced(replace(UNKNOWN, answered=answered), silences, probes=probes)
    assert life.heard() == ALIVE
    assert not ALIVE.parked
    assert life.answered is answered
