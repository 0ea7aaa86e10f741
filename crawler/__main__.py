"""`python -m crawler`."""

from __future__ import annotations

import gc
import sys

from crawler.allocator import tune

GC_THRESHOLDS = (50_000, 20, 50)
"""A crawl's values make hardly any cycles; looking for them every 700 allocations costs 5 % of a page's time."""


def start() -> int:
    """Runs the command line of this process; imports it only when the collector is out of the way."""
    gc.set_threshold(*GC_THRESHOLDS)
    tune()
    from crawler.cli import main

    code = main()
    gc.freeze()  # what is left dies with the process: looking for its cycles once more would take 40 ms
    return code


if __name__ == "__main__":
    sys.exit(start())
