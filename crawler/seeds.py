"""Seeds: where a crawl begins. Files of URLs, standard input, or URLs on the command line.

A seeds file is UTF-8 text with one URL a line. A line that begins with `#` is a comment, and so is what follows ` #`
behind a URL (a `#` without a space before it is part of the URL). Empty lines count for nothing. A URL without
a scheme means https. Options of its own may stand behind a URL (see crawler/seedoptions.py); they stay part of the
seed's text. What is wrong is said for all lines at once, so that it can be put right at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from crawler.errors import UsageError
from crawler.seedoptions import seed_with_options, split_seed

STDIN = "-"
_MOST_COMPLAINTS = 20
_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_LINE_END = re.compile(r"\r\n|\n|\r")
"""Not str.splitlines: a form feed or U+2028 is no end of a line in any editor."""

_HOST_LIKE = re.compile(
    r"(?:localhost|\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|(?:[\w-]+\.)+(?!(?:txt|text|lst|list|csv|md|seeds|urls|toml)\b)[^\W\d_][\w-]+)"
    r"(?::\d+)?(?:[/?#].*)?",
    re.IGNORECASE,
)
"""What somebody who types `example.com/path` means, while `seeds.txt` is a file that is missing."""


def gather_seeds(arguments: Sequence[str], stdin: BinaryIO) -> tuple[str, ...]:
    """The seeds that the command line's SEEDS stand for, in order, each once. Raises UsageError."""
    urls: dict[str, str] = {}
    for argument in arguments:
        for text in _seeds_of(argument, stdin):
            add_seed(urls, text)
    return tuple(urls.values())


def parse_seeds(data: bytes, name: str) -> tuple[str, ...]:
    """The seeds of a seeds file's content, in order, each once. Raises UsageError naming lines by `name`."""
    urls: dict[str, str] = {}
    complaints: list[str] = []
    for number, line in enumerate(_LINE_END.split(_decode(data, name)), 1):
        text = _COMMENT.sub("", line, count=1).strip()
        if text:
            try:
                add_seed(urls, seed_with_options(text))
            except ValueError as error:
                complaints.append(f"{name}:{number}: {error}")
    if complaints:
        raise UsageError(_join(complaints))
    if not urls:
        raise UsageError(f"{name}: holds no URL")
    return tuple(urls.values())


def add_seed(seeds: dict[str, str], text: str) -> None:
    """Adds a seed under its URL; named again, it has the options given last."""
    url, options = split_seed(text)
    if options or url not in seeds:
        seeds[url] = text


def is_url(argument: str) -> bool:
    """True for a command line argument that is a URL and not the name of a file."""
    if "://" in argument:
        return True
    return not os.path.exists(argument) and _HOST_LIKE.fullmatch(argument) is not None


def _seeds_of(argument: str, stdin: BinaryIO) -> Iterable[str]:
    if not argument:
        raise UsageError("SEEDS: '' is neither a file nor a URL")
    if argument == STDIN:
        return parse_seeds(stdin.read(), "standard input")
    if not is_url(argument):
        data = _read(argument)
        try:
            return parse_seeds(data, argument)
        except UsageError:
            if argument.endswith(".toml"):
                raise UsageError(f"{argument}: is no file of URLs; a file of options is given with --config") from None
            raise
    try:
        return (seed_with_options(argument),)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        hint = "; --output resumes the crawl in it" if Path(name, "crawl.toml").is_file() else ""
        raise UsageError(f"{name}: is a directory, not a file of URLs{hint}") from None
    except ValueError:
        raise UsageError(f"{name!r}: cannot be the name of a file") from None
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{name}: is UTF-16 text; save it as UTF-8")
    if b"\0" in data:
        raise UsageError(f"{name}: is a binary file, not a list of URLs")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.split(data[: error.start].decode("utf-8-sig")))
        raise UsageError(f"{name}:{line}: is not UTF-8 text") from None


def _join(complaints: Sequence[str]) -> str:
    rest = len(complaints) - _MOST_COMPLAINTS
    more = [f"and {rest} more lines like these" if rest > 1 else "and one more line"] if rest > 0 else []
    return "\n".join([*complaints[:_MOST_COMPLAINTS], *more])
