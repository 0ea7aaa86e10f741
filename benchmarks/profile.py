"""Where a crawl's time goes: one crawl of a benchmark's site under cProfile.

    python -m benchmarks.profile [docs|generated] [--sort tottime|cumulative] [--lines 50] [--save FILE]

cProfile sees one thread, that of the event loop, and makes every Python call dearer: read it for order, not for time.
"""

from __future__ import annotations

import argparse
import pstats
import sys
import tempfile
from pathlib import Path

from benchmarks.contenders import annals_command
from benchmarks.generate import generate
from benchmarks.measure import cores, run
from benchmarks.pages import served
from tests.support.programs import find_python_docs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", choices=("docs", "generated"), default="generated")
    parser.add_argument("--sort", default="tottime")
    parser.add_argument("--lines", type=int, default=50)
    parser.add_argument("--save", type=Path, help="keep the profile for other viewers")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as name:
        place = Path(name)
        profile = given.save or place / "profile"
        with served(_site(given.site, place)) as (server, home):
            command = annals_command(server.url + "index.html", home)
            # sys.executable -m crawler ...  becomes  sys.executable -m cProfile -o FILE -m crawler ...
            profiled = [command[0], "-m", "cProfile", "-o", str(profile), *command[1:]]
            usage = run(profiled, home / "output.log", core=cores()[0])
            print((home / "output.log").read_text(errors="replace"), end="")
        print(f"exit {usage.exit_code}, {usage.cpu_seconds:.2f} s CPU, {usage.wall_seconds:.2f} s")
        pstats.Stats(str(profile)).sort_stats(given.sort).print_stats(given.lines)
    return usage.exit_code


def _site(name: str, place: Path) -> Path:
    if name == "docs":
        return find_python_docs() or sys.exit("Debian's package python3-doc is not installed")
    generate(place / "generated")
    return place / "generated"


if __name__ == "__main__":
    sys.exit(main())
