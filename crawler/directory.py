"""Which directory a crawl lives in: its default name, whether a crawl is there already, a free name beside it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from crawler.errors import UsageError
from crawler.seeds import STDIN, is_url

PARENT = Path("crawls")

_OUR_NAMES = frozenset({"archive", "crawl.db", "crawl.toml", "indexes", "logs", "pages"})
"""A directory with one of these is taken for a crawl, however early it was interrupted."""

_WRITTEN_BEFORE = "ignores"
"""What somebody may put there for a crawl to come."""


def default_directory(arguments: Sequence[str], urls: Sequence[str], *, demo: bool) -> Path:
    """`crawls/` and the name of what was asked for first: a file, standard input or a URL."""
    if not arguments:
        return PARENT / ("demo" if demo else "crawl")
    first = arguments[0]
    if first == STDIN:
        return PARENT / "stdin"
    return PARENT / _file_name(urlsplit(urls[0]).netloc.rpartition("@")[2] if is_url(first) else Path(first).stem)


def holds_crawl(directory: Path) -> bool:
    """True if a crawl is in the directory. Raises UsageError if something else is."""
    try:
        names = {entry.name for entry in directory.iterdir()} - {_WRITTEN_BEFORE}
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        raise UsageError(f"{directory}: is a file, not a directory") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{directory}: cannot be used as crawl directory: {error}") from None
    if names and not names & _OUR_NAMES:
        raise UsageError(f"{directory}: is neither empty nor a crawl; give --output another directory")
    return bool(names)


def fresh_directory(directory: Path) -> Path:
    """The first of DIR, DIR-2, DIR-3 … with nothing in it, taken here so that nobody else takes it too.

    Raises UsageError."""
    for number in itertools.count(1):
        candidate = directory if number == 1 else directory.with_name(f"{directory.name}-{number}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            if number > 1 or holds_crawl(directory):
                continue
        except OSError as error:
            raise UsageError(f"{candidate}: cannot be created: {error.strerror}") from None
        if _take(candidate):
            return candidate
    raise AssertionError("counting does not end")


def _take(directory: Path) -> bool:
    """Makes an empty directory a crawl's; False if another process was quicker. One that found it empty, as whoever had
    just made it left it, would wait at its lock in vain."""
    try:
        (directory / "archive").mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise UsageError(f"{directory}: cannot be used as crawl directory: {error.strerror}") from None
    return True


def _file_name(text: str) -> str:
    """A name without anything a shell or a file system could take amiss."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "crawl"
