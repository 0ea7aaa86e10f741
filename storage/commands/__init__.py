"""The commands of `python -m storage`: one module each, found by the table below and imported only when asked for.

A command's module offers `COMMAND`, a Command. To add one: write the module, add its line to ENTRIES.
"""

from __future__ import annotations

import argparse
import enum
import importlib
from collections.abc import Callable

from msgspec import Struct


class UsageError(Exception):
    """The command line cannot be meant as it stands. Exit code 2."""


class Group(enum.Enum):
    """Headings of the help, in its order."""

    READ = "look into an archive"
    PROVE = "prove and mend it"
    PASS_ON = "pass it on"


class Command(Struct, frozen=True):
    """What the frame needs of a command."""

    description: str
    """A few sentences, shown by `COMMAND --help`."""
    examples: tuple[tuple[str, str], ...]
    """What stands behind `python -m storage` and what it does; a test reads each with the parser."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does it; returns 0, or 1 for found wrong. Raises UsageError, ArchiveError or OSError, told at one seam."""


class Entry(Struct, frozen=True):
    """What is said of a command without importing it."""

    name: str
    group: Group
    help: str
    """One line."""

    @property
    def module(self) -> str:
        return f"{__name__}.{self.name}"

    def load(self) -> Command:
        command = importlib.import_module(self.module).COMMAND
        assert isinstance(command, Command)
        return command


ENTRIES: tuple[Entry, ...] = (
    Entry("list", Group.READ, "its captures, one a line"),
    Entry("get", Group.READ, "a capture's body, head or request"),
    Entry("stats", Group.READ, "counts by status, type, host and day"),
    Entry("serve", Group.READ, "look at it in a browser: lists, search, the pages as they were"),
    Entry("diff", Group.READ, "what is new, gone or changed between two archives"),
    Entry("verify", Group.PROVE, "prove that an archive is whole, or say where it is not"),
    Entry("recover", Group.PROVE, "put files in order that a crash left torn or unsealed"),
    Entry("index", Group.PROVE, "make the indexes anew"),
    Entry("pack", Group.PASS_ON, "all of it in one WACZ file"),
    Entry("export", Group.PASS_ON, "its captures as CDXJ, a list of URLs, or Parquet"),
    Entry("extract", Group.PASS_ON, "its files as a tree of directories"),
)
