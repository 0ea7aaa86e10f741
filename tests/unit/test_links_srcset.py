"""srcset: the vectors of parse-srcset, which are W3C's, and what splitting at commas gets wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.links.srcset import srcset_urls

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "srcset_vectors.json").read_text("utf-8"))["vectors"]


def test_the_vectors_are_there() -> None:
    assert len(VECTORS) == 229


@pytest.mark.parametrize(("srcset", "first", "description"), VECTORS)
def test_first_candidate(srcset: str, first: str, description: str) -> None:
    assert next(srcset_urls(srcset), "") == first, description


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.png 1x, b.png 2x", ["a.png", "b.png"]),
        ("a.png, b.png 2x", ["a.png", "b.png"]),
        ("a.png,b.png 2x", ["a.png,b.png"]),
        (
            "/w_300,h_200,c_fill/a.jpg 300w, /w_600,h_400/a.jpg 600w",
            ["/w_300,h_200,c_fill/a.jpg", "/w_600,h_400/a.jpg"],
        ),
        ("\n\t a.png 1x,\n\t b.png 2x\n", ["a.png", "b.png"]),
        ("a.png 1x 2x, b.png", ["b.png"]),
        ("a.png 100w 50h, b.png 1.5x", ["a.png", "b.png"]),
        ("a.png (x, y), b.png", ["b.png"]),
        ("data:image/png;base64,AAA= 1x, b.png 2x", ["data:image/png;base64,AAA=", "b.png"]),
    ],
)
def test_all_candidates(srcset: str, expected: list[str]) -> None:
    assert list(srcset_urls(srcset)) == expected
