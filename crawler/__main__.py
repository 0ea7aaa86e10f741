"""`python -m crawler`."""

from __future__ import annotations

import gc
import sys

from crawler.allocator import tune

RARE_COLLECTIONS = (500_000, 20, 50)
"""While modules are imported, and for commands that only read, the collector keeps out of the way: they make no cycles
to speak of, and looking for some takes 20 ms."""


def start() -> int:
    """Runs the command line of this process; imports it only when the collector is out of the way."""
    gc.set_threshold(*RARE_COLLECTIONS)
    tune()
    from crawler.cli import main

    code = main()
    gc.freeze()  # what is left dies with the process: looking for its cycles once more would take 40 ms
    return code


if __name__ == "__main__":
    sys.exit(start())
