"""CPU time a page, side by side: annals, wget with a WARC, Scrapy without any archive.

    python -m benchmarks.pages [--rounds 3] [--site docs|generated] [--only NAME] [--scrapy PYTHON]

Every program runs alone, pinned to one core, nginx on the other; rounds are interleaved, and the medians stand in the
table. The time is what the kernel charged the process, user and system. A page is an HTML document that nginx sent;
requisites are fetched too, and their cost is part of their pages'.
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import HERE, PEERS_PYTHON, Absent, Contender, annals, scrapy, wget
from benchmarks.generate import LINKS, PAGES, generate
from benchmarks.measure import cores, pinned, run, table
from tests.support.nginx import Nginx, nginx
from tests.support.programs import find_program, find_python_docs


@dataclass(frozen=True, slots=True)
class Run:
    """One measured crawl."""

    pages: int
    requests: int
    cpu_ms_a_page: float
    pages_a_second: float
    """Between the first page and the last; what follows may be the wait for a host that does not exist."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    chosen = [contender for contender in (annals(), wget(), scrapy(given.scrapy)) if given.only in contender.name]
    compile_programs()
    results: dict[tuple[str, str], list[Run]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as name:
        sites = dict(_sites(Path(name), given.site))
        for number in range(given.rounds):
            for site, root in sites.items():
                for contender in chosen:
                    if isinstance(contender, Contender):
                        result = measure(contender, root)
                        results[site, contender.name].append(result)
                        print(f"round {number + 1}, {site}, {contender.name}: {result}", file=sys.stderr)
    rows = [
        _row(site, contender.name, runs)
        for site in sites
        for contender in chosen
        if (runs := results[site, contender.name])
    ]
    print(table(("site", "program", "CPU ms a page", "lowest-highest", "pages a second", "pages", "requests"), rows))
    for contender in chosen:
        if isinstance(contender, Absent):
            print(f"\nnot measured: {contender.name}: {contender.reason}")
    return 0


def compile_programs() -> None:
    """As pip does on installing: the peers come compiled, too, and an environment may forbid to do it on the way."""
    for package in ("crawler", "storage"):
        compileall.compile_dir(HERE.parent / package, quiet=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--site", choices=("docs", "generated"))
    parser.add_argument("--only", default="", help="only the programs whose name holds this")
    parser.add_argument("--scrapy", type=Path, default=PEERS_PYTHON, help="a Python that has Scrapy")
    return parser


def _sites(place: Path, chosen: str | None) -> Iterator[tuple[str, Path]]:
    """The sites to crawl, by name: each a directory with an index.html."""
    docs = find_python_docs()
    if chosen in (None, "docs"):
        if docs is not None:
            yield "(a) python3-doc", docs
        else:
            print("(a) not measured: Debian's package python3-doc is not installed", file=sys.stderr)
    if chosen in (None, "generated"):
        generate(place / "generated")
        yield f"(b) {PAGES} pages, {LINKS} links", place / "generated"


@contextmanager
def served(root: Path) -> Iterator[tuple[Nginx, Path]]:
    """A site behind nginx on the other core, and an empty directory for one crawl."""
    program = find_program("nginx")
    if program is None:
        raise SystemExit("the program nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as name:
        home = Path(name)
        with nginx(program, root, home, prefix=pinned(cores()[1])) as server:
            yield server, home


def measure(contender: Contender, root: Path) -> Run:
    """One crawl of one site. Raises RuntimeError, with what the program said, if it failed."""
    with served(root) as (server, home):
        log = home / "output.log"
        usage = run(contender.command(server.url + "index.html", home), log, core=cores()[0])
        if usage.exit_code not in contender.good_exits:
            said = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{contender.name} ended with {usage.exit_code}: {said}")
        requests = [line.split(" ", 4) for line in server.access_log.read_text().splitlines()]
    pages = [float(moment) for moment, status, _, _, target in requests if status == "200" and target.endswith(".html")]
    return Run(len(pages), len(requests), 1000 * usage.cpu_seconds / len(pages), len(pages) / (max(pages) - min(pages)))


def _row(site: str, name: str, runs: Sequence[Run]) -> tuple[str, ...]:
    cpu = [run.cpu_ms_a_page for run in runs]
    return (
        site,
        name,
        f"{statistics.median(cpu):.2f}",
        f"{min(cpu):.2f}-{max(cpu):.2f}",
        f"{statistics.median(run.pages_a_second for run in runs):.0f}",
        str(runs[0].pages),
        str(runs[0].requests),
    )


if __name__ == "__main__":
    sys.exit(main())
