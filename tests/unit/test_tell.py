"""Callbacks: with their parameters, sync and async, once each; what one raises harms nobody."""

from __future__ import annotations

import asyncio
import logging

import pytest

from crawler import tell
from crawler.model import Outcome, OutcomeKind
from crawler.tell import Teller
from tests.support.fakeclock import turns

OUTCOME = Outcome(OutcomeKind.ARCHIVED, "http://a.test/", seq=1)


async def test_each_callback_hears_with_its_own_parameters_in_order() -> None:
    teller = Teller()
    heard: list[object] = []
    teller.add(lambda outcome, *args, **kwargs: heard.append((outcome, args, kwargs)), 1, 2, key="x")
    teller.add(lambda outcome: heard.append(outcome.url))
    teller.tell(OUTCOME)
    assert heard == [(OUTCOME, (1, 2), {"key": "x"}), "http://a.test/"]


async def test_one_added_later_hears_what_comes_later() -> None:
    teller = Teller()
    teller.tell(OUTCOME)
    heard: list[Outcome] = []
    teller.add(heard.append)
    teller.tell(OUTCOME)
    assert heard == [OUTCOME]


async def test_what_one_raises_is_reported_with_the_url_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller()
    heard: list[Outcome] = []

    async def broken(outcome: Outcome) -> None:
        raise KeyError("async")

    teller.add(lambda outcome: 1 / 0)
    teller.add(broken)
    teller.add(heard.append)
    with caplog.at_level(logging.ERROR):
        teller.tell(OUTCOME)
        await teller.drain(asyncio.Event())
    assert heard == [OUTCOME]
    assert teller.errors == 2
    assert caplog.text.count("http://a.test/: a callback raised") == 2
    assert "ZeroDivisionError" in caplog.text
    assert "KeyError: 'async'" in caplog.text


async def test_drain_waits_for_those_that_still_run() -> None:
    teller = Teller()
    gate, heard = asyncio.Event(), list[str]()

    async def slow(outcome: Outcome, name: str) -> None:
        await gate.wait()
        heard.append(name)

    teller.add(slow, "a")
    teller.add(slow, "b")
    teller.tell(OUTCOME)
    draining = asyncio.ensure_future(teller.drain(asyncio.Event()))
    await turns()
    assert not draining.done()
    gate.set()
    await draining
    assert sorted(heard) == ["a", "b"]


async def test_drain_waits_for_what_callbacks_bring_about() -> None:
    teller = Teller()
    heard: list[int] = []

    async def chain(outcome: Outcome) -> None:
        await asyncio.sleep(0)
        heard.append(outcome.seq)
        if outcome.seq < 3:
            teller.tell(Outcome(OutcomeKind.ARCHIVED, outcome.url, seq=outcome.seq + 1))

    teller.add(chain)
    teller.tell(OUTCOME)
    await teller.drain(asyncio.Event())
    assert heard == [1, 2, 3]


@pytest.mark.parametrize("set_before", [False, True])
async def test_in_a_hurry_those_that_do_not_end_are_cancelled_and_counted(
    set_before: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tell, "LAST_WORDS", 0.001)
    teller = Teller()
    hurry, cancelled = asyncio.Event(), list[int]()

    async def endless(outcome: Outcome) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(outcome.seq)
            raise

    teller.add(endless)
    teller.tell(OUTCOME)
    if set_before:
        hurry.set()
    draining = asyncio.ensure_future(teller.drain(hurry))
    await turns()
    assert draining.done() is False
    hurry.set()
    with caplog.at_level(logging.ERROR):
        await draining
    assert (cancelled, teller.errors) == ([1], 1)
    assert "1 callbacks did not end in time" in caplog.text


async def test_without_callbacks_there_is_nothing_to_wait_for() -> None:
    teller = Teller()
    teller.tell(OUTCOME)
    await teller.drain(asyncio.Event())
    assert teller.errors == 0
