"""Google's published robots.txt cases: every one passes, or is listed with its reason. And real sites' files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crawler.robotstxt import RobotsRules, crawl_delay, decode, sitemaps_in
from tests.support.sources import source_package

FILES = ("test_google.py", "test_google_correctness.py", "test_google_stress.py")
DEVIATIONS = Path(__file__).parents[1] / "data" / "robots_deviations.json"

Case = tuple[str, str, str, str, bool]
"""The test's name, robots.txt, user agent, URL, whether it is allowed."""


def _cases_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """The parameters of the tests in a file of the package, without running any of them."""
    for name in ("robots", "robots_tests", "robots_tests.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    constants = {"ALLOWED": True, "DISALLOWED": False, "FOOBOT_AGENT": "FooBot"}
    vars(sys.modules["robots_tests.core"]).update(constants)
    namespace: dict[str, Any] = {"__name__": "robots_tests.cases", "__package__": "robots_tests"}
    exec(compile(path.read_text("utf-8"), path, "exec"), namespace)
    for name, test in namespace.items():
        for mark in getattr(test, "pytestmark", ()) if name.startswith("test_") else ():
            for values in mark.args[1]:
                if len(values) == 4:
                    yield (name, *values)


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    tests = source_package("robotspy", "0.13.0") / "tests"
    return [case for file in FILES for case in _cases_in(tests / file, monkeypatch)]


def _allows(text: str, agent: str, url: str) -> bool:
    return RobotsRules(agent).allows(url, decode(text.encode()))


def test_every_case_passes_but_those_listed(cases: list[Case]) -> None:
    assert len(cases) == 524
    listed = {tuple(case) for group in json.loads(DEVIATIONS.read_text())["deviations"] for case in group["cases"]}
    differing = {
        (name, agent, url) for name, text, agent, url, allowed in cases if _allows(text, agent, url) != allowed
    }
    assert differing == listed


def test_real_files_are_read_without_trouble() -> None:
    """What 4,000 large sites really serve, HTML and worse among it: nothing raises, and nothing takes long."""
    files = sorted((source_package("protego", "0.7.0") / "tests" / "test_data").iterdir())
    assert len(files) > 4000
    closed = delayed = with_sitemaps = 0
    for file in files[::10]:
        text = decode(file.read_bytes())
        rules = RobotsRules("annals")
        closed += not rules.allows(f"https://{file.name}/", text)
        rules.allows(f"https://{file.name}/a/b?c=d", text)
        delayed += crawl_delay(text, "annals") > 0
        with_sitemaps += bool(sitemaps_in(text))
    assert 0 < closed < 60
    assert 0 < delayed < 100
    assert with_sitemaps > 100
