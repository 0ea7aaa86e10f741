"""The errors a crawl can end with, and why a URL that somebody waits for has no receipt.

Each says whose fault it is and where; the command line prints those that end a crawl, in one place.
"""

from __future__ import annotations

from crawler.model import FailureKind, Outcome, OutcomeKind


class CrawlError(Exception):
    """Any error that ends a crawl; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(CrawlError):
    """The user's input is wrong: an option, a seeds line, the configuration file. The text names which."""

    exit_code = 2


class DirectoryLocked(CrawlError):
    """Another process works in this crawl directory."""


class LedgerError(CrawlError):
    """crawl.db cannot be read, written or understood; the text names the file."""


class ArchiverDied(CrawlError):
    """The one writer stopped; its error is the cause. Nothing further can be called done."""


class DiskFailed(CrawlError):
    """The local disk failed when the crawl was opened, or while something was received; the text names the place."""


class OutOfDisk(CrawlError):
    """No room, and the time to wait for some is over; what was captured is safe and the crawl can be resumed."""

    exit_code = 3


# -- why one URL has no receipt: these end no crawl ----------------------------------------------------------------


class NotArchived(CrawlError):
    """A submitted URL has no receipt. The text begins with the URL and says why."""

    def __init__(self, url: str, reason: str, outcome: Outcome | None = None) -> None:
        self.url, self.reason, self.outcome = url, reason, outcome
        """`outcome` is None where the URL never came so far as to have one."""
        super().__init__(f"{url}: {reason}")


class InvalidURL(NotArchived):
    """It is no http or https URL, or no request can be made for it."""


class Excluded(NotArchived):
    """A rule says no; `rule` names it: `exclude`, `robots.txt`, …"""

    @property
    def rule(self) -> str:
        return self.reason


class RobotsExcluded(Excluded):
    """The host's robots.txt says no."""


class AddressBarred(Excluded):
    """The host is at no public address; `allow_private` would ask it."""


class Interrupted(NotArchived):
    """Its fetch was cancelled or the crawl ended first. If it was queued, the next run of the crawl fetches it."""


class FetchFailed(NotArchived):
    """All attempts ended without a whole HTTP answer. What was received of the last is archived all the same."""


class DNSFailed(FetchFailed):
    """The host's name could not be resolved."""


class ConnectFailed(FetchFailed):
    """No connection: refused, unreachable, or the proxy did not make it."""


class TLSFailed(FetchFailed):
    """No TLS connection: an invalid certificate, a broken handshake."""


class TimedOut(FetchFailed):
    """Silence for longer than `timeout`, or a fetch longer than `max_fetch_time`."""


class Disconnected(FetchFailed):
    """The server closed the connection before its answer was whole."""


class BadAnswer(FetchFailed):
    """What the server sent is not HTTP, or HTTP whose end cannot be told."""


class TooLong(FetchFailed):
    """The answer was cut off at `max_body`."""


class RobotsUnreachable(FetchFailed):
    """The host's robots.txt could not be had, so nothing may be asked of it (RFC 9309 section 2.3.1.4)."""


class HookFailed(NotArchived):
    """A hook of the user's raised. What was received is archived all the same."""


_FAILURES: dict[FailureKind | None, type[NotArchived]] = {
    FailureKind.DNS: DNSFailed,
    FailureKind.CONNECT: ConnectFailed,
    FailureKind.TLS: TLSFailed,
    FailureKind.TIMEOUT: TimedOut,
    FailureKind.DISCONNECT: Disconnected,
    FailureKind.NOT_HTTP: BadAnswer,
    FailureKind.BAD_FRAMING: BadAnswer,
    FailureKind.INVALID_URL: InvalidURL,
    FailureKind.TRUNCATED: TooLong,
    FailureKind.ROBOTS: RobotsUnreachable,
    FailureKind.HOOK: HookFailed,
}


def not_archived(outcome: Outcome) -> NotArchived:
    """Why a URL with this outcome has no receipt, as an error of its own class."""
    reason = outcome.reason or str(outcome.kind)
    class_: type[NotArchived]
    if outcome.kind is OutcomeKind.EXCLUDED:
        barred = outcome.failure is FailureKind.ADDRESS
        class_ = AddressBarred if barred else RobotsExcluded if reason == "robots.txt" else Excluded
    elif outcome.kind is OutcomeKind.INTERRUPTED:
        class_ = Interrupted
    else:
        class_ = _FAILURES.get(outcome.failure, FetchFailed)
    return class_(outcome.url, reason, outcome)
