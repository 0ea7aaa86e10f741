"""The generated site must be what its figures say: the same bytes each time, and every page within reach."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.generate import address, generate

PAGES, SIZE, LINKS = 300, 10_000, 20


def written(root: Path, seed: int) -> dict[str, bytes]:
    generate(root, pages=PAGES, size=SIZE, links=LINKS, seed=seed)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.html")}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = written(tmp_path / "a", 1), written(tmp_path / "b", 1), written(tmp_path / "c", 2)
    assert first == again
    assert first != other


def test_every_page_is_reachable_and_as_large_as_said(tmp_path: Path) -> None:
    pages = written(tmp_path, 1)
    assert pages.keys() == {address(number) for number in range(PAGES)}
    links = {name: re.findall(rb'href="/([^"]+)"', body) for name, body in pages.items()}
    assert {len(found) for found in links.values()} == {LINKS}
    assert all(abs(len(body) - SIZE) < SIZE // 10 for body in pages.values())
    reached, waiting = {"index.html"}, ["index.html"]
    while waiting:
        new = {link.decode() for link in links[waiting.pop()]} - reached
        reached |= new
        waiting += new
    assert reached == pages.keys()
