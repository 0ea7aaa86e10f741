"""Whether and when an attempt is followed by another: tenacity's strategies, used as pure decisions.

Nothing here sleeps: the wait is a time in the frontier, during which the URL holds no slot.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_exponential_jitter

from crawler.frontier import Disposition, Finished, HostReport, RetryAt
from crawler.liveness import SILENT
from crawler.model import Exchange, FailureKind, OutcomeKind, Truncation

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that say of themselves that a later request may fare better (RFC 9110 section 15, RFC 8470 for 425)."""
NOT_KEPT = frozenset({FailureKind.ADDRESS, FailureKind.TYPE})
"""A rule's no that only the connection or the answer's head could bring about: there is no record."""
PUSHBACK_STATUSES = frozenset({429, 503})
RETRIED_FAILURES = frozenset(
    {FailureKind.DNS, FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.DISCONNECT, FailureKind.TLS}
)
MAX_WAIT = 60.0
MAX_RETRY_AFTER = 3600.0
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]*)?)[ \t]*(?:s|secs?|seconds?)?", re.IGNORECASE)


class RetryPolicy:
    """`retries` attempts beyond the first, with exponential waits and jitter; Retry-After is honoured up to an hour."""

    def __init__(self, retries: int, *, first_wait: float = 1.0) -> None:
        self.attempts = retries + 1
        """How many attempts make a series."""
        self._stop = stop_after_attempt(self.attempts)
        self._wait = wait_exponential_jitter(initial=first_wait, max=MAX_WAIT, jitter=first_wait)
        self._caller = Retrying()

    def decide(self, attempt: int, exchange: Exchange, now: datetime) -> Disposition:
        """What this attempt, counted from 1 in its series, means for its URL."""
        if exchange.failure is not None and exchange.failure.kind in NOT_KEPT:
            return Finished(OutcomeKind.EXCLUDED, exchange.failure.reason)
        reason = why_retry(exchange)
        if reason is not None:
            state = RetryCallState(self._caller, None, (), {})
            state.attempt_number = attempt
            if not self._stop(state):
                return RetryAt(max(self._wait(state), retry_after(exchange, now) or 0.0), reason)
        if exchange.whole:
            return Finished(OutcomeKind.ARCHIVED)
        return Finished(OutcomeKind.FAILED, failure_sentence(exchange))


def why_retry(exchange: Exchange) -> str | None:
    """The reason to try again, or None when the attempt is final by its nature."""
    failure = exchange.failure
    if failure is not None:
        return failure.reason if failure.kind in RETRIED_FAILURES else None
    if exchange.truncated in (Truncation.TIME, Truncation.DISCONNECT):
        return f"truncated: {exchange.truncated}"
    if exchange.whole and exchange.status in RETRIED_STATUSES:
        return f"status {exchange.status}"
    return None


def failure_sentence(exchange: Exchange) -> str:
    if exchange.failure is not None:
        return exchange.failure.reason
    if exchange.truncated is Truncation.LENGTH:
        return "truncated at --max-body; what was received is archived"
    return f"truncated: {exchange.truncated}" if exchange.truncated else "no whole answer"


def failure_kind(exchange: Exchange) -> FailureKind | None:
    if exchange.failure is not None:
        return exchange.failure.kind
    return FailureKind.TRUNCATED if exchange.truncated is not None else None


def retry_after(exchange: Exchange, now: datetime) -> float | None:
    """Retry-After in seconds from now, bounded; None if absent or junk.

    RFC 9110 section 10.2.3 knows whole seconds (1*DIGIT) and dates. Servers that send a fraction or name the unit mean
    just as clearly to be left alone for so long, and are."""
    value = exchange.header("retry-after")
    if value is None:
        return None
    if (number := _SECONDS.fullmatch(value)) is not None:
        return min(float(number[1]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):  # the latter for years and zones of very many digits
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    return min(max(0.0, (moment - now).total_seconds()), MAX_RETRY_AFTER)


def host_report(exchange: Exchange, now: datetime) -> HostReport:
    """What the attempt says about its host."""
    timed_out = exchange.failure is not None and exchange.failure.kind is FailureKind.TIMEOUT
    pushback = timed_out or exchange.status in PUSHBACK_STATUSES
    asked = retry_after(exchange, now) if pushback else None
    good = exchange.whole and not pushback and (exchange.status or 0) < 500
    failure = exchange.failure
    answered = exchange.response is not None or exchange.status is not None
    return HostReport(
        exchange.first_byte_ms if good else None,
        pushback,
        asked,
        answered=answered,
        silence=failure.reason if failure is not None and not answered and failure.kind in SILENT else None,
        address=exchange.peer,
    )
