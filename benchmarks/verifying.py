"""Records proven a second: annals, warcio and FastWARC over the same segments, alone on one core.

    python -m benchmarks.verifying [--captures 20000] [--size 10000] [--rounds 3]

`warcio check` and `fastwarc check --verify-payloads` check digests; annals checks all that docs/verify.md lists, here
of a whole crawl directory, and beside it of the bare files. A third of the responses are chunked, on which the other
two report false failures; that does not change what they read.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from benchmarks.measure import cores, pinned, run, table
from tests.support.crawldir import crawl_directory, many_captures, segments_of

_PER_SEGMENT = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captures", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as name:
        place = Path(name)
        captures = iter(many_captures(given.captures, given.size))
        segments = iter(lambda: list(islice(captures, _PER_SEGMENT)), [])
        crawl = crawl_directory(place / "crawl", list(segments))
        files = [str(path) for path in segments_of(crawl)]
        megabytes = sum(path.stat().st_size for path in segments_of(crawl)) / 1e6
        programs = {
            "annals, the crawl directory": [[sys.executable, "-m", "storage", "verify", "-q", str(crawl)]],
            "annals, its files": [[sys.executable, "-m", "storage", "verify", "-q", *files]],
            "warcio check": [[_script("warcio"), "check", *files]],
            "fastwarc check --verify-payloads": [
                [_script("fastwarc"), "check", "--quiet", "--verify-payloads", file] for file in files
            ],
        }
        rows = [_row(name, commands, given.captures * 3, given.rounds, place) for name, commands in programs.items()]
        print(f"{given.captures * 3} records, {megabytes:.0f} MB compressed\n")
        print(table(("program", "records a second", "lowest-highest", "peak MiB"), rows))
    return 0


def _row(name: str, commands: Sequence[Sequence[str]], records: int, rounds: int, place: Path) -> tuple[str, ...]:
    rates, peak = [], 0
    for _ in range(rounds):
        used = [run([*pinned(cores()[0]), *words], place / "log", core=cores()[0], sample=True) for words in commands]
        rates.append(records / sum(usage.cpu_seconds for usage in used))
        peak = max(peak, *(usage.peak_bytes for usage in used))
    return name, f"{statistics.median(rates):.0f}", f"{min(rates):.0f}-{max(rates):.0f}", f"{peak / 2**20:.0f}"


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    sys.exit(main())
