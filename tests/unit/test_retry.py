"""What an attempt is followed by: statuses, failures, Retry-After, and waits that grow and are bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crawler.frontier import Finished, HostReport, RetryAt
from crawler.model import Exchange, Failure, FailureKind, OutcomeKind, Truncation
from crawler.retry import (
    MAX_RETRY_AFTER,
    MAX_WAIT,
    RETRIED_FAILURES,
    RETRIED_STATUSES,
    RetryPolicy,
    failure_kind,
    host_report,
    retry_after,
)
from tests.support.exchanges import NOON, answered, failed

ARCHIVED = Finished(OutcomeKind.ARCHIVED)


def decide(exchange: Exchange, attempt: int = 1, retries: int = 3) -> Finished | RetryAt:
    decision = RetryPolicy(retries).decide(attempt, exchange, NOON)
    assert isinstance(decision, Finished | RetryAt)
    return decision


@pytest.mark.parametrize("status", sorted({200, 204, 301, 304, 400, 401, 403, 404, 410, 451, 501, 505, 599, 999}))
def test_any_other_whole_answer_is_final(status: int) -> None:
    assert decide(answered(status)) == ARCHIVED


@pytest.mark.parametrize("status", sorted(RETRIED_STATUSES))
def test_answers_that_ask_for_it_are_tried_again_and_archived_in_the_end(status: int) -> None:
    for attempt in (1, 2, 3):
        decision = decide(answered(status), attempt)
        assert isinstance(decision, RetryAt)
        assert decision.reason == f"status {status}"
    assert decide(answered(status), 4) == ARCHIVED
    assert decide(answered(status), 1, retries=0) == ARCHIVED


@pytest.mark.parametrize("kind", sorted(FailureKind))
def test_failures_that_may_pass_are_tried_again(kind: FailureKind) -> None:
    exchange = failed(kind, "it broke")
    first, last = decide(exchange), decide(exchange, 4)
    if kind in (FailureKind.ADDRESS, FailureKind.TYPE):
        assert first == last == Finished(OutcomeKind.EXCLUDED, "it broke")
    elif kind in RETRIED_FAILURES:
        assert isinstance(first, RetryAt)
        assert first.reason == "it broke"
        assert last == Finished(OutcomeKind.FAILED, "it broke")
    else:
        assert first == last == Finished(OutcomeKind.FAILED, "it broke")
    assert failure_kind(exchange) is kind


@pytest.mark.parametrize(
    ("truncated", "again", "sentence"),
    [
        (Truncation.TIME, True, "truncated: time"),
        (Truncation.DISCONNECT, True, "truncated: disconnect"),
        (Truncation.LENGTH, False, "truncated at --max-body; what was received is archived"),
        (Truncation.UNSPECIFIED, False, "truncated: unspecified"),
    ],
)
def test_what_was_cut_off_never_passes_for_whole(truncated: Truncation, again: bool, sentence: str) -> None:
    exchange = answered(200, truncated=truncated)
    assert isinstance(decide(exchange), RetryAt) is again
    assert decide(exchange, 4) == Finished(OutcomeKind.FAILED, sentence)
    assert failure_kind(exchange) is FailureKind.TRUNCATED


def test_a_cut_off_answer_is_not_judged_by_its_status() -> None:
    exchange = answered(503, truncated=Truncation.LENGTH)
    assert decide(exchange) == Finished(OutcomeKind.FAILED, "truncated at --max-body; what was received is archived")


def test_waits_grow_and_are_bounded() -> None:
    policy = RetryPolicy(100)
    waits = []
    for attempt in range(1, 101):
        decision = policy.decide(attempt, answered(500), NOON)
        assert isinstance(decision, RetryAt)
        waits.append(decision.seconds)
    for attempt, wait in enumerate(waits, 1):
        assert min(MAX_WAIT, 2.0 ** (attempt - 1)) <= wait <= min(MAX_WAIT, 2.0 ** (attempt - 1) + 1.0)
    assert waits[-1] == MAX_WAIT


def test_waits_differ_so_that_many_do_not_come_back_at_once() -> None:
    decisions = [decide(answered(500)) for _ in range(50)]
    assert len({decision.seconds for decision in decisions if isinstance(decision, RetryAt)}) > 10


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("120", 120.0),
            ("0", 0.0),
            ("000000000090", 90.0),
            ("99999999999999999999", MAX_RETRY_AFTER),
            ("9" * 5000, MAX_RETRY_AFTER),
            *(("1.5", 1.5), ("1800.0", 1800.0), ("0.25", 0.25), ("30.", 30.0), (f"{'9' * 5000}.5", MAX_RETRY_AFTER)),
            *(("120s", 120.0), ("120 seconds", 120.0), ("1.5 Sec", 1.5)),
            ("Fri, 02 Jan 2026 12:01:00 GMT", 60.0 - 0.123456),
            ("Friday, 02-Jan-26 12:01:00 GMT", 60.0 - 0.123456),
            ("Fri Jan  2 12:01:00 2026", 60.0 - 0.123456),
            ("Fri, 02 Jan 2026 13:01:00 +0100", 60.0 - 0.123456),
            ("Fri, 02 Jan 2026 12:01:00 -0000", 60.0 - 0.123456),
            ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
            ("Fri, 02 Jan 2099 12:01:00 GMT", MAX_RETRY_AFTER),
        ],
    )
    def test_seconds_and_dates(self, value: str, seconds: float) -> None:
        assert retry_after(answered(503, ("Retry-After", value)), NOON) == pytest.approx(seconds)

    @pytest.mark.parametrize(
        "value",
        [
            *("", "soon", "-5", "+5", ".5", "1,5", "1.5.2", "1e3", "120, 60", "2 minutes", "PT60S", "²", "١٢", "١.٥"),
            *("120\n", "12 May", "2026-01-02T12:01:00Z", "Fri, 99 Jan 2026 99:99:99 GMT"),
            "Fri, 02 Jan 99999999999999999999 12:01:00 GMT",
            "Fri, 02 Jan 2026 12:01:00 +99999999999999",
        ],
    )
    def test_junk_is_no_wish(self, value: str) -> None:
        assert retry_after(answered(503, ("Retry-After", value)), NOON) is None

    def test_without_the_header(self) -> None:
        assert retry_after(answered(503), NOON) is None

    @given(
        st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,20} [\d:]{0,9} [+-]\d{4,20}")
    )
    def test_any_text_is_read_without_an_error(self, value: str) -> None:
        seconds = retry_after(answered(503, ("Retry-After", value)), NOON)
        assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER

    def test_it_lengthens_the_wait_and_never_shortens_it(self) -> None:
        long = decide(answered(503, ("Retry-After", "300")))
        assert isinstance(long, RetryAt)
        assert long.seconds == 300.0
        short = decide(answered(503, ("Retry-After", "0")), 3)
        assert isinstance(short, RetryAt)
        assert short.seconds >= 4.0

    def test_a_date_in_the_past_is_now(self) -> None:
        past = (NOON - timedelta(days=400)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        assert retry_after(answered(503, ("Retry-After", past)), NOON) == 0.0


@pytest.mark.parametrize(
    ("exchange", "report"),
    [
        (answered(200, first_byte_ms=40), HostReport(40, False, None)),
        (answered(404, first_byte_ms=40), HostReport(40, False, None)),
        (answered(500, first_byte_ms=40), HostReport(None, False, None)),
        (answered(429, ("Retry-After", "7"), first_byte_ms=40), HostReport(None, True, 7.0)),
        (answered(503), HostReport(None, True, None)),
        (answered(500, ("Retry-After", "7")), HostReport(None, False, None)),
        (answered(200, truncated=Truncation.DISCONNECT, first_byte_ms=40), HostReport(None, False, None)),
        (failed(FailureKind.TIMEOUT), HostReport(None, True, None)),
        (failed(FailureKind.CONNECT), HostReport(None, False, None)),
        (
            answered(503, failure=Failure(FailureKind.TIMEOUT, "drip"), truncated=Truncation.TIME),
            HostReport(None, True, None),
        ),
    ],
)
def test_what_it_says_about_the_hosts_pace(exchange: Exchange, report: HostReport) -> None:
    found = host_report(exchange, NOON)
    assert replace(found, answered=False, silence=None) == report


@pytest.mark.parametrize("kind", FailureKind)
def test_silence_is_a_failure_without_a_byte_where_nobody_is_there(kind: FailureKind) -> None:
    report = host_report(failed(kind), NOON)
    silent = kind in (FailureKind.DNS, FailureKind.CONNECT, FailureKind.TLS, FailureKind.TIMEOUT)
    assert (report.silence is not None) is silent
    assert not report.answered


@pytest.mark.parametrize("status", [200, 404, 429, 500, 503])
def test_any_answer_says_that_somebody_is_there(status: int) -> None:
    dripping = answered(status, failure=Failure(FailureKind.TIMEOUT, "drip"), truncated=Truncation.TIME)
    for exchange in (answered(status, peer="192.0.2.7"), dripping):
        report = host_report(exchange, NOON)
        assert (report.answered, report.silence, report.address) == (True, None, exchange.peer)
