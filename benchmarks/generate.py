"""A site of generated pages: the same bytes for the same seed, whatever the machine.

python -m benchmarks.generate DIR [--pages 5000] [--size 10000] [--links 20] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

PAGES = 5000
SIZE = 10_000
LINKS = 20
_PER_DIRECTORY = 100

_WORDS = [
    *("archive", "capture", "crawl", "digest", "frontier", "header", "host", "index", "journal", "keep", "link"),
    *("memory", "network", "offset", "page", "queue", "record", "response", "seed", "segment", "server", "site"),
    *("table", "text", "trace", "union", "value", "visit", "wire", "word", "year"),
]


def generate(root: Path, *, pages: int = PAGES, size: int = SIZE, links: int = LINKS, seed: int = 1) -> None:
    """Writes `pages` HTML pages of about `size` bytes with `links` links each, all reachable from index.html."""
    rng = random.Random(seed)
    root.mkdir(parents=True, exist_ok=True)
    for number in range(pages):
        path = root / address(number)
        path.parent.mkdir(exist_ok=True)
        path.write_text(_page(number, _targets(number, pages, links, rng), size, rng), encoding="ascii")


def address(number: int) -> str:
    """The path of a page, from the root of the site; page 0 is index.html."""
    return f"{number // _PER_DIRECTORY:03}/page-{number:05}.html" if number else "index.html"


def _targets(number: int, pages: int, links: int, rng: random.Random) -> list[int]:
    """Two children in a binary tree, so that every page can be reached; the rest anywhere."""
    children = [child for child in (2 * number + 1, 2 * number + 2) if child < pages]
    return children + [rng.randrange(pages) for _ in range(links - len(children))]


def _page(number: int, targets: list[int], size: int, rng: random.Random) -> str:
    head = f"<!DOCTYPE html>\n<html lang=en>\n<head><meta charset=utf-8><title>Page {number}</title></head>\n<body>\n"
    items = [f'<p><a href="/{address(target)}">Page {target}</a> {{}}</p>\n' for target in targets]
    filler = max(0, size - len(head) - sum(map(len, items))) // max(1, len(items))
    return head + "".join(item.format(_prose(filler, rng)) for item in items) + "</body>\n</html>\n"


def _prose(length: int, rng: random.Random) -> str:
    """Words up to about that many characters: they compress as prose does."""
    return " ".join(rng.choices(_WORDS, k=length // 5 + 1))[:length]


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes a site of generated pages.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--links", type=int, default=LINKS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    generate(given.directory, pages=given.pages, size=given.size, links=given.links, seed=given.seed)


if __name__ == "__main__":
    main()
