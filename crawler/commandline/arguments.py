"""The command line as values: argparse built from the table of options, its complaints turned into sentences."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from msgspec import Struct

from crawler.commandline.options import BY_NAME, OPTIONS, Group, Option
from crawler.commandline.settings import Setting, did_you_mean, read_setting
from crawler.errors import UsageError

_DESCRIPTION = """\
Walks the web sites that SEEDS name and keeps every HTTP exchange, byte for
byte, in WARC files. It may be interrupted at any time: the same command line
again goes on where it stopped.
"""

_EPILOG = """\
sizes:      bytes, or 10K, 5M, 2G (powers of 1024)
times:      seconds, or 90s, 5m, 2h, 1d
exit codes: 0 finished, or a limit was reached; 1 failed; 2 wrong usage;
            3 stopped, can be resumed

examples:
  python -m crawler seeds.txt              the sites in a file, one URL a line
  python -m crawler https://example.com/   one site
  python -m crawler --demo                 a bundled site, without any network

of a crawl that is there (each has a --help of its own):
  python -m crawler explain DIR URL        why it was fetched, or was not
  python -m crawler audit DIR              what archived pages need and lack
  python -m crawler patch DIR              fetch just that
"""


_SHORT = {f"-{option.short}": f"--{option.name}" for option in OPTIONS if option.short}


class Arguments(Struct, frozen=True):
    """A command line, read."""

    seeds: tuple[str, ...]
    """Names of files, `-`, or URLs, as given."""
    settings: Mapping[str, Setting]
    """What the options set, by field of CrawlConfig."""
    config: str | None
    fresh: bool
    quiet: bool
    verbose: bool
    version: bool


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        told = message.removeprefix("argument ")
        raise UsageError(re.sub(r"ignored explicit argument .*", "takes no value", told, flags=re.DOTALL))


def parse_arguments(arguments: Sequence[str]) -> Arguments:
    """Reads a command line. Raises UsageError; prints and exits for --help, as argparse does."""
    parser = build_parser()
    # argparse, were it told of an option -4, would no longer take -1 for a value.
    words = [_SHORT.get(word, word) for word in arguments]
    given, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        word = unknown[0].partition("=")[0]
        raise UsageError(f"there is no option {word}{did_you_mean(word, [f'--{name}' for name in BY_NAME])}")
    raw: dict[str, Any] = vars(given)
    settings = {
        option.field: read_setting(option, raw[option.name], _flag(option, raw[option.name]))
        for option in OPTIONS
        if option.field is not None and option.name in raw
    }
    return Arguments(
        seeds=tuple(raw["seeds"]),
        settings=settings,
        config=raw.get("config"),
        fresh=raw.get("fresh", False),
        quiet=raw.get("quiet", False),
        verbose=raw.get("verbose", False),
        version=raw.get("version", False),
    )


def build_parser() -> argparse.ArgumentParser:
    """The parser; it leaves every value as text, for the table reads values, from whatever place they come."""
    parser = _Parser(
        prog="crawler",
        usage="python -m crawler SEEDS [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_formatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
    )
    groups = {group: parser.add_argument_group(group.value) for group in Group}
    groups[Group.START].add_argument(
        "seeds",
        nargs="*",
        default=[],
        metavar="SEEDS",
        help="files of URLs, one a line; or URLs; or - for standard input",
    )
    for option in OPTIONS:
        _add(groups[option.group], option)
    groups[Group.RUN].add_argument("-h", "--help", action="help", help="print this and exit")
    return parser


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    default = option.default_text()
    text = (f"{option.help} (default: {default})" if default else option.help).replace("%", "%%")
    if option.short:
        text += f" (also: -{option.short})"
    flag = f"--{option.name}"
    if option.negative:
        group.add_argument(flag, dest=option.name, action=argparse.BooleanOptionalAction, help=text)
    elif option.switch:
        group.add_argument(flag, dest=option.name, action="store_true", help=text)
    else:
        action = "append" if option.repeat else "store"
        group.add_argument(flag, dest=option.name, action=action, metavar=option.metavar, help=text)


def _flag(option: Option, raw: object) -> str:
    return f"--no-{option.name}" if raw is False else f"--{option.name}"


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """One option a paragraph, wrapped at words of its own width."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


def _formatter(prog: str) -> argparse.HelpFormatter:
    return _Formatter(prog, max_help_position=30)
