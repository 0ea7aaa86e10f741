"""What is left to do, durably: the protocol that the embedded SQLite store implements, and any later one must.

Rules that every implementation keeps (tests/unit/frontier_conformance.py holds each of them):

- A URL is queued at most once a round; a better reason or depth promotes it where it waits.
- `claim` gives only what may be fetched now: the host's delay has passed, its robots.txt is known, no back-off holds
  it. A claimed URL is not given again by the same session, and is still queued after a crash.
- Hosts at one address, as their attempts report it, share its slots and spacing. An origin that stops answering is only
  probed; once it is taken for dead (`verdict`), its URLs are given at once, to be failed without being asked for.
- `commit` is one transaction: all of the batch or nothing. Only after it returns is anything done.
- Sequence numbers of outcomes have no gaps and follow the order of the items in the batch.

Who is not part of a frontier knows the names below and those of `crawler.frontier.asking`, and no implementation. Which
one a crawl directory has by itself is said in `crawler.frontier.embedded` alone.
"""

from __future__ import annotations

from crawler.frontier.protocol import (
    Figures,
    Frontier,
    HostControl,
    Knowledge,
    Ledger,
    Rounds,
    RuleLedger,
    SegmentLedger,
    Slots,
    Submissions,
    WorkQueue,
)
from crawler.frontier.values import (
    Commit,
    CommitFailed,
    CommitItem,
    Counts,
    Disposition,
    ExcludedURL,
    Finished,
    HostReport,
    Needed,
    Readiness,
    RetryAt,
    RobotsAnswer,
    SegmentState,
    Settled,
    Stored,
    StoredPace,
    Tallies,
    rank,
    unrank,
)

__all__ = [
    "Commit",
    "CommitFailed",
    "CommitItem",
    "Counts",
    "Disposition",
    "ExcludedURL",
    "Figures",
    "Finished",
    "Frontier",
    "HostControl",
    "HostReport",
    "Knowledge",
    "Ledger",
    "Needed",
    "Readiness",
    "RetryAt",
    "RobotsAnswer",
    "Rounds",
    "RuleLedger",
    "SegmentLedger",
    "SegmentState",
    "Settled",
    "Slots",
    "Stored",
    "StoredPace",
    "Submissions",
    "Tallies",
    "WorkQueue",
    "rank",
    "unrank",
]
