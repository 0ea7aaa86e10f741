"""The command line over an archive: from words to one command and an exit code.

Exit codes: 0 as it should be; 1 found wrong, or failed; 2 wrong usage; 130 interrupted; 141 when whoever read the
output has left (both as a shell tells them).
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import textwrap
import traceback
from collections.abc import Sequence
from typing import NoReturn

from storage.commands import ENTRIES, Command, Entry, Group, UsageError
from storage.errors import ArchiveError
from storage.stdio import drop_output, mend_streams
from storage.terminal import printable

PROGRAM = "python -m storage"
FAILED, USAGE, INTERRUPTED, NOBODY_READS = 1, 2, 130, 141

_ABOUT = "Looks into web archives: crawl directories, WARC files and WACZ packages, whoever wrote them."
_TRACEBACK = "--traceback"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    verbose = _TRACEBACK in words
    words = [word for word in words if word != _TRACEBACK]
    mend_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
        return NOBODY_READS
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except SystemExit as leaving:  # argparse has printed its help
        return leaving.code if isinstance(leaving.code, int) else 0
    except Exception as error:
        if verbose:
            traceback.print_exception(error)
        return _report(error)
    return code


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview(), end="")
        return 0 if words else USAGE
    if words[0] == "--version":
        from importlib.metadata import version  # here, for the other commands' quick start

        print(f"annals {version('annals')}")
        return 0
    entry = _entry(words[0])
    command = entry.load()
    return command.run(build_parser(entry, command).parse_args(words[1:]))


def overview() -> str:
    """The help that names the commands."""
    lines = [f"usage: {PROGRAM} COMMAND PATH [options]", "", _ABOUT]
    for group in Group:
        entries = [entry for entry in ENTRIES if entry.group is group]
        if entries:
            lines += ["", f"{group.value}:", *(f"  {entry.name:<10} {entry.help}" for entry in entries)]
    lines += ["", f"{PROGRAM} COMMAND --help tells more, with examples.", "exit codes: 0 fine; 1 found wrong; 2 usage"]
    return "\n".join(lines) + "\n"


def build_parser(entry: Entry, command: Command) -> argparse.ArgumentParser:
    """The parser of one command."""
    width = max(len(words) for words, _ in command.examples)
    examples = [f"  {PROGRAM} {words:<{width}}   {meaning}" for words, meaning in command.examples]
    parser = _Parser(
        prog=f"{PROGRAM} {entry.name}",
        description=textwrap.fill(command.description, 100),
        epilog="\n".join(["examples:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')} ({self.prog} --help tells more)")


def _entry(word: str) -> Entry:
    found = {entry.name: entry for entry in ENTRIES}
    if word in found:
        return found[word]
    near = difflib.get_close_matches(word, found, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(found)}"
    raise UsageError(f"there is no command {word}{hint}")


def _report(error: Exception) -> int:
    """The one place where an error becomes a sentence and an exit code."""
    if isinstance(error, UsageError):
        return _complain(str(error), USAGE)
    if isinstance(error, ArchiveError):
        return _complain(str(error), FAILED)
    if isinstance(error, OSError):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return _complain(f"{place}{error.strerror or error}", FAILED)
    text = f"{type(error).__name__}: {error}"
    return _complain(f"internal error: {text}; {_TRACEBACK} shows where", FAILED)


def _complain(text: str, code: int) -> int:
    print(f"storage: {printable(text)}", file=sys.stderr)
    return code
