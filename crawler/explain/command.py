"""The command `explain`: from its words to an answer and an exit code.

Exit codes: 0 the crawl knows the URL, or would take it; 1 it does not know it and would leave it out, or its ledger
cannot be read; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from crawler.clock import SystemClock
from crawler.commandline.configfile import FILE_NAME, read_config
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.explain.explanation import explain
from crawler.explain.text import json_of, lines_of
from crawler.frontier.embedded import ask_ledger, holds_ledger
from crawler.querystrip import QueryStrip
from crawler.urls import seed_url

LEFT_OUT = 1

_ABOUT = """Tells of one URL why it is in a crawl or not: where it was found, which rule decided, its attempts and
what became of it, where its record is, what robots.txt says of it and what its host is waiting for. The crawl may be
running: it is only read. Of a URL that it never saw it tells what the rules would say."""


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"explain: {message} (python -m crawler explain --help tells more)")


def run(words: Sequence[str]) -> int:
    """Runs the command. Raises UsageError, LedgerError."""
    parser = _Parser(prog="python -m crawler explain", description=_ABOUT, allow_abbrev=False)
    parser.add_argument("directory", metavar="DIR", type=Path, help="the crawl directory")
    parser.add_argument("url", metavar="URL", help="without a scheme, the one that the crawl knows, or else https")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    given = parser.parse_args(list(words))
    directory: Path = given.directory
    stored = directory / FILE_NAME
    if not holds_ledger(directory):
        raise UsageError(f"{directory}: holds no crawl")
    # A crawl that was killed in its first moments has no configuration yet.
    config = read_config(stored) if stored.is_file() else CrawlConfig()
    try:
        url = seed_url(given.url)
    except ValueError as error:
        raise UsageError(f"explain: {error}") from None
    if config.strip_query:
        url = QueryStrip(config.strip_query).url(url)
    with ask_ledger(directory) as inquiry:
        insecure = url.replace("https:", "http:", 1)
        if "://" not in given.url and inquiry.known(url) is None and inquiry.known(insecure) is not None:
            url = insecure
        found = explain(url, inquiry, config, directory, SystemClock().time())
    if given.json:
        print(json.dumps(json_of(found), ensure_ascii=False, indent=2))
    else:
        print("\n".join(lines_of(found)))
    return LEFT_OUT if found.known is None and not found.accepted else 0
