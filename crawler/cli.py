"""The command line: from words to a crawl, its summary and an exit code.

Exit codes: 0 finished, or a limit was reached; 1 failed; 2 wrong usage; 3 stopped by a signal or the disk, resumable.
A command that only tells something ends with 141 when whoever read it has left, as a shell says it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.commandline.arguments import Arguments, parse_arguments
from crawler.commandline.configure import configure
from crawler.commandline.words import Words
from crawler.config import CrawlConfig
from crawler.directory import fresh_directory, holds_crawl
from crawler.errors import CrawlError, DirectoryLocked, UsageError
from crawler.foreground import EngineFactory, run
from crawler.progress import Summary
from crawler.report import logging as report_logging
from crawler.report.ending import Hints, failed_seeds
from crawler.report.plain import PlainView
from crawler.report.text import printable
from crawler.report.view import Silent, View
from crawler.version import NAME, VERSION
from storage import ArchiveError, NoSpace, drop_output, mend_streams

FAILED = 1
RESUMABLE = 3
NOBODY_READS = 141

if TYPE_CHECKING:
    from rich.console import Console


def _explain(words: Words) -> int:
    from crawler.explain.command import run as explain  # here: a crawl does not need it

    return explain(words.arguments[1:])


def _audit(words: Words) -> int:
    from crawler.audit.command import run as audit

    return audit(words.arguments[1:], words.patch)


COMMANDS: Mapping[str, Callable[[Words], int]] = {"audit": _audit, "explain": _explain}
"""Subcommands, which take the arguments behind them: a first word of that name is no file of seeds."""

PATCH = "patch"
"""The subcommand that crawls."""

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None, *, engine: EngineFactory | None = None) -> int:
    """Runs a command line and returns its exit code. Raises SystemExit for --help, as argparse does."""
    words = Words.of_process() if argv is None else Words(("python", "-m", "crawler"), tuple(argv))
    mend_streams()
    try:
        first = words.arguments[0] if words.arguments else ""
        if first in COMMANDS:
            code = COMMANDS[first](words)
            sys.stdout.flush()
        else:
            code = _patch(words) if first == PATCH else _crawl(words, engine)
    except KeyboardInterrupt:
        code = _complain("interrupted", RESUMABLE)
    except BrokenPipeError:
        code = NOBODY_READS
    except Exception as error:
        code = _report(error, verbose=words.verbose)
    _flush()
    return code


def _crawl(words: Words, engine: EngineFactory | None) -> int:
    given = parse_arguments(words.arguments)
    if given.version:
        print(f"{NAME} {VERSION}")
        return 0
    config = configure(given, sys.stdin.buffer)
    if given.fresh:
        config = _beside(words, config, quiet=given.quiet)
    directory = Path(config.output)
    holds_crawl(directory)  # refuses a directory that something else lives in
    return _conduct(config, given, engine or _engine(), _hints(words, config))


def _patch(words: Words) -> int:
    from crawler.audit.patching import find_missing, read_words
    from crawler.crawl import Crawl

    given = read_words(words.arguments[1:])
    if given is None:
        return 0
    config = configure(given, sys.stdin.buffer)
    missing = find_missing(config)
    if not missing:
        print(f"{config.output}: nothing is missing.")
        return 0
    directory = Path(config.output)
    hints = Hints(resume=words.again(), fresh="", look=words.look(directory), crawl=words.by_directory(directory))
    return _conduct(config, given, partial(Crawl, missing=missing), hints)


def _conduct(config: CrawlConfig, given: Arguments, engine: EngineFactory, hints: Hints) -> int:
    """Crawls in the foreground, and tells how it ended."""
    directory = Path(config.output)
    with report_logging.to_file(directory, verbose=given.verbose) as log:
        try:
            summary = run(config, engine, _view(directory, given), verbose=given.verbose)
        except DirectoryLocked as error:  # nothing for the log, which is that of the crawl that runs there
            return _report(error, verbose=given.verbose)
        except Exception as error:
            _log.error("ended by an error", exc_info=error)
            return _report(error, verbose=given.verbose, log=log, resume=hints.resume)
    return _conclude(summary, hints, quiet=given.quiet)


def _beside(words: Words, config: CrawlConfig, *, quiet: bool) -> CrawlConfig:
    """--fresh: the same configuration with a directory of its own."""
    old = Path(config.output)
    directory = fresh_directory(old)
    if directory != old and not quiet:
        with contextlib.suppress(OSError):  # a crawl needs nobody who reads
            print(f"A new crawl in {directory}. To resume the one in {old}:\n  {words.resume_old(old)}\n", flush=True)
    return dataclasses.replace(config, output=directory)


def _hints(words: Words, config: CrawlConfig) -> Hints:
    return Hints(
        resume=words.resume(Path(config.output)),
        fresh=words.fresh(),
        look=words.look(Path(config.output)),
        own=words.own_site() if config.demo else None,
    )


def _console() -> Console:
    from rich.console import Console  # here, as all that draws: a quiet crawl need not wait for it

    return Console(highlight=False)


def _view(directory: Path, given: Arguments) -> View:
    if given.quiet:
        return Silent()
    console = _console()
    if console.is_terminal and not console.is_dumb_terminal:
        from crawler.report.display import LiveView

        return LiveView(console, directory)
    return PlainView(sys.stdout)


def _engine() -> EngineFactory:
    from crawler.crawl import Crawl  # here, so that wrong usage and --help are answered at once

    return Crawl


def _conclude(summary: Summary, hints: Hints, *, quiet: bool) -> int:
    if not quiet:
        from crawler.report.summary import print_summary

        with contextlib.suppress(OSError):  # whoever read this has left; the crawl ended as it ended
            print_summary(_console(), summary, hints)
    if summary.exit_code == FAILED and not summary.seeds_answered:
        return _complain(f"no seed answered: {failed_seeds(summary)}", FAILED)
    return summary.exit_code


def _report(error: Exception, *, verbose: bool, log: Path | None = None, resume: str | None = None) -> int:
    """The one place where an error becomes a sentence and an exit code."""
    if verbose and not isinstance(error, UsageError):
        traceback.print_exception(error)
    if isinstance(error, ExceptionGroup):
        return max(_report(each, verbose=False, log=log, resume=resume) for each in error.exceptions)
    if isinstance(error, CrawlError | ArchiveError):
        code = error.exit_code if isinstance(error, CrawlError) else RESUMABLE if isinstance(error, NoSpace) else FAILED
        code = _complain(str(error), code)
        if code == RESUMABLE and resume is not None:
            print(f"Go on with:\n  {resume}", file=sys.stderr)
        return code
    if isinstance(error, OSError) and log is None:  # what a command reads, or the place it writes to
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return _complain(f"{place}{error.strerror or error}", FAILED)
    where = f"the traceback is in {log}" if log else "--verbose shows the traceback"
    return _complain(f"internal error: {type(error).__name__}: {printable(str(error))}; {where}", FAILED)


def _complain(text: str, code: int) -> int:
    for line in text.splitlines() or [""]:
        print(f"crawler: {printable(line)}", file=sys.stderr)
    return code


def _flush() -> None:
    """Ends in peace when standard output is a pipe that nobody reads any more."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
