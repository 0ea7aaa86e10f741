"""Each way in which a URL can go without a receipt is an error of its own class."""

from __future__ import annotations

import pytest

from crawler import errors
from crawler.errors import FetchFailed, NotArchived, not_archived
from crawler.model import FailureKind, Outcome, OutcomeKind

URL = "http://a.test/"


@pytest.mark.parametrize(
    ("kind", "failure", "reason", "expected"),
    [
        (OutcomeKind.EXCLUDED, None, "exclude", errors.Excluded),
        (OutcomeKind.EXCLUDED, None, "robots.txt", errors.RobotsExcluded),
        (OutcomeKind.EXCLUDED, FailureKind.ADDRESS, "loopback", errors.AddressBarred),
        (OutcomeKind.INTERRUPTED, None, "stopped", errors.Interrupted),
        (OutcomeKind.FAILED, FailureKind.DNS, "no such name", errors.DNSFailed),
        (OutcomeKind.FAILED, FailureKind.CONNECT, "refused", errors.ConnectFailed),
        (OutcomeKind.FAILED, FailureKind.TLS, "expired", errors.TLSFailed),
        (OutcomeKind.FAILED, FailureKind.TIMEOUT, "silence", errors.TimedOut),
        (OutcomeKind.FAILED, FailureKind.DISCONNECT, "closed", errors.Disconnected),
        (OutcomeKind.FAILED, FailureKind.NOT_HTTP, "junk", errors.BadAnswer),
        (OutcomeKind.FAILED, FailureKind.BAD_FRAMING, "two lengths", errors.BadAnswer),
        (OutcomeKind.FAILED, FailureKind.INVALID_URL, "no request", errors.InvalidURL),
        (OutcomeKind.FAILED, FailureKind.TRUNCATED, "too long", errors.TooLong),
        (OutcomeKind.FAILED, FailureKind.ROBOTS, "status 503", errors.RobotsUnreachable),
        (OutcomeKind.FAILED, FailureKind.INTERNAL, "a bug", FetchFailed),
    ],
)
def test_an_outcome_without_receipt(
    kind: OutcomeKind, failure: FailureKind | None, reason: str, expected: type[NotArchived]
) -> None:
    outcome = Outcome(kind, URL, seq=3, reason=reason, failure=failure)
    error = not_archived(outcome)
    assert type(error) is expected
    assert (error.url, error.reason, error.outcome, str(error)) == (URL, reason, outcome, f"{URL}: {reason}")


def test_every_kind_of_failure_is_mapped() -> None:
    for failure in FailureKind:
        assert isinstance(not_archived(Outcome(OutcomeKind.FAILED, URL, failure=failure)), NotArchived)
