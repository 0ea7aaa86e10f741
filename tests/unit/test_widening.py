"""When rules take in more than before."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from crawler.config import CrawlConfig
from crawler.rules.ignores import Ignores
from crawler.rules.widening import in_force, widened

NONE = Ignores()


def rules(ignores: Ignores = NONE, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(in_force(CrawlConfig(**options), ignores)))
    return found


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"scope": "page"}, {"scope": "prefix"}),
        ({"scope": "domain"}, {"scope": "any"}),
        ({"max_depth": 3}, {"max_depth": 4}),
        ({"max_depth": 3}, {}),
        ({}, {"offsite_links": 1}),
        ({"host_pages": 10}, {"host_pages": 11}),
        ({"host_pages": 10}, {}),
        ({}, {"traps": False}),
        ({"respect_nofollow": True}, {}),
        ({}, {"include": ("x",)}),
        ({"exclude": ("x", "y")}, {"exclude": ("y",)}),
        ({"ignores": Ignores(("forums",))}, {}),
        ({"ignores": Ignores((), (re.compile("x"),))}, {}),
    ],
)
def test_one_way_is_wider_and_the_other_is_not(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    assert widened(rules(**narrow), rules(**wide))
    assert not widened(rules(**wide), rules(**narrow))
    assert not widened(rules(**narrow), rules(**narrow))


def test_what_is_not_certain_counts_as_wider() -> None:
    one: dict[str, Any] = {"seed_options": ("http://a.test/ depth=1",)}
    assert widened(rules(**one), rules())
    assert widened(rules(), rules(**one))
    assert widened(rules(exclude=("a",)), rules(exclude=("[a]",)))


def test_a_rule_that_one_of_the_two_does_not_know_is_left_aside() -> None:
    assert not widened({}, rules(offsite_links=3))
    assert not widened({**rules(), "later": True}, rules())
