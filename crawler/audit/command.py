"""The command `audit`: from its words to a report and an exit code.

Exit codes: 0 nothing is missing; 1 something is, or cannot be read; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from crawler.audit.opened import open_audit
from crawler.audit.text import closing, json_of, json_of_figures, lines_of
from crawler.commandline.configfile import FILE_NAME, read_config
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.report.bar import bar

INCOMPLETE = 1

_ABOUT = """Runs the link extractors over the archive of a crawl and lists the documents whose requisites (images, style
sheets, scripts, fonts, frames) were never captured, with what became of each. The crawl may be running: it is only
read. `python -m crawler patch DIR` fetches what is missing."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"audit: {message} (python -m crawler audit --help tells more)")


def run(words: Sequence[str], patch: Callable[[Path], str]) -> int:
    """Runs the command; `patch` is the command line that fetches what a directory lacks.

    Raises UsageError, LedgerError, ArchiveError, OSError."""
    parser = _Parser(prog="python -m crawler audit", description=_ABOUT, allow_abbrev=False)
    parser.add_argument("directory", metavar="DIR", type=Path, help="the crawl directory")
    parser.add_argument("--json", action="store_true", help="one JSON object a line; the last holds the figures")
    parser.add_argument("--quiet", action="store_true", help="only the figures")
    given = parser.parse_args(list(words))
    directory: Path = given.directory
    stored = directory / FILE_NAME
    config = read_config(stored) if stored.is_file() else CrawlConfig()
    with open_audit(directory, config) as (audit, total), bar("auditing", total) as advance:
        for audited in audit.run():
            advance(1)
            if not given.quiet and (audited.missing or audited.unreadable):
                print(json.dumps(json_of(audited), ensure_ascii=False) if given.json else _block(lines_of(audited)))
    figures = audit.figures
    print(json.dumps(json_of_figures(figures), ensure_ascii=False) if given.json else "\n".join(closing(figures)))
    if figures.missing and not given.json:
        print(f"\nTo fetch what is missing:\n  {patch(directory)}")
    return INCOMPLETE if figures.missing or figures.unreadable else 0


def _block(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
