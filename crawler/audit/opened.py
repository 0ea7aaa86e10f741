"""An audit over a crawl directory: ledger, archive and rules put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.audit.auditing import Audit, Audited
from crawler.clock import SystemClock, utc
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.frontier import Needed
from crawler.frontier.embedded import ask_ledger, holds_ledger
from crawler.ignorefile import IgnoreFile
from crawler.querystrip import QueryStrip
from crawler.scope import Scope
from storage import Archive


@contextmanager
def open_audit(directory: Path, config: CrawlConfig) -> Iterator[tuple[Audit, int]]:
    """An audit by the rules of `config`, and about how many URLs there are to look at. The crawl may be running: it is
    only read. Raises UsageError, LedgerError, ArchiveError, OSError."""
    if not holds_ledger(directory):
        raise UsageError(f"{directory}: holds no crawl")
    clock = SystemClock()
    with ask_ledger(directory) as inquiry, Archive.open(directory) as archive:
        scope = Scope.of(config, inquiry.seeds(), utc(clock.time()).year)
        IgnoreFile(directory, config.ignore_sets, scope, clock)
        strip = QueryStrip(config.strip_query) if config.strip_query else None
        yield Audit(inquiry.standings, archive, scope, strip), inquiry.standings.kept_count()


def needed(audited: Audited) -> list[Needed]:
    """What is missing of a document, as the frontier is asked for it."""
    return [Needed(missing.link, audited.kept.seq) for missing in audited.missing]
