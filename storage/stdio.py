"""Standard input, output and error as a program that writes archives can rely on them."""

from __future__ import annotations

import io
import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""In the order of their descriptors."""


def mend_streams() -> None:
    """Stands in for streams that are closed, and lets no character end the program.

    Where a program is started without one of the three (`>&-`), the next file it opened would get that number, and
    what is printed would go into it: into a WARC file, of all places. What a terminal's encoding cannot show is
    written as an escape."""
    for number, (name, mode) in enumerate(_STREAMS):
        _occupy(number)
        if getattr(sys, name) is None:  # as Python leaves it where the descriptor was closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """From now on nobody reads standard output: what is still to be written to it goes nowhere."""
    handle = os.open(os.devnull, os.O_WRONLY)
    os.dup2(handle, sys.stdout.fileno())
    os.close(handle)


def _occupy(number: int) -> None:
    """Opens a descriptor that is closed; the lower ones are open, so it is the one that is given."""
    try:
        os.fstat(number)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # as these three are: children rely on them, too
