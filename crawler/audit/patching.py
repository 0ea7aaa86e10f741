"""The command `patch`: the same crawl goes on, for the requisites that an audit finds missing and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crawler.audit.opened import needed, open_audit
from crawler.commandline.arguments import Arguments, parse_arguments
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.frontier import Needed
from crawler.frontier.embedded import holds_ledger
from crawler.report.bar import bar

_NO_PART = ("--fresh", "--recrawl", "--retry-failed", "--output")
_ABOUT = """usage: python -m crawler patch DIR [options]

Looks for requisites of archived pages that were never captured, as audit does,
and fetches just those, into new segments of the same crawl. Those that failed
are asked for again. No page is fetched; pages that are queued stay queued.

Options are those of a crawl (python -m crawler --help); they win over what
DIR/crawl.toml says, and apply from then on.

exit codes: 0 done; 1 failed; 2 wrong usage; 3 stopped, can be resumed

example:
  python -m crawler patch crawls/seeds --delay 2
"""


def read_words(words: Sequence[str]) -> Arguments | None:
    """The command's words as those of a crawl in DIR; None when only help was asked for. Raises UsageError."""
    if not words or {"-h", "--help"} & set(words):
        if not words:
            raise UsageError("patch: names no crawl directory (python -m crawler patch --help tells more)")
        print(_ABOUT, end="")
        return None
    directory, *options = words
    for word in options:
        if word.partition("=")[0] in _NO_PART:
            raise UsageError(f"patch: {word.partition('=')[0]} is no part of a patch")
    if directory.startswith("-"):
        raise UsageError(f"patch: {directory}: the crawl directory comes first")
    if not holds_ledger(Path(directory)):
        raise UsageError(f"{directory}: holds no crawl")
    given = parse_arguments([*options, "--output", directory])
    if given.seeds:
        raise UsageError(f"patch: {given.seeds[0]}: a patch takes no seeds")
    return given


def find_missing(config: CrawlConfig) -> list[Needed]:
    """What the archive lacks by the rules of `config`. Raises UsageError, LedgerError, ArchiveError, OSError."""
    found: list[Needed] = []
    with open_audit(Path(config.output), config) as (audit, total), bar("auditing", total) as advance:
        for audited in audit.run():
            advance(1)
            found += needed(audited)
    return found
